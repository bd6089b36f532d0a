import type { Json } from '../../src/core/index.ts';
import { PUBLISHED } from './published.ts';

type Figures = { readonly [key: string]: Json };

interface Check {
  readonly figure: string;
  readonly target: number;
  readonly value: number;
  readonly met: boolean;
}

/** Targets that were missed, of all parts that have any. */
export function missedOf(parts: Readonly<Record<string, Json>>): string[] {
  return Object.entries(parts).flatMap(([name, figures]) =>
    checksIn(figures).flatMap(({ figure, target, value, met }) =>
      met ? [] : [`${name} ${figure} ${Number(value.toPrecision(4))} (target ${target})`],
    ),
  );
}

function checksIn(figures: Json): readonly Check[] {
  const { checks } = figures as { readonly checks?: readonly Check[] };
  return checks ?? [];
}

/** A part's figures for people. */
export function describe(name: string, figures: Json): string {
  const f = figures as Figures;
  if (Array.isArray(f.table)) return `${name}\n${(f.table as string[]).map((line) => `  ${line}`).join('\n')}\n`;
  return officialText(name, f);
}

function officialText(name: string, f: Figures): string {
  const number = (key: string, digits: number) => Number(f[key]).toFixed(digits);
  const set = name.split('.')[0]!;
  const interval = f.accuracy95 as { readonly low: number; readonly high: number };
  const openWorld = f.openWorld as Figures | null;
  const given = f.withExamplesOutside as (Figures & { readonly openWorld: Figures }) | null;
  const twins = f.withoutTwins as Figures | undefined;
  const rows = [
    ...(PUBLISHED[set] ?? []),
    { model: `smallfirst student, ${name.split('.')[1]} mode (this run)`, accuracy: Number(f.accuracy), source: 'measured' },
  ];
  return [
    `${name}: ${number('train', 0)} train, ${number('test', 0)} test, ${number('classes', 0)} classes`,
    `  accuracy ${number('accuracy', 4)} [${interval.low.toFixed(4)}, ${interval.high.toFixed(4)}] · macro F1 ${number('macroF1', 4)} · ECE ${number('ece', 4)} · AURC ${number('aurc', 4)} · coverage at 95 % ${number('coverage95', 3)}, at 98 % ${number('coverage98', 3)} (thresholds in hindsight)`,
    ...(twins ? [`  without twins of training rows: ${Number(twins.accuracy).toFixed(4)} of ${Number(twins.rows)}`] : []),
    ...(openWorld ? [`  out of scope: AUROC ${openText(openWorld)}`] : []),
    ...(given
      ? [
          `  with ${Number(given.examples)} examples outside: accuracy ${Number(given.accuracy).toFixed(4)}, AUROC ${openText(given.openWorld)}`,
        ]
      : []),
    `  training ${number('trainSeconds', 1)} s (${number('trainCpuSeconds', 1)} s of processor; medians of ${number('rounds', 0)}) · prediction p50 ${number('p50Us', 1)} µs, p99 ${number('p99Us', 0)} µs · file ${(Number(f.fileBytes) / 1e6).toFixed(2)} MB (${(Number(f.fileBytesGzip) / 1e6).toFixed(2)} MB gzip)`,
    ...checksIn(f).map(
      (check) => `  ${check.met ? 'met   ' : 'MISSED'} ${check.figure} ${Number(check.value.toPrecision(4))} (target ${check.target})`,
    ),
    ...rows.sort((a, b) => b.accuracy - a.accuracy).map((row) => `    ${(row.accuracy * 100).toFixed(1)}  ${row.model} [${row.source}]`),
    '',
  ].join('\n');
}

function openText(f: Figures): string {
  const number = (key: string) => Number(f[key]).toFixed(3);
  return `${number('auroc')} · ${number('recall')} of them told, ${number('falseAlarms')} of the others · together: ECE ${number('ece')}, coverage at 95 % ${number('coverage95')}, at 98 % ${number('coverage98')}`;
}
