import { contentHash, type Json, type NanoUsd, textOf, toUsd } from '../core/index.ts';
import type { EvalCell } from '../store/index.ts';
import { read, type Scoring, WORTHLESS } from './scoring.ts';
import type { Session } from './session.ts';
import type { EvalItem, EvalJudge, EvalReport } from './types.ts';

/** An answer to be judged: whose it is, of which item, and what would have been right. */
export interface Judged {
  readonly judge: EvalJudge;
  readonly item: EvalItem;
  readonly cell: EvalCell;
  readonly expected: Json;
  /** Scores given in this unit, by key: two models that answer the same are judged once. */
  readonly given: Map<string, number>;
}

/** What judging gave: a score, why there is none, or null where the run was stopped before. */
export type Verdict = { readonly scoring: Scoring } | { readonly failure: string } | null;

/**
 * Scores an answer by the task's judge. What was judged before under the same rubric, by the same judge, is not asked again. An answer
 * that may never be served is worth 0 and costs nothing to judge.
 */
export async function judged(subject: Judged, session: Session): Promise<Verdict> {
  const { item, cell, expected, judge, given } = subject;
  const { valid, value } = read(cell, session.plan.task);
  if (!valid) return { scoring: WORTHLESS };
  const answer = cell.output ?? '';
  const key = contentHash({ judge: judge.version, item: item.hash, expected, answer });
  const known = given.get(key) ?? (await session.deps.store.found([key])).get(key)?.quality ?? null;
  if (known !== null) {
    if (!given.has(key)) session.judged.found += 1;
    given.set(key, known);
    return { scoring: { quality: known, valid, value } };
  }
  const score = await askJudge(subject, { key, answer }, session);
  if (typeof score !== 'number') return score;
  given.set(key, score);
  return { scoring: { quality: score, valid, value } };
}

async function askJudge(
  { judge, item, cell, expected }: Judged,
  { key, answer }: { readonly key: string; readonly answer: string },
  session: Session,
): Promise<number | { readonly failure: string } | null> {
  const { spend, deps, run, judged: tally } = session;
  if (session.stopped) return null;
  const hold = spend.begin(judge.name);
  if (hold === null) {
    session.stopped ??= 'max-cost';
    return null;
  }
  const reference = expected === null ? null : typeof expected === 'string' ? expected : JSON.stringify(expected);
  const asked = { run, itemId: `judge/${cell.model}/${item.id}`, input: inputOf(item), answer, reference, signal: deps.signal };
  let paid: NanoUsd | null = null;
  try {
    const at = deps.clock.now();
    const { score, reason, failure, parseFailures, cost, isPaid, latencyMs } = await judge.score(asked);
    paid = isPaid ? cost : null;
    if (failure?.code === 'ABORTED') {
      session.stopped ??= 'aborted';
      return null;
    }
    tally.asked += 1;
    tally.parseFailures += parseFailures;
    if (cost === null) tally.unpriced += 1;
    else tally.cost = (tally.cost + cost) as NanoUsd;
    const detail = { reason, parseFailures, judged: cell.model };
    const kept = { key, run, item: item.id, model: judge.name, at, output: reason, quality: score, confidence: null, signals: {} };
    await session.writer.add({ ...kept, error: failure && `${failure.code}: ${failure.message}`, cost, latencyMs, detail });
    if (score !== null) return score;
    tally.failed += 1;
    return { failure: failure?.message ?? 'the judge gave no score' };
  } finally {
    spend.settle(judge.name, hold, paid);
  }
}

/** What a judge reads as the request: the text, or the conversation with who said what. */
function inputOf({ input, messages }: EvalItem): string {
  return input ?? (messages ?? []).map((message) => `${message.role}: ${textOf(message)}`).join('\n');
}

/** The judge's part of a report; null for a task that has a metric. */
export function judgeReport({ deps: { judge }, judged: tally }: Session): EvalReport['judge'] {
  if (judge === undefined) return null;
  const { cost, ...counts } = tally;
  return { model: judge.name, ...counts, costUsd: toUsd(cost) };
}
