import { normaliseLabel, type Output, parseJsonAnswer } from '../core/index.ts';
import { type BoundMetric, validateOutput } from '../metrics/index.ts';
import type { Feedback, StoredPair } from '../store/index.ts';

/** How answers of a task are scored against a right one. */
export interface Scoring {
  readonly output: Output;
  /** Null where nothing but a judge can score: labels then change no quality. */
  readonly metric: BoundMetric | null;
}

/** What joining labels did. */
export interface Labelled {
  readonly pairs: readonly StoredPair[];
  /** Pairs whose qualities a label decides now. */
  readonly labelled: number;
  /** Pairs that have a label which is no answer of the task's kind, or outputs that were not kept. */
  readonly unusable: number;
}

/**
 * Pairs with the qualities that labels give them: both answers scored by the task's metric against the newest usable label of their
 * request. Stored rows are never changed; labels are joined whenever pairs are read. A free-text task's labels are people's words about
 * an answer and not the answer that would have been right: they change nothing.
 */
export function withLabels(pairs: readonly StoredPair[], feedback: readonly Feedback[], scoring: Scoring): Labelled {
  const labels = labelsByRequest(feedback);
  let labelled = 0;
  let unusable = 0;
  const joined = pairs.map((pair) => {
    const said = pair.requestId === null ? undefined : labels.get(pair.requestId);
    if (said === undefined) return pair;
    const rescored = rescore(pair, said, scoring);
    if (rescored === null) unusable += 1;
    else labelled += 1;
    return rescored ?? pair;
  });
  return { pairs: joined, labelled, unusable };
}

/** Labels of each request, newest first. */
function labelsByRequest(feedback: readonly Feedback[]): ReadonlyMap<string, readonly string[]> {
  const newestFirst = [...feedback].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  const labels = new Map<string, string[]>();
  for (const { requestId, label } of newestFirst) {
    if (label === null) continue;
    const said = labels.get(requestId);
    if (said === undefined) labels.set(requestId, [label]);
    else said.push(label);
  }
  return labels;
}

function rescore(pair: StoredPair, said: readonly string[], { output, metric }: Scoring): StoredPair | null {
  const { smallOutput, bigOutput } = pair;
  if (metric === null || output.kind === 'text' || smallOutput === null || bigOutput === null) return null;
  const usable = said.find((label) => isAnswer(label, output));
  if (usable === undefined) return null;
  const expected = validateOutput(usable, output).value;
  const quality = (answer: string): number => (validateOutput(answer, output).valid ? metric.score({ answer, expected, output }).score : 0);
  return { ...pair, smallQuality: quality(smallOutput), bigQuality: quality(bigOutput), by: 'label' };
}

function isAnswer(label: string, output: Output): boolean {
  if (output.kind === 'label') return normaliseLabel(label, output.labels) !== null;
  return output.kind === 'json' && parseJsonAnswer(label).ok && validateOutput(label, output).valid;
}
