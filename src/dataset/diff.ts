import { canonicalJson } from '../core/index.ts';
import type { DatasetManifest, DatasetRow, Split } from './types.ts';

/** One row that is in both versions and not the same. */
export interface RowChange {
  readonly id: string;
  /** What differs: `text`, `output`, `split`, `provenance`, `flags` … */
  readonly members: readonly string[];
  readonly before: { readonly output: string | null; readonly split: Split };
  readonly after: { readonly output: string | null; readonly split: Split };
}

/** What a newer version of a data set has that an older one has not. */
export interface DatasetDiff {
  readonly before: string;
  readonly after: string;
  readonly added: Readonly<Record<Split, number>>;
  readonly removed: Readonly<Record<Split, number>>;
  readonly addedIds: readonly string[];
  readonly removedIds: readonly string[];
  readonly changed: readonly RowChange[];
  /** Rows whose answer is another one. */
  readonly relabelled: number;
  /** Rows that went to another split. */
  readonly moved: number;
  /** Kinds of nodes whose settings differ. */
  readonly nodes: readonly string[];
}

/** A version and its rows. */
export interface VersionRows {
  readonly manifest: DatasetManifest;
  readonly rows: readonly DatasetRow[];
}

/** Compares two versions by the ids of their rows. */
export function diffDatasets(before: VersionRows, after: VersionRows): DatasetDiff {
  const old = new Map(before.rows.map((row) => [row.id, row]));
  const now = new Map(after.rows.map((row) => [row.id, row]));
  const addedRows = after.rows.filter(({ id }) => !old.has(id));
  const removedRows = before.rows.filter(({ id }) => !now.has(id));
  const changed = after.rows.flatMap((row) => changeOf(old.get(row.id), row));
  return {
    before: before.manifest.hash,
    after: after.manifest.hash,
    added: perSplit(addedRows),
    removed: perSplit(removedRows),
    addedIds: addedRows.map(({ id }) => id),
    removedIds: removedRows.map(({ id }) => id),
    changed,
    relabelled: changed.filter(({ members }) => members.includes('output')).length,
    moved: changed.filter(({ members }) => members.includes('split')).length,
    nodes: changedNodes(before.manifest, after.manifest),
  };
}

const MEMBERS = ['text', 'messages', 'output', 'rejected', 'conversation', 'provenance', 'drawn', 'split', 'teacher', 'flags'] as const;

function changeOf(old: DatasetRow | undefined, row: DatasetRow): readonly RowChange[] {
  if (old === undefined) return [];
  const members = MEMBERS.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(row[name]));
  if (members.length === 0) return [];
  const seen = ({ output, split }: DatasetRow) => ({ output, split });
  return [{ id: row.id, members, before: seen(old), after: seen(row) }];
}

function perSplit(rows: readonly DatasetRow[]): Readonly<Record<Split, number>> {
  const counts: Record<Split, number> = { train: 0, validation: 0, golden: 0 };
  for (const { split } of rows) counts[split] += 1;
  return counts;
}

function changedNodes(before: DatasetManifest, after: DatasetManifest): readonly string[] {
  const settingsOf = ({ nodes }: DatasetManifest, kind: string) =>
    canonicalJson(nodes.filter((node) => node.kind === kind).map(({ settings }) => settings));
  const kinds = new Set([...before.nodes, ...after.nodes].map(({ kind }) => kind));
  return [...kinds].filter((kind) => settingsOf(before, kind) !== settingsOf(after, kind));
}
