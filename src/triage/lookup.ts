import type { TriageInput, TriageRow } from './types.ts';

/** The baseline: the mean gain of each task and category, which a pipeline knows without reading the text. */
export interface Lookup {
  /** Expected quality of big minus that of small for the request's category, else its task, else any request. */
  gain(input: TriageInput): number;
}

/** Distinct tasks and categories: with one only, there is nothing to look up. */
export function countGroups(inputs: readonly TriageInput[]): number {
  return new Set(inputs.map(groupOf)).size;
}

/**
 * Means per category, drawn towards the task's mean as far as the categories' own noise asks: (n·mean + k·task mean) / (n + k) with
 * k = variance within / variance between, by the method of moments. Small categories so tell less, and the baseline is a strong one.
 */
export function fitLookup(rows: readonly TriageRow[]): Lookup {
  const overall = meanGain(rows);
  const tasks = new Map<string | undefined, number>();
  for (const [task, members] of groupBy(rows, (row) => row.task)) tasks.set(task, meanGain(members));
  const groups = groupBy(rows, groupOf);
  const k = shrinkage([...groups.values()]);
  const gains = new Map<string, number>();
  for (const [group, members] of groups) {
    const target = tasks.get(members[0]!.task)!;
    gains.set(group, k === Number.POSITIVE_INFINITY ? target : (members.length * meanGain(members) + k * target) / (members.length + k));
  }
  return { gain: (input) => gains.get(groupOf(input)) ?? tasks.get(input.task) ?? overall };
}

/** Variance within over variance between groups (one-way analysis of variance, unequal sizes); infinite when groups do not differ. */
function shrinkage(groups: readonly (readonly TriageRow[])[]): number {
  const rows = groups.flat();
  if (groups.length < 2 || rows.length <= groups.length) return 0;
  const overall = meanGain(rows);
  let within = 0;
  let between = 0;
  let squaredSizes = 0;
  for (const members of groups) {
    const mean = meanGain(members);
    for (const row of members) within += (gainOf(row) - mean) ** 2;
    between += members.length * (mean - overall) ** 2;
    squaredSizes += members.length ** 2;
  }
  const meanWithin = within / (rows.length - groups.length);
  const meanBetween = between / (groups.length - 1);
  const size = (rows.length - squaredSizes / rows.length) / (groups.length - 1);
  const variance = (meanBetween - meanWithin) / size;
  return variance > 0 ? meanWithin / variance : Number.POSITIVE_INFINITY;
}

function groupOf({ task, category }: TriageInput): string {
  return JSON.stringify([task ?? null, category ?? null]);
}

function groupBy<K>(rows: readonly TriageRow[], keyOf: (row: TriageRow) => K): Map<K, TriageRow[]> {
  const groups = new Map<K, TriageRow[]>();
  for (const row of rows) {
    const members = groups.get(keyOf(row));
    if (members) members.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
}

function gainOf(row: TriageRow): number {
  return row.big - row.small;
}

function meanGain(rows: readonly TriageRow[]): number {
  return rows.reduce((sum, row) => sum + gainOf(row), 0) / rows.length;
}
