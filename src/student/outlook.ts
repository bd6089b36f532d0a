import { certify } from '../certify/index.ts';
import { frontierQuality, qualityOf } from './quality.ts';
import type { Scale } from './scores.ts';
import type { Outlook, OutlookRule, StudentPrediction, TrainingRow } from './types.ts';

/** The default floor of a task, at its default level; a twentieth of the traffic is the least that is worth a student. */
export const DEFAULT_RULE: OutlookRule = { floor: 0.98, level: 0.95, minShare: 0.05 };

/**
 * Whether a student could pass a floor, by the test that certifies, on held-out predictions: against the frontier's recorded answers where every row
 * has one, else against a frontier that is always right, which asks more than certification will. It is no certificate: the confidence was
 * calibrated on these rows.
 */
export function outlookOf(rows: readonly TrainingRow[], heldOut: readonly StudentPrediction[], scale: Scale, rule: OutlookRule): Outlook {
  const isRecorded = rows.every((row) => row.frontier !== undefined);
  const pairs = rows.map((row, i) => ({
    id: String(i),
    small: { quality: qualityOf(row, heldOut[i]!, scale), confidence: heldOut[i]!.confidence },
    big: { quality: isRecorded ? frontierQuality(row, row.frontier!, scale) : 1 },
    ...(row.group === undefined ? {} : { cluster: row.group }),
  }));
  const found = certify(pairs, { floor: rule.floor, level: rule.level, method: 'score' });
  // With fewer units than this not even a student without a single mistake would pass.
  const fewest = Math.ceil(Math.log(1 - rule.level) / Math.log(rule.floor));
  const passes = found.verdict !== 'frontier' && found.accepted >= rule.minShare;
  return {
    verdict: passes ? 'promising' : found.n < fewest ? 'too-few' : 'none',
    accepted: found.verdict === 'frontier' ? 0 : found.accepted,
    ...rule,
    units: found.n,
    fewest,
    against: isRecorded ? 'recorded' : 'perfect',
  };
}
