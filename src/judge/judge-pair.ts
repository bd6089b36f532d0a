import { type Clock, systemClock } from '../core/index.ts';
import { type Interval, wilson } from '../statistics/index.ts';
import { askJudge } from './ask.ts';
import { preferenceRequest } from './prompt.ts';
import type { Asked, Judge, JudgeAttempt, JudgeContext } from './types.ts';
import { type Better, readPreference } from './verdict.ts';

/** Two answers to be compared. */
export interface PairQuestion extends JudgeContext {
  readonly judge: Judge;
  readonly input: string;
  readonly a: string;
  readonly b: string;
}

/** Two answers as a judge compared them, in both orders. For reports and agreement only: a win rate is no quality that certifies. */
export interface PairJudgement {
  /** 1: a is better in both orders; 0: b is; 0.5: a tie, or a verdict that turns with the order. Null where one is missing. */
  readonly preference: number | null;
  /** The same texts: a tie that nobody was asked about. */
  readonly identical: boolean;
  /** Verdict with a shown first, and with b shown first; null where there is none. */
  readonly verdicts: readonly [Better | null, Better | null];
  readonly failure: Asked<never>['failure'];
  readonly parseFailures: number;
  readonly attempts: readonly JudgeAttempt[];
}

/** Compares two answers in both orders. Identical ones are a tie without a call. Fails as `judgeAnswer` does. */
export async function judgePair(question: PairQuestion, clock: Clock = systemClock): Promise<PairJudgement> {
  const { a, b } = question;
  if (a.trim() === b.trim()) {
    return { preference: 0.5, identical: true, verdicts: ['tie', 'tie'], failure: null, parseFailures: 0, attempts: [] };
  }
  const forth = await shown(question, { first: a, second: b, order: 'ab' }, clock);
  const back = forth.failure === null ? await shown(question, { first: b, second: a, order: 'ba' }, clock) : null;
  const verdicts = [forth.verdict, back?.verdict ?? null] as const;
  return {
    preference: preferenceOf(forth.verdict, back?.verdict ?? null),
    identical: false,
    verdicts,
    failure: forth.failure ?? back?.failure ?? null,
    parseFailures: forth.parseFailures + (back?.parseFailures ?? 0),
    attempts: [...forth.attempts, ...(back?.attempts ?? [])],
  };
}

function shown(
  { judge, input, signal, itemId = null }: PairQuestion,
  { first, second, order }: { readonly first: string; readonly second: string; readonly order: string },
  clock: Clock,
): Promise<Asked<Better>> {
  const request = (isRetry: boolean) => preferenceRequest({ judge, input, first, second }, isRetry);
  return askJudge({ judge, signal, itemId: itemId === null ? null : `${itemId}/${order}`, request, read: readPreference }, clock);
}

/** One order alone may be the order's own doing: what only one of them prefers is a tie. */
function preferenceOf(aFirst: Better | null, bFirst: Better | null): number | null {
  if (aFirst === null || bFirst === null) return null;
  if (aFirst === 'first' && bFirst === 'second') return 1;
  if (aFirst === 'second' && bFirst === 'first') return 0;
  return 0.5;
}

/** How much a judge's verdicts follow the order in which answers are shown. */
export interface PositionBias {
  /** Pairs that were judged in both orders, without identical ones. */
  readonly pairs: number;
  readonly identical: number;
  /** Pairs of which both orders say the same. */
  readonly consistent: number;
  /** Of the verdicts that prefer one, the share that prefers what is shown first, with Wilson's 95 % interval; 0.5 is no bias. */
  readonly first: { readonly verdicts: number; readonly share: number | null; readonly interval: Interval };
}

/** Adds pairwise judgements up to what they say about the judge. Those without both verdicts are left out. */
export function positionBias(judgements: readonly PairJudgement[]): PositionBias {
  const judged = judgements.filter(({ identical, preference }) => !identical && preference !== null);
  const verdicts = judged.flatMap((judgement) => judgement.verdicts);
  const firsts = verdicts.filter((verdict) => verdict === 'first').length;
  const decided = firsts + verdicts.filter((verdict) => verdict === 'second').length;
  const opposite = { first: 'second', second: 'first', tie: 'tie' } as const;
  return {
    pairs: judged.length,
    identical: judgements.filter(({ identical }) => identical).length,
    consistent: judged.filter(({ verdicts: [forth, back] }) => forth !== null && back === opposite[forth]).length,
    first: { verdicts: decided, share: decided === 0 ? null : firsts / decided, interval: wilson(firsts, decided, 0.95) },
  };
}
