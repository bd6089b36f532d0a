import {
  type AgreementOptions,
  type HumanLabel,
  type JudgeAgreement,
  judgeAgreement,
  type RatedAnswer,
  standingLabels,
} from '../metrics/index.ts';
import type { Feedback, Store, StoredPair } from '../store/index.ts';

/** The name under which a judge's scores are kept with pairs. */
export function judgedBy(model: string): string {
  return `judge:${model}`;
}

/** The id that labels of a pair are kept under: its request's, or its own where it has none. */
export function labelledRequest({ requestId, id }: Pick<StoredPair, 'requestId' | 'id'>): string {
  return requestId ?? id;
}

/** What people and a judge said of the same answers. */
export interface Rated {
  readonly rows: readonly (RatedAnswer & { readonly model: string })[];
  /** Scored answers that are left out: the person chose what to label by what it holds, so they say nothing about the rest. */
  readonly chosen: number;
}

/** Joins a judge's scores, kept with pairs, to the scores of people. An answer that several people scored counts with their mean. */
export function ratedAnswers(pairs: readonly StoredPair[], labels: readonly HumanLabel[], judge: string): Rated {
  const scores = new Map<string, { sum: number; n: number; uniform: boolean }>();
  for (const { requestId, answer, score, sample } of labels) {
    if (answer === null || score === null) continue;
    const place = JSON.stringify([requestId, answer]);
    const { sum, n, uniform } = scores.get(place) ?? { sum: 0, n: 0, uniform: true };
    scores.set(place, { sum: sum + score, n: n + 1, uniform: uniform && sample === 'uniform' });
  }
  const rows = new Map<string, RatedAnswer & { readonly model: string }>();
  let chosen = 0;
  for (const pair of pairs) {
    if (pair.by !== judgedBy(judge)) continue;
    const cluster = labelledRequest(pair);
    for (const side of [
      { model: pair.small, judged: pair.smallQuality },
      { model: pair.big, judged: pair.bigQuality },
    ]) {
      const place = JSON.stringify([cluster, side.model]);
      const found = scores.get(place);
      if (found === undefined || rows.has(place)) continue;
      if (found.uniform) rows.set(place, { human: found.sum / found.n, judge: side.judged, cluster, model: side.model });
      else chosen += 1;
    }
  }
  return { rows: [...rows.values()], chosen };
}

/** Feedback that is read at a time. */
const PAGE = 500;

/** Every label that stands in a store. */
export async function labelsOf(store: Pick<Store, 'feedback'>): Promise<readonly HumanLabel[]> {
  const rows: Feedback[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await store.feedback.list({}, { limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const { feedback } of page) if (feedback.key?.startsWith('label:')) rows.push(feedback);
    before = page.at(-1)?.feedback.id;
    if (page.length < PAGE) return standingLabels(rows);
  }
}

/** A judge's agreement with people on a task, from what a store holds; null where no answer was scored by both. */
export async function agreementIn(
  store: Pick<Store, 'feedback' | 'pairs'>,
  { task, judge }: { readonly task: string; readonly judge: string },
  options: AgreementOptions = {},
): Promise<JudgeAgreement | null> {
  const labels = await labelsOf(store);
  if (labels.length === 0) return null;
  const { rows } = ratedAnswers(await store.pairs.list({ task }), labels, judge);
  return rows.length === 0 ? null : judgeAgreement(rows, options);
}

/** `as scored by judge J, κ = 0.71 (0.62 to 0.80, 210 answers)`: what stands wherever a judge's scores are shown. */
export function asScoredBy(judge: string, agreement: JudgeAgreement | null): string {
  if (agreement === null) return `as scored by judge ${judge}, κ unknown: no answer was labelled by a person`;
  const { kappa, interval, answers } = agreement;
  const value = kappa === null ? 'κ undefined' : `κ = ${kappa.toFixed(2)}`;
  const range = interval === null ? '' : `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}, `;
  return `as scored by judge ${judge}, ${value} (${range}${answers} labelled answers)`;
}
