/** What can be done about a task's spend. `shorten` is the prompt: cut what never changes, or have the vendor's prompt cache hold it. */
export type Move = 'swap' | 'cascade' | 'keep' | 'fine-tune' | 'cache' | 'batch' | 'shorten';

/** What the table asks about a task. Shares are 0 to 1; a fact that a log does not tell is null. */
export interface TaskFacts {
  /** Answers are labels or JSON. */
  readonly structured: boolean;
  /** 95 % of answers have at most so many tokens. */
  readonly outputTokens: number | null;
  readonly inputTokens: number | null;
  /** Different labels of a label task. */
  readonly labels: number | null;
  /** Calls a month at the pace of the log. */
  readonly callsPerMonth: number | null;
  readonly calls: number;
  readonly spendUsd: number;
  /** Share of calls that declare tools. */
  readonly tools: number;
  /** Share of calls with more than one turn of a user. */
  readonly turns: number;
  /** Customers read the answer as it is, by what the prompt says. */
  readonly customerFacing: boolean;
  /** A wrong answer costs more than money, by what the prompt says. */
  readonly highStakes: boolean;
  /** Share of sampled inputs that hold personal data. */
  readonly privateData: number | null;
  /** Share of calls in the eight quietest hours of the day: a third for machines, little for people who wait. */
  readonly quietHours: number | null;
  readonly latencyMs: number | null;
  /** Share of calls that are of the batch tier already. */
  readonly batched: number;
  /** Share of calls that repeat an earlier prompt to the same model, and of those the share with the same answer. */
  readonly repeats: number;
  readonly repeatsAgree: number | null;
  /** Tokens at the beginning of the prompt that never change, and their share of the input. */
  readonly prefixTokens: number | null;
  readonly prefixShare: number | null;
  /** Share of input tokens that a prompt cache held. */
  readonly cacheRead: number;
  /** What the candidate would charge for the same tokens, over what was paid; null without a candidate that has a price. */
  readonly candidateRatio: number | null;
  /** What the batch tier would charge, over what was paid. */
  readonly batchRatio: number | null;
  /** Prompts that two models answered in this log: how many, the share of equal answers, and the lower bound of that share. */
  readonly pairs: number;
  readonly pairsAgree: number | null;
  readonly pairsAgreeLow: number | null;
}

export type Fact = keyof TaskFacts;

/** One condition of a row. A fact that the log does not tell fulfils it only where `orUnknown` says so. */
export interface Condition {
  readonly fact: Fact;
  readonly is?: boolean;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly orUnknown?: boolean;
}

/** How dollars are worked out; the formulas are in savings.ts. */
export type SavingFormula = 'candidate' | 'tested-pairs' | 'tuned' | 'repeats' | 'batch-tier' | 'prefix-cache' | 'prefix-cut' | 'nothing';

/** Three readings of an assumption, the cautious one first, and where they come from. */
export interface Assumption {
  readonly name: string;
  readonly low: number;
  readonly base: number;
  readonly high: number;
  readonly source: string;
}

/** A row of the decision table. */
export interface MoveRow {
  readonly id: string;
  readonly move: Move;
  readonly when: readonly Condition[];
  /** `{fact}` stands for the value of a fact. */
  readonly reason: string;
  readonly proof: string;
  readonly saving: SavingFormula;
  readonly assumption: Assumption | null;
}

/** What is recommended for a task. Dollars are of the calls in the log, saved by this move alone. */
export interface Recommendation {
  readonly move: Move;
  /** The log itself shows that quality holds; everything else is a projection. Never add the two. */
  readonly tested: boolean;
  readonly reason: string;
  readonly low: number;
  readonly base: number;
  readonly high: number;
  /** What would prove it, or what did. */
  readonly proof: string;
}

/** A model that would take over. The provider is null for a model of one's own. */
export interface CandidateModel {
  readonly provider: string | null;
  readonly model: string;
}

/** One move that fits a task, with what it rests on. */
export interface MoveOption extends Recommendation {
  /** The row of the table. */
  readonly row: string;
  /** Model that would take over, as the price list has it; null where the model stays. */
  readonly candidate: CandidateModel | null;
  /** The dollars written as a formula with its figures. */
  readonly formula: string;
  /** Calls or pairs that the figures rest on. */
  readonly n: number;
  readonly assumption: Assumption | null;
}
