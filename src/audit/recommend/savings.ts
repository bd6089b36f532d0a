import { type EpochMs, toUsd } from '../../core/index.ts';
import { promotionItems, tuningPayback } from '../../finops/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import { wilson } from '../../statistics/index.ts';
import type { DiscoveredTask } from '../tasks/index.ts';
import { inputPrices } from './candidates.ts';
import type { Judged } from './facts.ts';
import type { Assumption, CandidateModel, SavingFormula } from './types.ts';

/** Dollars over the calls of the log, with how they were worked out; null where the formula has nothing to work on. */
export interface Saving {
  readonly low: number;
  readonly base: number;
  readonly high: number;
  readonly formula: string;
  readonly n: number;
  readonly candidate: CandidateModel | null;
}

/** What a formula works on. */
interface Ground {
  readonly task: DiscoveredTask;
  readonly judged: Judged;
  readonly assumption: Assumption | null;
  readonly book: PriceBook;
  readonly at: EpochMs;
}

/** Accepted answers that live audits ask the large model again, 2 %. */
const AUDITED = 0.02;
/** Items of the eval that decides, by the rule of thumb for 10 % discordant pairs and a margin of 3 points. */
const EVAL_ITEMS = promotionItems({ discordance: 0.1, margin: 0.03 });
/** An L4 all month at $0.80 an hour, and data, training and evals once, spread over a year. */
const ENDPOINT_USD = 584;
const TUNING_USD = 100;
const TUNING_MONTHS = 12;
/** What tuned tokens cost beside the endpoint: nothing. */
const DAYS_PER_MONTH = 30.4;

/** Works out a row's dollars by its formula. */
export function savingOf(formula: SavingFormula, ground: Ground): Saving | null {
  return formulas[formula](ground);
}

const formulas: Readonly<Record<SavingFormula, (ground: Ground) => Saving | null>> = {
  /** spend − candidate − escalated · spend − audits − eval: what a cascade or a swap keeps of the bill. */
  candidate: ({ task, judged: { candidate }, assumption }) => {
    if (candidate === null || assumption === null) return null;
    const [spend, cheap] = [toUsd(task.profile.cost), toUsd(candidate.cost)];
    const { calls } = task.profile;
    const evalUsd = (cheap / Math.max(1, calls)) * Math.min(EVAL_ITEMS, calls);
    const saved = (escalated: number) => spend - cheap - escalated * spend - (1 - escalated) * AUDITED * spend - evalUsd;
    return {
      ...three(assumption, saved),
      formula: `${usd(spend)} now − ${usd(cheap)} on ${candidate.model.model} − escalated share · ${usd(spend)} − ${percent(AUDITED)} audits − ${usd(evalUsd)} eval of ${Math.min(EVAL_ITEMS, calls)} items`,
      n: calls,
      candidate: candidate.model,
    };
  },
  /** The same with the escalated share counted in the log: prompts to which both models gave different answers. */
  'tested-pairs': ({ task, judged: { tested } }) => {
    if (tested === null) return null;
    const dear = [...task.profile.models.values()].filter(({ model }) => model === tested.dear.model);
    const spend = dear.reduce((sum, { cost }) => sum + toUsd(cost), 0);
    const { low, high } = wilson(tested.agreed, tested.pairs, 0.95);
    const saved = (agreed: number) => spend * (1 - tested.ratio) - (1 - agreed) * spend - agreed * AUDITED * spend;
    return {
      low: saved(low),
      base: saved(tested.agreed / tested.pairs),
      high: saved(high),
      formula: `${usd(spend)} on ${tested.dear.model} · (1 − ${tested.ratio.toFixed(3)} for ${tested.cheap.model}) − differing share · ${usd(spend)} − ${percent(AUDITED)} audits; equal answers ${tested.agreed} of ${tested.pairs}, 95 % interval ${percent(low)} to ${percent(high)}`,
      n: tested.pairs,
      candidate: tested.cheap,
    };
  },
  /** Spend − escalated · spend − the endpoint for the span of the log − what was paid once, spread over a year. */
  tuned: ({ task, judged: { days, facts }, assumption }) => {
    if (days === null || assumption === null || facts.callsPerMonth === null) return null;
    const spend = toUsd(task.profile.cost);
    const months = days / DAYS_PER_MONTH;
    const fixed = (ENDPOINT_USD + TUNING_USD / TUNING_MONTHS) * months;
    const payback = tuningPayback({
      ...{ usdOnce: TUNING_USD, endpointUsdPerMonth: ENDPOINT_USD, sharedBy: 1, months: TUNING_MONTHS },
      ...{ usdPerCallBefore: spend / task.profile.calls, usdPerCallAfter: 0 },
    });
    return {
      ...three(assumption, (escalated) => spend * (1 - escalated) - (1 - escalated) * AUDITED * spend - fixed),
      formula: `${usd(spend)} now · (1 − escalated share) − ${percent(AUDITED)} audits − ${usd(fixed)} for an endpoint at $${ENDPOINT_USD}/month and $${TUNING_USD} once over ${TUNING_MONTHS} months; pays from ${payback.callsPerMonth === null ? 'no number of' : Math.ceil(payback.callsPerMonth).toLocaleString('en-US')} calls a month on`,
      n: task.profile.calls,
      candidate: { provider: null, model: 'a fine-tuned small model' },
    };
  },
  /** What the repeats cost · the share that a cache still holds. */
  repeats: ({ task: { profile }, assumption }) => {
    if (assumption === null || profile.repeats.cost === 0) return null;
    const cost = toUsd(profile.repeats.cost);
    return {
      ...three(assumption, (held) => cost * held),
      formula: `${usd(cost)} for ${profile.repeats.repeats.toLocaleString('en-US')} repeats · share that the cache still holds`,
      n: profile.repeats.compared,
      candidate: null,
    };
  },
  /** (What was paid − the batch tier's price for the same tokens) · the share of calls that can wait. */
  'batch-tier': ({ task, judged: { batch }, assumption }) => {
    if (batch === null || assumption === null) return null;
    const [now, cheap] = [batch.now / 1e9, batch.batch / 1e9];
    return {
      ...three(assumption, (waits) => (now - cheap) * waits),
      formula: `(${usd(now)} now − ${usd(cheap)} in the batch tier) · share of calls that can wait`,
      n: task.profile.calls,
      candidate: null,
    };
  },
  /** Static tokens · (fresh price − price of a cached token) · the share of calls that hit. */
  'prefix-cache': (ground) => {
    const found = prefixOf(ground);
    if (found === null || found.price.cached >= found.price.fresh) return null;
    const { tokens, price } = found;
    const difference = price.fresh - price.cached;
    return {
      ...three(found.assumption, (hits) => ((tokens * difference) / 1e6) * hits),
      formula: `${Math.round(tokens).toLocaleString('en-US')} static tokens · $${difference.toPrecision(3)} per million (fresh − cached) · share of hits`,
      n: ground.task.profile.prompts,
      candidate: null,
    };
  },
  /** Static tokens · fresh price · the share that can go. */
  'prefix-cut': (ground) => {
    const found = prefixOf(ground);
    if (found === null) return null;
    const { tokens, price } = found;
    return {
      ...three(found.assumption, (cut) => ((tokens * price.fresh) / 1e6) * cut),
      formula: `${Math.round(tokens).toLocaleString('en-US')} static tokens · $${price.fresh.toPrecision(3)} per million · share that can go`,
      n: ground.task.profile.prompts,
      candidate: null,
    };
  },
  nothing: ({ task }) => ({ low: 0, base: 0, high: 0, formula: 'no change', n: task.profile.calls, candidate: null }),
};

/** Fresh tokens of the prefix over all calls of the log, and what they cost. */
function prefixOf({ task: { profile }, assumption, book, at }: Ground) {
  const price = inputPrices(profile, book, at);
  if (price === null || assumption === null) return null;
  return { tokens: (profile.staticShare ?? 0) * profile.usage.freshInput, price, assumption };
}

/** Low, base and high of an assumption, in the order of the dollars: what is cautious depends on the formula. */
function three({ low, base, high }: Assumption, saved: (value: number) => number): { low: number; base: number; high: number } {
  return { low: saved(low), base: saved(base), high: saved(high) };
}

function usd(amount: number): string {
  return `$${amount >= 100 ? Math.round(amount).toLocaleString('en-US') : Number(amount.toPrecision(3))}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 0 : 1)} %`;
}
