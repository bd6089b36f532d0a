import { createInterface } from 'node:readline/promises';
import { type NanoUsd, nanoUsd } from '../../core/index.ts';
import type { Approval, Estimate } from '../../finetune/index.ts';
import type { CommandIo } from '../io.ts';
import { renderEstimate } from './train-report.ts';

/** What was said on the command line about spending money. */
export interface SpendOptions {
  readonly yes?: boolean;
  readonly maxCost?: number;
}

/** The approval that options give; null where a person must be asked. A cap alone is no yes. */
export function approvalOf({ yes, maxCost }: SpendOptions, shown: NanoUsd | null): Approval | null {
  const cap = maxCost === undefined ? null : nanoUsd(maxCost);
  return yes === true ? { by: 'yes', cap, shown } : null;
}

/** Whether somebody is there to be asked. */
export function isInteractive(io: CommandIo): boolean {
  return io.stdin?.isTTY === true;
}

/** Shows an estimate and asks whether to go on; null for no, and where nobody is there to answer. */
export async function askPerson(
  estimate: Estimate,
  why: string,
  { io, options }: { readonly io: CommandIo; readonly options: SpendOptions },
): Promise<Approval | null> {
  io.note(renderEstimate(estimate).trimEnd());
  io.note(`Not started: ${why}.`);
  if (!isInteractive(io) || io.stdin === undefined) {
    io.note('Nobody is here to agree: say --yes, with --max-cost for a cap.');
    return null;
  }
  const lines = createInterface({ input: io.stdin, output: process.stderr });
  try {
    const answer = await lines.question('Start it? [y/N] ', { signal: io.signal });
    if (!/^y(es)?$/i.test(answer.trim())) return null;
    return { by: 'prompt', cap: options.maxCost === undefined ? null : nanoUsd(options.maxCost), shown: estimate.cost };
  } finally {
    lines.close();
  }
}
