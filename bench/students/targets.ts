import type { Json } from '../../src/core/index.ts';
import type { SplitFiles } from './data.ts';

export type Mode = 'default' | 'quality';

/** A figure beside what it must reach. */
export interface Check {
  readonly [key: string]: Json;
  readonly figure: string;
  readonly target: number;
  readonly value: number;
  readonly met: boolean;
}

interface Measured {
  readonly accuracy: number;
  readonly macroF1: number;
  readonly ece: number;
  readonly trainCpuSeconds: number;
  readonly p50Us: number;
  readonly fileBytesGzip: number;
  readonly outOfScopeAuroc: number | null;
}

/** Limits of each mode: seconds of one core (processor time: the machine is shared), microseconds, bytes of the file compressed. */
const LIMITS = {
  default: { trainCpuSeconds: 15, p50Us: 60, fileBytesGzip: 5_000_000 },
  quality: { trainCpuSeconds: 60, p50Us: 120, fileBytesGzip: 20_000_000 },
} as const;

const ACCURACY: Readonly<Record<Mode, Readonly<Partial<Record<SplitFiles['name'], number>>>>> = {
  default: { banking77: 0.92, clinc150: 0.922, snips: 0.975 },
  quality: { banking77: 0.924, clinc150: 0.926, snips: 0.975 },
};
const MACRO_F1_OF_SPAM = 0.97;
const ECE = 0.03;
const OUT_OF_SCOPE_AUROC = 0.95;

/** What a student must reach on an official split, each with what was measured. */
export function checksOf(name: SplitFiles['name'], mode: Mode, measured: Measured): Check[] {
  const atLeast = (figure: keyof Measured, target: number): Check => {
    const value = measured[figure] ?? 0;
    return { figure, target, value, met: value >= target };
  };
  const atMost = (figure: keyof Measured, target: number): Check => {
    const value = measured[figure] ?? 0;
    return { figure, target, value, met: value <= target };
  };
  const accuracy = ACCURACY[mode][name];
  return [
    ...(accuracy === undefined ? [] : [atLeast('accuracy', accuracy)]),
    ...(name === 'spam' ? [atLeast('macroF1', MACRO_F1_OF_SPAM)] : []),
    ...(measured.outOfScopeAuroc === null ? [] : [atLeast('outOfScopeAuroc', OUT_OF_SCOPE_AUROC)]),
    atMost('ece', ECE),
    atMost('trainCpuSeconds', LIMITS[mode].trainCpuSeconds),
    atMost('p50Us', LIMITS[mode].p50Us),
    atMost('fileBytesGzip', LIMITS[mode].fileBytesGzip),
  ];
}
