import { normaliseLabel, type Output, parseJsonAnswer } from '../core/index.ts';
import { type BoundMetric, type HumanLabel, standingLabels, validateOutput } from '../metrics/index.ts';
import type { Feedback, StoredPair } from '../store/index.ts';

/** How answers of a task are scored against a right one. */
export interface Scoring {
  readonly output: Output;
  /** Null where nothing but a judge can score: then only people's scores say more. */
  readonly metric: BoundMetric | null;
}

/** What pairs are used for. What certifies or is shown must be rescored by chance alone; what is fitted takes every label there is. */
export type LabelledPart = 'fit' | 'held-out';

/** What joining labels did. */
export interface Labelled {
  readonly pairs: readonly StoredPair[];
  /** Pairs whose qualities people decide now. */
  readonly labelled: number;
  /** Pairs that have a label which is no answer of the task's kind, a score of one side alone, or outputs that were not kept. */
  readonly unusable: number;
}

/**
 * Pairs with the qualities that people give them. A right answer scores both sides by the task's metric, the newest usable one of the
 * request; for texts, the mean of people's scores is the quality, where both sides have one. Labels that were taken back count nowhere.
 * On held-out pairs only right answers of a uniform labelling queue count: who complains, or labels what looks doubtful, chooses by what
 * an answer is worth. Stored rows are never changed; labels are joined whenever pairs are read.
 */
export function withLabels(pairs: readonly StoredPair[], feedback: readonly Feedback[], scoring: Scoring, part: LabelledPart): Labelled {
  // A judge's scores and a person's are of two scales: what certifies keeps to one.
  if (scoring.output.kind === 'text' && part === 'held-out') return { pairs, labelled: 0, unusable: 0 };
  const said = saidOf(feedback, part);
  let labelled = 0;
  let unusable = 0;
  const joined = pairs.map((pair) => {
    const words = said.get(pair.requestId ?? pair.id);
    if (words === undefined) return pair;
    const rescored = rescore(pair, words, scoring);
    if (rescored === null) unusable += 1;
    else labelled += 1;
    return rescored ?? pair;
  });
  return { pairs: joined, labelled, unusable };
}

/** What people said of a request. */
interface Said {
  /** Right answers, newest first. */
  readonly labels: readonly string[];
  /** Scores by the model whose answer they are of. */
  readonly scores: ReadonlyMap<string, readonly number[]>;
}

/** Feedback that people gave in a labelling queue. */
const QUEUE = 'label:';

function saidOf(feedback: readonly Feedback[], part: LabelledPart): ReadonlyMap<string, Said> {
  const standing = standingLabels(feedback).filter(({ sample, skipped }) => !skipped && (part === 'fit' || sample === 'uniform'));
  const said = new Map<string, { readonly labels: Dated[]; readonly scores: Map<string, number[]> }>();
  const of = (requestId: string) => {
    const known = said.get(requestId) ?? { labels: [], scores: new Map<string, number[]>() };
    said.set(requestId, known);
    return known;
  };
  const dates = datesOf(feedback);
  for (const label of standing) {
    const { requestId, answer, score } = label;
    if (answer === null && label.label !== null) of(requestId).labels.push({ label: label.label, date: dates.get(placeOf(label)) ?? '' });
    if (answer !== null && score !== null) {
      const { scores } = of(requestId);
      scores.set(answer, [...(scores.get(answer) ?? []), score]);
    }
  }
  for (const row of part === 'fit' ? feedback : []) {
    if (row.label !== null && !row.key?.startsWith(QUEUE)) of(row.requestId).labels.push({ label: row.label, date: dateOf(row) });
  }
  const newestFirst = (labels: readonly Dated[]) => [...labels].sort((a, b) => (a.date < b.date ? 1 : -1)).map(({ label }) => label);
  return new Map([...said].map(([requestId, { labels, scores }]) => [requestId, { labels: newestFirst(labels), scores }]));
}

interface Dated {
  readonly label: string;
  /** Sorts by time. */
  readonly date: string;
}

/** When each person last said a label of a request. */
function datesOf(feedback: readonly Feedback[]): ReadonlyMap<string, string> {
  const dates = new Map<string, string>();
  for (const row of feedback) {
    if (!row.key?.startsWith(QUEUE)) continue;
    const place = placeOf({ by: row.key.slice(QUEUE.length), requestId: row.requestId, label: row.label });
    const date = dateOf(row);
    if (date > (dates.get(place) ?? '')) dates.set(place, date);
  }
  return dates;
}

function placeOf({ by, requestId, label }: Pick<HumanLabel, 'by' | 'requestId' | 'label'>): string {
  return JSON.stringify([by, requestId, label]);
}

function dateOf({ at, id }: Feedback): string {
  return `${String(at).padStart(16, '0')} ${id}`;
}

function rescore(pair: StoredPair, said: Said, { output, metric }: Scoring): StoredPair | null {
  if (output.kind === 'text') return scored(pair, said);
  const { smallOutput, bigOutput } = pair;
  if (metric === null || smallOutput === null || bigOutput === null) return null;
  const usable = said.labels.find((label) => isAnswer(label, output));
  if (usable === undefined) return null;
  const expected = validateOutput(usable, output).value;
  const quality = (answer: string): number => (validateOutput(answer, output).valid ? metric.score({ answer, expected, output }).score : 0);
  return { ...pair, smallQuality: quality(smallOutput), bigQuality: quality(bigOutput), by: 'label' };
}

function scored(pair: StoredPair, { scores }: Said): StoredPair | null {
  const [small, big] = [scores.get(pair.small), scores.get(pair.big)];
  // One side by a person and the other by a judge would differ by who judged.
  if (small === undefined || big === undefined) return null;
  return { ...pair, smallQuality: mean(small), bigQuality: mean(big), by: 'label' };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function isAnswer(label: string, output: Output): boolean {
  if (output.kind === 'label') return normaliseLabel(label, output.labels) !== null;
  return output.kind === 'json' && parseJsonAnswer(label).ok && validateOutput(label, output).valid;
}
