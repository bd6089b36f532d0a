import { join } from 'node:path';
import { contentHash, type Json, type NanoUsd } from '../core/index.ts';
import { type DraftRow, hashOfRows, type NodeResult } from './draft.ts';
import { readLines, writeLines } from './row-lines.ts';
import type { NodeRecord } from './types.ts';

/** Raised when a node computes something else from the same settings and rows. */
const CODE_VERSION = 1;

/** A node of the graph that is to be run. */
export interface NodePlan {
  readonly kind: NodeRecord['kind'];
  readonly settings: Json;
  /** What goes in beside the rows and decides the outcome: labels of people, golden rows. */
  readonly beside?: Json;
  /** False for a node whose outcome is not decided by what goes in: the record, a model. */
  readonly cached: boolean;
}

/** What running a node gave: its rows, its line in the manifest. */
export interface NodeRun<R extends NodeResult> {
  readonly result: R;
  readonly record: NodeRecord;
}

/**
 * Runs a node, or finds what it gave for the same settings and the same rows. The work must depend on nothing but those. Files are
 * written whole, so a build that is stopped goes on where it was.
 */
export async function runNode<R extends NodeResult & { readonly spent?: NanoUsd }>(
  folder: string,
  plan: NodePlan,
  { rows, work }: { readonly rows: readonly DraftRow[]; readonly work: () => R | Promise<R> },
): Promise<NodeRun<R>> {
  const { kind, settings, beside = null } = plan;
  const hash = contentHash({ kind, settings, beside, code: CODE_VERSION, rows: hashOfRows(rows) });
  const path = join(folder, `${kind}-${hash}.jsonl`);
  const found = plan.cached ? await read<R>(path) : null;
  const result = found ?? (await work());
  if (plan.cached && found === null) await write(result, path);
  const record: NodeRecord = {
    kind,
    hash,
    settings,
    rowsIn: rows.length,
    rowsOut: result.rows.length,
    cached: found !== null,
    counts: result.counts,
    cost: result.spent ?? null,
  };
  return { result, record };
}

/** The first line is what a result holds beside its rows. */
async function write({ rows, ...rest }: NodeResult, path: string): Promise<void> {
  await writeLines(path, [rest, ...rows]);
}

async function read<R extends NodeResult>(path: string): Promise<R | null> {
  try {
    const { values } = await readLines<object>(path);
    const [rest, ...rows] = values;
    return rest === undefined ? null : ({ ...rest, rows } as unknown as R);
  } catch {
    // Not there, or not readable: it is computed again.
    return null;
  }
}
