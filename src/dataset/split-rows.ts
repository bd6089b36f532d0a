import { UnionFind } from '../similarity/index.ts';
import { Counts, type DraftRow, type NodeResult, unitHash } from './draft.ts';
import type { Split } from './types.ts';

/** How rows are dealt. Shares are of the units (conversations with their near-duplicates), not of the rows. */
export interface SplitSettings {
  /** `conversation` by hash, the same in every build; `time` gives the newest to golden, the next to validation. */
  readonly by: 'conversation' | 'time';
  readonly validation: number;
  /** Of the first build only: afterwards the golden set is frozen. */
  readonly golden: number;
}

/**
 * Deals rows to splits so that neither a conversation nor a group of near-duplicates is in two of them. With a frozen golden set nothing
 * is dealt to golden. The answers play no part in it.
 */
export function splitRows(
  rows: readonly DraftRow[],
  groups: readonly number[],
  { settings, isFrozen }: { readonly settings: SplitSettings; readonly isFrozen: boolean },
): NodeResult {
  const counts = new Counts();
  const units = unitsOf(rows, groups);
  const splitOf = settings.by === 'time' ? byTime(units, settings, isFrozen) : (unit: Unit) => byHash(unit, settings, isFrozen);
  const split: DraftRow[] = [...rows];
  for (const unit of units) {
    const to = splitOf(unit);
    for (const i of unit.members) split[i] = { ...rows[i]!, split: to };
    counts.add(to, unit.members.length);
  }
  return { rows: split, counts: { units: units.length, ...counts.all } };
}

/** Rows that go together. */
interface Unit {
  readonly members: readonly number[];
  /** The smallest hash of a member: a unit that gains a row seldom moves. */
  readonly place: number;
  readonly newest: number;
}

function unitsOf(rows: readonly DraftRow[], groups: readonly number[]): readonly Unit[] {
  const together = new UnionFind(rows.length);
  const firstOf = new Map<string, number>();
  for (const [i, { conversation }] of rows.entries()) {
    for (const key of [`group ${groups[i]}`, ...(conversation === null ? [] : [`conversation ${conversation}`])]) {
      const first = firstOf.get(key);
      if (first === undefined) firstOf.set(key, i);
      else together.join(first, i);
    }
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < rows.length; i += 1) {
    const root = together.find(i);
    const list = members.get(root);
    if (list === undefined) members.set(root, [i]);
    else list.push(i);
  }
  return [...members.values()].map((list) => ({
    members: list,
    place: list.reduce((least, i) => Math.min(least, unitHash('split', rows[i]!.conversation ?? rows[i]!.id)), 1),
    newest: list.reduce((most, i) => Math.max(most, rows[i]!.at ?? 0), 0),
  }));
}

function byHash({ place }: Unit, { golden, validation }: SplitSettings, isFrozen: boolean): Split {
  // The smallest of several uniform numbers is small too often: hashing it again makes shares of units right.
  const draw = unitHash('unit', String(place));
  // Freezing must not move anything: what would be golden is trained on, and validation stays where it is.
  if (draw < golden) return isFrozen ? 'train' : 'golden';
  return draw < golden + validation ? 'validation' : 'train';
}

function byTime(units: readonly Unit[], settings: SplitSettings, isFrozen: boolean): (unit: Unit) => Split {
  const golden = isFrozen ? 0 : settings.golden;
  const ordered = [...units].sort((a, b) => b.newest - a.newest || a.place - b.place);
  const rank = new Map(ordered.map((unit, i) => [unit, i]));
  const [first, second] = [Math.round(golden * units.length), Math.round((golden + settings.validation) * units.length)];
  return (unit) => {
    const place = rank.get(unit) ?? 0;
    return place < first ? 'golden' : place < second ? 'validation' : 'train';
  };
}

/** At most so many rows of one answer to train on, chosen by hash; validation and golden stay as they are. Counts `balanced-away`. */
export function balanceRows(rows: readonly DraftRow[], maxPerLabel: number): NodeResult {
  const counts = new Counts();
  const ranks = new Map<DraftRow, number>();
  const seen = new Map<string | null | undefined, number>();
  const train = rows.filter(({ split }) => split === 'train').map((row) => ({ row, draw: unitHash('balance', row.id) }));
  for (const { row } of train.sort((a, b) => a.draw - b.draw)) {
    const rank = seen.get(row.output) ?? 0;
    ranks.set(row, rank);
    seen.set(row.output, rank + 1);
  }
  const kept = rows.filter((row) => (ranks.get(row) ?? 0) < maxPerLabel);
  if (kept.length < rows.length) counts.add('balanced-away', rows.length - kept.length);
  return { rows: kept, counts: counts.all };
}
