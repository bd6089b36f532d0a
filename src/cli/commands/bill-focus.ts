import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addUsd, type Clock, formatUsd, SmallfirstError, toUsd, ZERO_USD } from '../../core/index.ts';
import { FOCUS_VERSION, type FocusItem, focusHeader, focusRow } from '../../finops/index.ts';
import type { BillDimension, BillRow } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { counted } from '../table.ts';
import { type BillOptions, parseSpan } from './bill.ts';

/** What `smallfirst bill --focus FILE --json` prints. */
export interface BillFocusDocument {
  readonly file: string;
  readonly focusVersion: string;
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  /** The sum of BilledCost, which is the bill of the span. */
  readonly costUsd: number;
  readonly costNanoUsd: number;
  /** Attempts without a known price: their rows say so, and cost nothing there. */
  readonly unpricedCalls: number;
}

/** What a row of the export is: everything that a team may want to be charged by. */
const dimensions: readonly BillDimension[] = ['day', 'provider', 'model', 'task', 'step', 'pipeline', 'purpose', 'tier', 'key', 'team'];
const tagged = ['task', 'step', 'pipeline', 'purpose', 'tier', 'key', 'team'] as const satisfies readonly BillDimension[];

/** `smallfirst bill --focus`: the span as FOCUS CSV, one row per day, model, purpose and payer. The rows add up to the bill exactly. */
export async function runBillFocus(options: BillOptions & { readonly focus: string }, io: CommandIo, clock: Clock): Promise<ExitCode> {
  if (options.by !== undefined) throw new SmallfirstError('USAGE', '--focus has its own rows: leave out --by.');
  const span = parseSpan(options, clock.now());
  const file = resolve(io.cwd, options.focus);
  const store = await openRecord(options, io);
  try {
    const rows = await store.calls.bill(span, dimensions);
    await writeLines(file, [focusHeader(), ...rows.map((row) => focusRow(itemOf(row)))]);
    const cost = rows.reduce((sum, row) => addUsd(sum, row.cost), ZERO_USD);
    const document: BillFocusDocument = {
      file,
      focusVersion: FOCUS_VERSION,
      from: new Date(span.from).toISOString(),
      to: new Date(span.to).toISOString(),
      rows: rows.length,
      costUsd: toUsd(cost),
      costNanoUsd: cost,
      unpricedCalls: rows.reduce((sum, row) => sum + row.unpricedCalls, 0),
    };
    if (options.json) io.json(document);
    else io.out(`${counted(rows.length, 'row')} of FOCUS ${FOCUS_VERSION}, ${formatUsd(cost)} in all: ${file}\n`);
    if (document.unpricedCalls > 0) {
      io.note(
        `WARNING: ${counted(document.unpricedCalls, 'attempt has', 'attempts have')} no known price; x_UnpricedCalls counts them, and BilledCost is without them.`,
      );
    }
    return 0;
  } finally {
    await store.close();
  }
}

function itemOf(row: BillRow): FocusItem {
  const { dimensions: names } = row;
  return {
    day: names.day ?? '',
    provider: names.provider ?? null,
    model: names.model ?? null,
    team: names.team ?? null,
    tags: Object.fromEntries(tagged.map((name) => [name, names[name] ?? null])),
    cost: row.cost,
    attempts: row.calls,
    requests: row.requests,
    unpricedCalls: row.unpricedCalls,
    inputTokens: row.inputTokens,
    cachedTokens: row.cachedTokens,
    outputTokens: row.outputTokens,
  };
}

/** Whole or not at all: a half-written bill looks like a small one. */
async function writeLines(file: string, lines: readonly string[]): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, 'w');
    try {
      for (let i = 0; i < lines.length; i += 1000) await handle.write(`${lines.slice(i, i + 1000).join('\r\n')}\r\n`);
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true });
    throw new SmallfirstError('INPUT_NOT_FOUND', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
