import type { ModelConfig, TaskConfig } from '../config/index.ts';
import type { Clock, ErrorCode, EvalVerdict, Json, Message, NanoUsd, Usage } from '../core/index.ts';
import type { CountTokens } from '../pricing/index.ts';
import type { ModelClient } from '../providers/index.ts';
import type { Interval } from '../statistics/index.ts';
import type { EvalStore } from '../store/index.ts';

/** One item of a set: an input, what is expected of it, and to which conversation or customer it belongs. */
export interface EvalItem {
  readonly id: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** The text; null when the row holds messages. */
  readonly input: string | null;
  readonly messages: readonly Message[] | null;
  /** Undefined when the row has no gold answer. */
  readonly expected: Json | undefined;
  readonly cluster: string | null;
  /** Hash of what a model is asked and, where the row names one, of the id: gold answers may change without a new call. */
  readonly hash: string;
}

/** What an eval runs. */
export interface EvalPlan {
  readonly task: TaskConfig;
  /** Candidates, in the order to show them in. */
  readonly candidates: readonly ModelConfig[];
  /** The model whose score is the ceiling. */
  readonly ceiling: ModelConfig;
  readonly set: string;
  readonly limit: number | null;
  readonly concurrency: number;
  readonly repeats: number;
  /** Which of several looks at these items the verdicts are; absent: the one planned look. */
  readonly look?: number | undefined;
  /** No call is begun that could take this run's spending above it; null for no cap. */
  readonly maxCost: NanoUsd | null;
}

/** An answer for a judge to score. */
export interface EvalJudgeRequest {
  readonly run: string;
  /** `judge/<model>/<item>`: under it a recorded judge finds its score. */
  readonly itemId: string;
  readonly input: string;
  readonly answer: string;
  /** The gold answer, where the row has one. */
  readonly reference: string | null;
  readonly signal: AbortSignal;
}

/** What a judge said. */
export interface EvalJudgement {
  /** 0..1; null with a `failure`. */
  readonly score: number | null;
  readonly reason: string | null;
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
  readonly parseFailures: number;
  /** Of all its calls; null when one is unpriced. */
  readonly cost: NanoUsd | null;
  /** False for a recording: nobody pays for it. */
  readonly isPaid: boolean;
  readonly latencyMs: number | null;
}

/** Scores the answers of a task that has no metric. Its judgements are kept as cells, so none is asked for twice. */
export interface EvalJudge {
  /** As reports name it: the model's name in the config. */
  readonly name: string;
  /** Hash of the model, its parameters, the rubric and the judge's prompt. */
  readonly version: string;
  /** What a reader must know of it: whose family it is of, and how far it agrees with people. */
  readonly notes: readonly string[];
  score(asked: EvalJudgeRequest): Promise<EvalJudgement>;
}

/** What an eval needs of the world. */
export interface EvalDeps {
  readonly store: EvalStore;
  /** Needed by a task whose metric is a judge, and by no other. */
  readonly judge?: EvalJudge;
  client(model: ModelConfig): Promise<ModelClient>;
  /** What a usage costs; null when the model has no known price. */
  price(model: ModelConfig, usage: Usage, at: number): NanoUsd | null;
  /** Counts tokens where an answer came without usage; called only then. */
  loadTokenizer(): Promise<CountTokens>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onProgress(progress: EvalProgress): void;
}

/** Where a run stands. `done` counts cells, those found from earlier runs too. */
export interface EvalProgress {
  readonly done: number;
  readonly total: number;
  readonly spent: NanoUsd;
  readonly errors: number;
}

/** What is known of one model on the set. */
export interface ModelReport {
  readonly model: string;
  readonly provider: string;
  readonly role: 'candidate' | 'ceiling';
  /** Answers that were scored; errors are not among them. */
  readonly n: number;
  readonly quality: number | null;
  readonly interval: Interval | null;
  /** Unweighted mean of F1 over labels; null for other outputs and without gold answers. */
  readonly macroF1: number | null;
  /** Answers that are not of the declared kind, or truncated or refused: their quality is 0. */
  readonly invalid: number;
  readonly errors: number;
  /** What 1,000 items cost, in US dollars; null when any answer is unpriced. */
  readonly costPer1000Usd: number | null;
  readonly unpriced: number;
  /** How the tokens behind the cost are known. */
  readonly usage: { readonly reported: number; readonly recorded: number; readonly counted: number };
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly n: number } | null;
  /** Share of answers that carry a confidence, and the signal most of them carry. */
  readonly confidence: { readonly signal: string; readonly share: number } | null;
}

/** A candidate beside the ceiling, on the items that both answered. */
export interface Comparison {
  readonly candidate: string;
  /** Independent units: items, or clusters where rows name one. */
  readonly n: number;
  readonly pairs: number;
  /** Candidate's quality minus the ceiling's. */
  readonly difference: number | null;
  readonly interval: Interval | null;
  /** Exact McNemar, two-sided; null when qualities are graded or items are not independent. */
  readonly mcnemarP: number | null;
  readonly lost: number;
  readonly gained: number;
  readonly retained: number | null;
  readonly retainedLowerBound: number | null;
  /** PASS and FAIL come from the certificate's own test of a swap, never from an interval. */
  readonly verdict: EvalVerdict;
  readonly pairsNeeded: number | null;
  /** Why the verdict is what it is, in words. */
  readonly because: string;
  /** Items that the ceiling does better, the first of them in the set's order. */
  readonly disagreements: readonly Disagreement[];
}

export interface Disagreement {
  readonly id: string;
  readonly line: number;
  readonly expected: Json | null;
  readonly candidate: string;
  readonly ceiling: string;
}

/** What an eval found. */
export interface EvalReport {
  readonly task: string;
  readonly run: string;
  readonly set: { readonly file: string; readonly items: number; readonly hash: string };
  readonly metric: string;
  /** What answers are measured against: the set's gold answers, the ceiling's own answers, or nothing but the metric. */
  readonly reference: 'gold' | 'ceiling' | 'none';
  readonly repeats: number;
  readonly ceiling: string;
  readonly floor: { readonly retain: number; readonly level: number; readonly quality: number | null };
  readonly models: readonly ModelReport[];
  readonly comparisons: readonly Comparison[];
  /** Who scored, where no metric did, and what that took in this run; `found` were judged in earlier ones. */
  readonly judge: {
    readonly model: string;
    readonly asked: number;
    readonly found: number;
    /** Answers that got no score; they are in no quality. */
    readonly failed: number;
    readonly parseFailures: number;
    readonly costUsd: number;
    readonly unpriced: number;
  } | null;
  readonly cells: { readonly planned: number; readonly asked: number; readonly found: number; readonly errors: number };
  /** Spent by this run; cells found from earlier runs cost nothing again. */
  readonly spentUsd: number;
  /** Why the run ended before every cell was asked; null when it did not. */
  readonly stopped: 'aborted' | 'max-cost' | null;
  readonly notes: readonly string[];
}
