import type {
  Answer,
  Call,
  Clock,
  EpochMs,
  Json,
  Model,
  ModelEvent,
  ModelRequest,
  NanoUsd,
  Output,
  Tier,
  TokenLogprob,
  Usage,
  Validation,
} from '../core/index.ts';
import type { AnswerReason, AttemptResult, CallReason, Licence, Need } from '../policy/index.ts';
import type { ModelClient } from '../providers/types.ts';

/** A rung as it is configured: a model of the registry and what allows it to answer. */
export interface StepRung {
  readonly model: Model;
  readonly licence: Licence;
  /** Its confidence is that of the first tokens alone: what a certificate for streamed texts rests on. Absent: of the whole answer. */
  readonly gate?: Gate;
}

/** How much of an answer decides over it. */
export interface Gate {
  readonly tokens: number;
}

/** A task at its place in a pipeline: what an answer must be, and who may give it. */
export interface Step {
  readonly task: string | null;
  readonly step: string | null;
  readonly pipeline: string | null;
  readonly output: Output;
  /** Cheapest first; the last is the ceiling. */
  readonly ladder: readonly StepRung[];
}

/** Who asks, and what is kept of it with every row. */
export interface Origin {
  readonly key: string | null;
  readonly team: string | null;
  readonly fingerprint: string | null;
  readonly bodyHash: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** One request to a step. */
export interface StepRequest {
  readonly requestId: string;
  /** Under which a recording finds its answer. */
  readonly itemId: string | null;
  /** The task's input before a prompt was put around it, which is what an embedded student reads; null when not known apart. */
  readonly input: string | null;
  readonly request: ModelRequest;
  readonly need: Need;
  /** Index of the rung to start at, by triage; 0 without one. */
  readonly startAt: number;
  /** Writes the request for a last pass by the ceiling over an accepted draft; null when none is asked for. */
  readonly polish: ((request: ModelRequest, draft: Answer) => ModelRequest) | null;
  /** Money for all attempts together; null when no budget applies. */
  readonly budget: NanoUsd | null;
  readonly deadlineAt: EpochMs | null;
  /** Aborts the step at whatever stage it is. */
  readonly signal: AbortSignal | null;
  /** Whether the client asked for a stream; recorded only. */
  readonly streamed: boolean;
  readonly origin: Origin;
}

/** The world, as an argument. What is asked of each member is a promise that `runStep` relies on. */
export interface StepDeps {
  readonly clock: Clock;
  /** Runs something later; returns how to call that off. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Ids that sort by time. */
  readonly newId: () => string;
  readonly client: (model: Model) => ModelClient;
  /** False while a circuit breaker or a person has taken the model out. */
  readonly available: (model: Model) => boolean;
  /** Worst-case cost and typical time of a request, null where not known. */
  readonly estimate: (model: Model, request: ModelRequest) => { readonly cost: NanoUsd | null; readonly ms: number | null };
  /** Exact cost of a usage at a time, with the price's id; both null when the model has no price. */
  readonly price: (model: Model, usage: Usage, at: EpochMs) => { readonly cost: NanoUsd | null; readonly priceId: string | null };
  /**
   * Whether a licence holds for the version of a model that a provider says it served: an answer of another one is as if the model had
   * none. Absent: for all of them.
   */
  readonly covers?: (model: Model, servedModel: string) => boolean;
  /** Counts tokens where the provider did not; null when that cannot be done. */
  readonly countUsage: (model: Model, request: ModelRequest, answer: Answer) => Usage | null;
  /** Whether a text is an answer of the declared kind. */
  readonly validate: (text: string, output: Output) => Validation;
  /** Calibrated P(right) of a complete, valid answer; null when the task has no signal for this model. */
  readonly confidence: (model: Model, answer: Answer, validation: Validation) => number | null;
  /** What a confidence can still become while a text is being written; null or absent where nothing bounds it. */
  readonly confidenceBound?: (model: Model, request: ModelRequest) => ConfidenceBound | null;
  /** Takes a row and the answer it is about (as far as that came) for the record, at once: it neither waits for a disk or a database nor throws. */
  readonly record: (call: Call, answer: Answer) => void;
}

/** The most that a calibrated confidence can still become; fed with the text as it comes. */
export interface ConfidenceBound {
  add(text: string, tokens: readonly TokenLogprob[] | null): void;
  /** Null while nothing bounds it. */
  value(): number | null;
}

/** What is known of an answer when its first words go out. */
export interface Choice {
  readonly model: Model;
  readonly decision: AnswerReason;
  readonly confidence: number | null;
  readonly certified: boolean;
}

/** Hears the one answer of a step. */
export interface AnswerListener {
  /** False: it wants the answer whole, so nothing is let out before the policy has answered. */
  readonly live: boolean;
  /** Told once, before the first event. */
  chosen(choice: Choice): void;
  /** The events of the answer, `end` last, after its row was recorded. A promise is waited for; it must end when the client goes away. */
  event(event: ModelEvent): void | Promise<void>;
}

/** One call that a step made. */
export interface StepAttempt {
  /** Id of its row in the record. */
  readonly callId: string;
  readonly model: string;
  readonly tier: Tier;
  readonly why: CallReason;
  readonly result: AttemptResult;
  readonly confidence: number | null;
  /** Null when unpriced. */
  readonly cost: NanoUsd | null;
  /** Null where a recording holds no latency. */
  readonly latencyMs: number | null;
}

/** The answer of a step, with what led to it. */
export interface StepResult {
  readonly answer: Answer;
  /** The declared label, the parsed JSON or the text; null for an answer that is no valid one. */
  readonly value: Json;
  readonly model: string;
  readonly tier: Tier;
  readonly decision: AnswerReason;
  readonly confidence: number | null;
  /** The threshold that the answering rung had to meet; null when it had none. */
  readonly threshold: number | null;
  readonly certified: boolean;
  /** Oldest first. */
  readonly attempts: readonly StepAttempt[];
  /** Of all attempts; null when one of them is unpriced. */
  readonly cost: NanoUsd | null;
  /** Of all attempts; null where one has none. */
  readonly latencyMs: number | null;
}
