import { SmallfirstError } from '../core/index.ts';
import { agreementWith, frontierQuality, qualityOf } from './quality.ts';
import { hasGold, type Scale } from './scores.ts';
import type { PredictionRow, StudentPrediction } from './types.ts';

/** A row that `smallfirst certify` reads: both answers' quality, and how sure the student was. */
export interface StudentPair {
  readonly id: string;
  readonly small: { readonly quality: number; readonly confidence: number; readonly costUsd?: number; readonly latencyMs?: number };
  readonly big: { readonly quality: number; readonly costUsd?: number; readonly latencyMs?: number };
  readonly cluster?: string;
  /** Who scored: `label` a gold answer, `agreement` the frontier itself. */
  readonly by: 'label' | 'agreement';
}

/** What pairs need beside rows and predictions. */
export interface PairOptions {
  readonly scale: Scale;
  /** Dollars per call of the student. */
  readonly costUsd: number;
  /** Milliseconds of one prediction; null where it was not timed alone. */
  readonly latencyMs: number | null;
}

/**
 * A pair for every row with a recorded frontier answer: scored by the gold answer where there is one, else by agreement with the frontier. Throws
 * INPUT_INVALID when no row has one, or two rows have one id.
 */
export function pairsOf(rows: readonly PredictionRow[], said: readonly StudentPrediction[], options: PairOptions): StudentPair[] {
  const seen = new Set<string>();
  const pairs = rows.flatMap((row, i): StudentPair[] => {
    if (row.frontier === undefined) return [];
    const id = String(row.id ?? i + 1);
    if (seen.has(id))
      throw new SmallfirstError('INPUT_INVALID', `two rows have the id ${JSON.stringify(id)}: a pair would count as evidence twice`);
    seen.add(id);
    return [{ id, ...sidesOf(row, said[i]!, options) }];
  });
  if (pairs.length > 0) return pairs;
  throw new SmallfirstError('INPUT_INVALID', 'no row has a recorded frontier answer ("frontier" or "big"): there is nothing to pair with');
}

function sidesOf(row: PredictionRow, said: StudentPrediction, { scale, costUsd, latencyMs }: PairOptions): Omit<StudentPair, 'id'> {
  const frontier = row.frontier!;
  const isScored = hasGold(row, scale.kind);
  const bigQuality = isScored ? frontierQuality(row, frontier, scale) : (frontier.quality ?? 1);
  // Without a gold answer the frontier's own is the measure: what differs from it counts as wrong.
  const quality = isScored ? qualityOf(row, said, scale) : agreementWith(frontier, said, scale) * bigQuality;
  return {
    small: { quality, confidence: said.confidence, costUsd, ...(latencyMs === null ? {} : { latencyMs }) },
    big: {
      quality: bigQuality,
      ...(frontier.costUsd === undefined ? {} : { costUsd: frontier.costUsd }),
      ...(frontier.latencyMs === undefined ? {} : { latencyMs: frontier.latencyMs }),
    },
    ...(row.group === undefined ? {} : { cluster: row.group }),
    by: isScored ? 'label' : 'agreement',
  };
}
