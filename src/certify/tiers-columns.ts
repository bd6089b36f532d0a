import { type Evidence, isBinary, unitsOf } from './evidence.ts';
import type { LadderAnswer, LadderRow } from './tiers-types.ts';

/** One model's answers as columns. */
export interface TierColumn {
  readonly quality: Float64Array;
  /** −1 where the model gave no confidence. In a ladder where no model gave any, 0 everywhere: it can only take all or nothing. */
  readonly confidence: Float64Array;
  /** NaN where it is not known. */
  readonly cost: Float64Array;
  readonly uncachedCost: Float64Array;
  readonly latencyMs: Float64Array;
}

/** Rows as columns, in an order that does not depend on the file's. */
export interface Ladder {
  readonly rows: readonly LadderRow[];
  /** Cheapest first; the last is the ceiling. */
  readonly columns: readonly TierColumn[];
  /** Rows that triage sends to the ceiling. */
  readonly skipped: Uint8Array;
  /** True when no model below the ceiling has a confidence on any row that triage leaves it. */
  readonly unranked: boolean;
}

/** Sorts rows by id and turns them into columns. */
export function gatherLadder(input: readonly LadderRow[]): Ladder {
  const rows = [...input].sort((a, b) => (a.id < b.id ? -1 : 1));
  const models = rows[0]!.answers.length;
  const unranked = rows.every((row) => row.skip || row.answers.slice(0, -1).every((answer) => answer.confidence === undefined));
  const columnOf = (tier: number, value: (answer: LadderAnswer) => number) => Float64Array.from(rows, (row) => value(row.answers[tier]!));
  const columns = Array.from({ length: models }, (_, tier) => ({
    quality: columnOf(tier, (answer) => answer.quality),
    confidence: columnOf(tier, (answer) => answer.confidence ?? (unranked ? 0 : -1)),
    cost: columnOf(tier, (answer) => answer.cost ?? Number.NaN),
    uncachedCost: columnOf(tier, (answer) => answer.uncachedCost ?? answer.cost ?? Number.NaN),
    latencyMs: columnOf(tier, (answer) => answer.latencyMs ?? Number.NaN),
  }));
  return { rows, columns, skipped: Uint8Array.from(rows, (row) => (row.skip ? 1 : 0)), unranked };
}

/** Thresholds for every model below the ceiling, cheapest first; null where the model is not asked. */
export type Thresholds = readonly (number | null)[];

/** The tier that answers each row. */
export function answeredBy(ladder: Ladder, thresholds: Thresholds): Uint8Array {
  const ceiling = ladder.columns.length - 1;
  const by = new Uint8Array(ladder.rows.length).fill(ceiling);
  for (let tier = ceiling - 1; tier >= 0; tier -= 1) {
    const threshold = thresholds[tier]!;
    if (threshold === null) continue;
    const { confidence } = ladder.columns[tier]!;
    for (let row = 0; row < by.length; row += 1) {
      if (confidence[row]! >= threshold && ladder.skipped[row] === 0) by[row] = tier;
    }
  }
  return by;
}

/** What does not depend on the policy: the ceiling's qualities and the units. */
export interface LadderUnits extends Pick<Evidence, 'unitOf' | 'unitSizes' | 'n' | 'graded'> {
  readonly big: Float64Array;
}

/** Units of the rows, and whether any quality is graded. */
export function unitsOfLadder(ladder: Ladder): LadderUnits {
  const order = Int32Array.from({ length: ladder.rows.length }, (_, row) => row);
  const graded = ladder.columns.some(({ quality }) => !quality.every(isBinary));
  return { ...unitsOf(ladder.rows, order), graded, big: ladder.columns.at(-1)!.quality };
}

/** A policy against the ceiling, as pairs whose small side is the policy and is accepted on every row: what every test is made for. */
export function evidenceOf(ladder: Ladder, units: LadderUnits, by: Uint8Array): Evidence {
  const small = Float64Array.from(by, (tier, row) => ladder.columns[tier]!.quality[row]!);
  return { ...units, small, skipped: 0, silent: 0, unranked: true, cuts: [{ threshold: 0, rows: small.length }] };
}
