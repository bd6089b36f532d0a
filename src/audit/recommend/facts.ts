import { type EpochMs, inputTotal, toUsd } from '../../core/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import { scrub } from '../../privacy/index.ts';
import { wilson } from '../../statistics/index.ts';
import type { DiscoveredTask, TaskProfile } from '../tasks/index.ts';
import { batchCost, type Candidate, candidateFor } from './candidates.ts';
import { promptWords } from './moves.ts';
import type { CandidateModel, TaskFacts } from './types.ts';

const DAY_MS = 86_400_000;
const DAYS_PER_MONTH = 30.4;
const LEVEL = 0.95;
/** From this share of inputs with personal data on a task stays with the vendors that have it. */
const PRIVATE_SHARE = 0.2;

/** Pairs of a task on two models, seen from the cheaper one. */
export interface TestedPair {
  readonly cheap: CandidateModel;
  readonly dear: CandidateModel;
  readonly pairs: number;
  readonly agreed: number;
  /** Cost of the cheaper answers over that of the dearer ones. */
  readonly ratio: number;
}

/** A task as the decision table sees it, and what its figures rest on. */
export interface Judged {
  readonly facts: TaskFacts;
  readonly candidate: Candidate | null;
  readonly tested: TestedPair | null;
  readonly batch: { readonly now: number; readonly batch: number } | null;
  /** Days from the first to the last call; null where the log has no times or spans less than an hour. */
  readonly days: number | null;
}

/** Reads the facts of a task out of its profile and today's prices. */
export function judge(task: DiscoveredTask, book: PriceBook, at: EpochMs): Judged {
  const { profile } = task;
  const days = daysOf(profile);
  const { texts } = profile;
  const privateData = texts.length === 0 ? null : texts.filter((text) => scrub(text).text !== text).length / texts.length;
  const candidate = candidateFor(profile, book, at, (privateData ?? 0) >= PRIVATE_SHARE);
  const batch = batchCost(profile, book, at);
  const tested = testedPair(profile);
  const input = profile.inputTokens.mean;
  const { staticShare } = profile;
  const structured = task.kind === 'label' || task.kind === 'json';
  const share = (n: number): number => (profile.calls === 0 ? 0 : n / profile.calls);
  const { repeats } = profile;
  return {
    candidate,
    tested,
    batch,
    days,
    facts: {
      structured,
      outputTokens: profile.outputTokens.quantile(0.95),
      inputTokens: input,
      labels: task.kind === 'label' ? profile.shape.commonLabels.length : null,
      calls: profile.calls,
      callsPerMonth: days === null ? null : (profile.calls / days) * DAYS_PER_MONTH,
      spendUsd: toUsd(profile.cost),
      tools: share(profile.withTools),
      turns: share(profile.severalTurns),
      customerFacing: task.kind === 'text' && speaksOf(task.template, promptWords.customerFacing),
      highStakes: speaksOf(task.template, promptWords.highStakes),
      privateData,
      quietHours: days === null || days < 2 ? null : quietShare(profile.hours),
      latencyMs: profile.latencyMs.quantile(0.95),
      batched: share(profile.batched),
      repeats: repeats.compared === 0 ? 0 : repeats.repeats / repeats.compared,
      repeatsAgree: repeats.repeats === 0 ? null : repeats.agreed / repeats.repeats,
      prefixTokens: staticShare === null || input === null ? null : staticShare * input,
      prefixShare: staticShare,
      cacheRead: inputTotal(profile.usage) === 0 ? 0 : profile.usage.cacheRead / inputTotal(profile.usage),
      candidateRatio: tested !== null ? tested.ratio : candidate === null || profile.cost === 0 ? null : candidate.cost / profile.cost,
      batchRatio: batch === null ? null : batch.batch / batch.now,
      pairs: tested?.pairs ?? 0,
      pairsAgree: tested === null ? null : tested.agreed / tested.pairs,
      pairsAgreeLow: tested === null ? null : wilson(tested.agreed, tested.pairs, LEVEL).low,
    },
  };
}

/** The pair of models with the most common prompts whose prices differ clearly; null where there are fewer than 20 of them. */
function testedPair({ repeats, models }: TaskProfile): TestedPair | null {
  for (const { first, second, pairs, agreed, firstCost, secondCost } of repeats.pairs) {
    if (pairs < 20) return null;
    const isFirstCheap = firstCost < secondCost;
    const ratio = isFirstCheap ? firstCost / secondCost : secondCost / firstCost;
    if (ratio > 0.7) continue;
    const [one, other] = [first, second].map((name) => {
      const provider = [...models.values()].find(({ model }) => model === name)?.provider ?? null;
      return { provider, model: name };
    }) as [CandidateModel, CandidateModel];
    return { cheap: isFirstCheap ? one : other, dear: isFirstCheap ? other : one, pairs, agreed, ratio };
  }
  return null;
}

function daysOf({ firstAt, lastAt }: TaskProfile): number | null {
  if (firstAt === null || lastAt === null || lastAt - firstAt < DAY_MS / 24) return null;
  return Math.max(1, (lastAt - firstAt) / DAY_MS);
}

/** Of the eight hours in a row that have the fewest calls. */
function quietShare(hours: Int32Array): number {
  const all = hours.reduce((sum, n) => sum + n, 0);
  const windows = Array.from({ length: 24 }, (_, start) =>
    Array.from({ length: 8 }, (__, i) => hours[(start + i) % 24] ?? 0).reduce((sum, n) => sum + n, 0),
  );
  return all === 0 ? 0 : Math.min(...windows) / all;
}

function speaksOf(template: string | null, words: readonly string[]): boolean {
  if (template === null) return false;
  const text = template.toLowerCase();
  return words.some((word) => new RegExp(`(?<![\\p{L}])${word}(?![\\p{L}])`, 'u').test(text));
}
