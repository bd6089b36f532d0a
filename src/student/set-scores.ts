import type { Fields } from './types.ts';

/** What predicted and gold sets have in common, summed over rows. */
export interface SetScores {
  /** F1 over all (row, item). */
  readonly microF1: number;
  /** Plain mean of the F1 of every label or field that occurs. */
  readonly macroF1: number;
  /** Share of rows whose set is exactly right. */
  readonly exact: number;
}

/** One item of a row: the label itself, or a field with its value. `name` is what macro F1 is taken over. */
interface Item {
  readonly name: string;
  readonly value: string;
}

/** Scores of sets of labels. */
export function labelSetScores(predicted: readonly (readonly string[])[], gold: readonly (readonly string[])[]): SetScores {
  return setScores(predicted.map(labelItems), gold.map(labelItems));
}

/** Scores of records: an item is one value of one field, compared as texts, runs of white space being one space. */
export function fieldScores(predicted: readonly Fields[], gold: readonly Fields[]): SetScores {
  return setScores(predicted.map(fieldItems), gold.map(fieldItems));
}

/** Whether two records say the same, as `fieldScores` compares them. */
export function sameFields(a: Fields, b: Fields): boolean {
  return sameItems(fieldItems(a), fieldItems(b));
}

/** Whether two sets of labels are the same, in any order. */
export function sameLabels(a: readonly string[], b: readonly string[]): boolean {
  return sameItems(labelItems(a), labelItems(b));
}

/** Share of the labels of either set that both have: 1 for equal sets, empty ones too. */
export function labelOverlap(a: readonly string[], b: readonly string[]): number {
  return overlap(labelItems(a), labelItems(b));
}

/** Share of the field values of either record that both have, compared as `fieldScores` does. */
export function fieldOverlap(a: Fields, b: Fields): number {
  return overlap(fieldItems(a), fieldItems(b));
}

function overlap(a: readonly Item[], b: readonly Item[]): number {
  const both = matches(a, b).length;
  return a.length + b.length === 0 ? 1 : both / (a.length + b.length - both);
}

function labelItems(labels: readonly string[]): Item[] {
  return labels.map((name) => ({ name, value: '' }));
}

function fieldItems(fields: Fields): Item[] {
  return Object.entries(fields).flatMap(([name, held]) =>
    (typeof held === 'string' ? [held] : held).map((value) => ({ name, value: plain(value) })),
  );
}

function plain(value: string): string {
  return value.replace(/\s+/gu, ' ').trim();
}

function keyOf({ name, value }: Item): string {
  return `${name}\u0000${value}`;
}

function sameItems(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && matches(a, b).length === a.length;
}

/** The items of `a` that `b` has too, each used once. */
function matches(a: readonly Item[], b: readonly Item[]): Item[] {
  const left = new Map<string, number>();
  for (const item of b) left.set(keyOf(item), (left.get(keyOf(item)) ?? 0) + 1);
  return a.filter((item) => {
    const count = left.get(keyOf(item)) ?? 0;
    if (count > 0) left.set(keyOf(item), count - 1);
    return count > 0;
  });
}

interface Tally {
  right: number;
  said: number;
  gold: number;
}

function setScores(predicted: readonly (readonly Item[])[], gold: readonly (readonly Item[])[]): SetScores {
  const byName = new Map<string, Tally>();
  const tally = (name: string): Tally => {
    const known = byName.get(name) ?? { right: 0, said: 0, gold: 0 };
    byName.set(name, known);
    return known;
  };
  let exact = 0;
  for (const [row, wanted] of gold.entries()) {
    const said = predicted[row]!;
    const right = matches(said, wanted);
    for (const { name } of said) tally(name).said += 1;
    for (const { name } of wanted) tally(name).gold += 1;
    for (const { name } of right) tally(name).right += 1;
    if (said.length === wanted.length && right.length === said.length) exact += 1;
  }
  const all = [...byName.values()];
  const total = all.reduce(
    (sum, { right, said, gold: wanted }) => ({ right: sum.right + right, said: sum.said + said, gold: sum.gold + wanted }),
    {
      right: 0,
      said: 0,
      gold: 0,
    },
  );
  return {
    microF1: f1(total),
    macroF1: all.length === 0 ? 1 : all.reduce((sum, one) => sum + f1(one), 0) / all.length,
    exact: gold.length === 0 ? 0 : exact / gold.length,
  };
}

/** F1 = 2·right / (said + gold); nothing said where nothing was to be said is right. */
function f1({ right, said, gold }: Tally): number {
  return said + gold === 0 ? 1 : (2 * right) / (said + gold);
}
