import { type NanoUsd, nanoUsd, toUsd } from '../core/index.ts';
import { type Bill, type BillComparison, billOf, compareBills, scaleBill } from './bill.ts';

/** A published before/after claim as data, so that anyone can recompute it. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  /** Dollars per message, as printed. */
  readonly steps: readonly { readonly step: string; readonly before: NanoUsd; readonly after: NanoUsd }[];
  readonly messagesPerMonth: number;
  /** The step that need not run for every message. */
  readonly optionalStep: string;
  /** What the text claims for a month, after; the table may say otherwise. */
  readonly claimedMonthlyAfter: NanoUsd;
  readonly note: string;
}

/** The article's table, as printed: five steps of one message, all on the frontier model before. */
export const seedOne: Scenario = {
  id: 'seed-1',
  title: 'A five-step message, as printed in the article',
  steps: [
    { step: 'classify', before: nanoUsd(0.012), after: nanoUsd(0.0002) },
    { step: 'extract', before: nanoUsd(0.008), after: nanoUsd(0.0001) },
    { step: 'draft', before: nanoUsd(0.018), after: nanoUsd(0.0003) },
    { step: 'polish', before: nanoUsd(0.012), after: nanoUsd(0.012) },
    { step: 'sentiment', before: nanoUsd(0.006), after: nanoUsd(0.0001) },
  ],
  messagesPerMonth: 250_000,
  optionalStep: 'polish',
  claimedMonthlyAfter: nanoUsd(1_400),
  note: 'The text says $14,000 → $1,400; its own table gives $3,175. $1,400 holds only if some messages skip the polish.',
};

/** Prices of three tiers in dollars per million input tokens, and mixes of traffic over them. */
export interface MixScenario {
  readonly id: string;
  readonly title: string;
  readonly prices: { readonly small: number; readonly mid: number; readonly frontier: number };
  /** Shares of small, mid and frontier. */
  readonly mixes: readonly (readonly [number, number, number])[];
}

const mixes = [
  [0.5, 0.3, 0.2],
  [0.65, 0.2, 0.15],
  [0.4, 0.25, 0.35],
] as const;

/** The 50–80 % claim: the same mixes of traffic at the prices of 2024 and of today, where tiers lie closer together. */
export const seedTwo: readonly MixScenario[] = [
  { id: 'seed-2-2024', title: 'Anthropic, 2024', prices: { small: 0.25, mid: 3, frontier: 15 }, mixes },
  { id: 'seed-2-anthropic-2026', title: 'Anthropic, 2026', prices: { small: 1, mid: 2, frontier: 5 }, mixes },
  { id: 'seed-2-openai-2026', title: 'OpenAI, 2026', prices: { small: 0.2, mid: 2, frontier: 5 }, mixes },
];

/** A published monthly figure for a number of conversations a day, worked out at the list prices of several baselines. */
export interface ConversationScenario {
  readonly id: string;
  readonly title: string;
  readonly conversationsPerDay: number;
  /** What the text says that they cost a month. */
  readonly claimedMonthly: NanoUsd;
  /** The same conversations by baseline; prices in dollars per million tokens, as the price list had them. */
  readonly baselines: readonly {
    readonly model: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly inputUsdPerMillion: number;
    readonly outputUsdPerMillion: number;
  }[];
  readonly note: string;
}

/** The break-even claim: 8,000 conversations a day, or $500 a month. It holds against small models only. */
export const seedThree: ConversationScenario = {
  id: 'seed-3',
  title: '8,000 conversations a day, or about $500 a month',
  conversationsPerDay: 8_000,
  claimedMonthly: nanoUsd(500),
  baselines: [
    { model: 'openai/gpt-5-mini', inputTokens: 3_000, outputTokens: 600, inputUsdPerMillion: 0.25, outputUsdPerMillion: 2 },
    { model: 'openai/gpt-4o-mini', inputTokens: 8_000, outputTokens: 1_500, inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 },
    { model: 'anthropic/claude-opus-5', inputTokens: 3_000, outputTokens: 600, inputUsdPerMillion: 5, outputUsdPerMillion: 25 },
  ],
  note: '$0.00206 a conversation is the bill of a mini model. A frontier model costs fourteen times that, so a break-even without its baseline says nothing.',
};

/** A published ratio of two prices per thousand tokens, as printed. */
export const seedThreeRatio = {
  id: 'seed-3-ratio',
  title: '$0.0004 against $0.09 per thousand tokens',
  smallUsdPerThousand: 0.0004,
  bigUsdPerThousand: 0.09,
  note: 'The text says 200 times and names GPT-5, which costs $1.25 and $10 per million; $90 per million is the mean of gpt-4-32k in 2023.',
} as const;

/** The machine behind the $0.40 per million: an A40 at a quarter of its hours, Llama 3.1 8B at 1,246 tokens/s in and out. */
export const seedThreeHost = {
  id: 'seed-3-host',
  title: 'A40 at 25 % of its hours',
  usdPerHour: 0.44,
  tokensPerSecond: 1_246,
  utilisation: 0.25,
  note: '$0.392 per million. Hosted 8B models sell at $0.02 to $0.20, so the A40 breaks even with $0.20 at 49 % of its hours and with $0.05 never.',
} as const;

/** A scenario worked out: one message and one month, each before and after. */
export interface ScenarioBill {
  readonly scenario: Scenario;
  readonly message: BillComparison;
  readonly month: BillComparison;
  /** Share of messages that the optional step may see for the claim to hold: (claim/messages − the other steps) ÷ the optional step. */
  readonly optionalShareForClaim: number;
}

/** Works a scenario out from its printed rows: nothing but sums and one division. */
export function scenarioBill(scenario: Scenario): ScenarioBill {
  const before = bill(scenario, 'before');
  const after = bill(scenario, 'after');
  return {
    scenario,
    message: compareBills(before, after),
    month: compareBills(scaleBill(before, scenario.messagesPerMonth), scaleBill(after, scenario.messagesPerMonth)),
    optionalShareForClaim: optionalShareFor(scenario, scenario.claimedMonthlyAfter),
  };
}

/** A month after, when only this share of messages runs the optional step: messages · (the other steps + share · the optional step). */
export function monthlyAfter(scenario: Scenario, optionalShare: number): NanoUsd {
  if (!(optionalShare >= 0 && optionalShare <= 1)) throw new RangeError(`a share must be between 0 and 1, not ${optionalShare}`);
  const { fixed, optional } = afterParts(scenario);
  return nanoUsd((scenario.messagesPerMonth * (fixed + optionalShare * optional)) / 1e9);
}

/** The share of messages that may run the optional step for a month to cost this much: the inverse of `monthlyAfter`. */
export function optionalShareFor(scenario: Scenario, monthly: NanoUsd): number {
  const { fixed, optional } = afterParts(scenario);
  return (monthly / scenario.messagesPerMonth - fixed) / optional;
}

/** Dollars per conversation of a monthly bill. */
export function perConversation(monthly: NanoUsd, perDay: number, daysPerMonth: number): number {
  return toUsd(monthly) / perDay / daysPerMonth;
}

function bill(scenario: Scenario, side: 'before' | 'after'): Bill {
  return billOf(scenario.steps.map((row) => ({ step: row.step, cost: row[side] })));
}

function afterParts(scenario: Scenario): { readonly fixed: number; readonly optional: number } {
  let fixed = 0;
  let optional = 0;
  for (const row of scenario.steps) {
    if (row.step === scenario.optionalStep) optional += row.after;
    else fixed += row.after;
  }
  if (optional === 0) throw new RangeError(`${scenario.id}: the optional step costs nothing`);
  return { fixed, optional };
}
