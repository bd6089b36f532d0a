import { FEWEST_GRADED_UNITS } from './point-test.ts';
import type { Ladder, LadderUnits } from './tiers-columns.ts';
import type { TierMethod, TierOptions } from './tiers-types.ts';

/** What notes are made from. */
export interface NoteSource {
  readonly ladder: Ladder;
  readonly units: LadderUnits;
  readonly used: TierMethod;
  /** What the best policy that keeps the floor would have saved, where it is not worth it; else null. */
  readonly passedSavings: number | null;
}

/** What a reader must know beside the numbers. */
export function tierNotes(source: NoteSource, options: TierOptions): string[] {
  const { ladder, units, used, passedSavings } = source;
  const notes: string[] = [];
  const clustered = units.unitOf !== null;
  if (used !== options.method) {
    const kind = clustered ? 'clusters' : 'graded pairs';
    notes.push(
      `The score test needs ${FEWEST_GRADED_UNITS} ${kind} and there are ${units.n}: the betting e-value, exact at any size, was used instead.`,
    );
  }
  if (clustered && used !== 'score') notes.push('Rows of a cluster are not independent: each cluster counts once and with equal weight.');
  if (clustered && used === 'score') notes.push('Rows of a cluster are not independent: they are summed, and n counts clusters.');
  const skipped = ladder.skipped.reduce((sum, flag) => sum + flag, 0);
  if (skipped > 0) {
    notes.push(`${skipped} rows are sent to the ceiling before the call: the verdict holds with that triage in front, and only so.`);
  }
  notes.push(...confidenceNotes(ladder, options.models), ...orderNotes(ladder, options.models));
  if (passedSavings !== null) {
    notes.push(`The best policy that keeps the floor would cost ${(-100 * passedSavings).toFixed(1)} % more than the ceiling alone.`);
  }
  return notes;
}

function confidenceNotes(ladder: Ladder, models: readonly string[]): string[] {
  if (ladder.unranked) return [];
  return ladder.columns.slice(0, -1).flatMap(({ confidence }, tier) => {
    const silent = confidence.reduce((rows, value, row) => rows + (value < 0 && ladder.skipped[row] === 0 ? 1 : 0), 0);
    if (silent === 0) return [];
    const answers = confidence.every((value) => value < 0);
    return answers
      ? [`${models[tier]} has no confidence on any row: it is never asked.`]
      : [`${models[tier]} has no confidence on ${silent} rows: there it is asked and never accepted.`];
  });
}

/** Models are taken in the order of the file: one that costs more than the next is probably in the wrong place. */
function orderNotes(ladder: Ladder, models: readonly string[]): string[] {
  const means = ladder.columns.map(({ cost }) => cost.reduce((sum, value) => sum + value, 0) / cost.length);
  return means.flatMap((mean, tier) =>
    tier > 0 && means[tier - 1]! > mean
      ? [`${models[tier - 1]} costs more on average than ${models[tier]}, which comes after it in the ladder.`]
      : [],
  );
}
