import {
  type AgreementOptions,
  cohenKappa,
  FEWEST_FOR_INTERVAL,
  type HumanLabel,
  type JudgeAgreement,
  judgeAgreement,
  type Kappa,
  meanInterval,
  type PredictionPowered,
  predictionPowered,
} from '../metrics/index.ts';
import type { Interval } from '../statistics/index.ts';
import type { StoredPair } from '../store/index.ts';
import { judgedBy, labelledRequest, ratedAnswers } from './agreement.ts';
import type { PairJudgement } from './judge-pair.ts';

/** What a judge gave the answers of one model. */
export interface JudgedModel {
  readonly model: string;
  readonly n: number;
  readonly mean: number;
  /** 95 %, by bootstrap. */
  readonly interval: Interval;
  /** The mean with the judge's error taken out by people's labels; null below 20 of them. */
  readonly corrected: PredictionPowered | null;
}

/** What is known of a judge on a task, from uniformly drawn pairs and uniformly drawn labels. */
export interface JudgeStanding {
  readonly models: readonly JudgedModel[];
  readonly agreement: JudgeAgreement | null;
  /** Labelled answers left out, because the person chose them by what they hold. */
  readonly chosen: number;
}

/** Sums a judge up on a task. */
export function judgeStanding(
  pairs: readonly StoredPair[],
  labels: readonly HumanLabel[],
  judge: string,
  options: AgreementOptions = {},
): JudgeStanding {
  const uniform = pairs.filter(({ by, drawn }) => by === judgedBy(judge) && (drawn === 'uniform' || drawn === 'upload'));
  const { rows, chosen } = ratedAnswers(uniform, labels, judge);
  const scores = new Map<string, Map<string, number>>();
  for (const pair of uniform) {
    for (const [model, quality] of [
      [pair.small, pair.smallQuality],
      [pair.big, pair.bigQuality],
    ] as const) {
      const ofModel = scores.get(model) ?? new Map<string, number>();
      scores.set(model, ofModel.set(labelledRequest(pair), quality));
    }
  }
  return {
    models: [...scores].map(([model, byRequest]) => {
      const own = rows.filter((row) => row.model === model);
      const labelled = new Set(own.map(({ cluster }) => cluster));
      const judged = [...byRequest].flatMap(([request, score]) => (labelled.has(request) ? [] : [score]));
      const { n, mean, interval } = meanInterval([...byRequest.values()]);
      return {
        model,
        n,
        mean,
        interval,
        corrected: judged.length < 2 || own.length < FEWEST_FOR_INTERVAL ? null : predictionPowered(judged, own),
      };
    }),
    agreement: rows.length === 0 ? null : judgeAgreement(rows, options),
    chosen,
  };
}

/** A pairwise judgement of a recorded pair: `a` is the small model's answer. */
export interface JudgedPair {
  readonly pair: StoredPair;
  readonly judgement: PairJudgement;
}

/** κ, weighted by squared distance, between which answer people score higher and which one the judge prefers; null where nobody labelled. */
export function preferenceAgreement(judged: readonly JudgedPair[], labels: readonly HumanLabel[]): Kappa | null {
  const scores = new Map<string, number>();
  for (const { requestId, answer, score, sample } of labels) {
    if (answer !== null && score !== null && sample === 'uniform') scores.set(JSON.stringify([requestId, answer]), score);
  }
  const counts = [0, 1, 2].map(() => [0, 0, 0]);
  let n = 0;
  for (const { pair, judgement } of judged) {
    const scoreOf = (model: string) => scores.get(JSON.stringify([labelledRequest(pair), model]));
    const [small, big] = [scoreOf(pair.small), scoreOf(pair.big)];
    if (small === undefined || big === undefined || judgement.preference === null) continue;
    counts[Math.sign(small - big) + 1]![judgement.preference * 2]! += 1;
    n += 1;
  }
  return n === 0 ? null : cohenKappa(counts, 'quadratic');
}
