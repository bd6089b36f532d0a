import {
  type Answer,
  type Call,
  type Clock,
  type EpochMs,
  type Model,
  type ModelRequest,
  type NanoUsd,
  type Output,
  type Purpose,
  SmallfirstError,
  usage,
  writtenIn,
} from '../core/index.ts';
import { validateOutput } from '../metrics/index.ts';
import type { PriceBook } from '../pricing/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { runStep, type Step, type StepDeps, type StepRequest, systemTimer, worstCost } from '../run/index.ts';
import { assumedOutputLimit, worstCaseOf } from './caps.ts';
import { stepOf } from './cascade.ts';
import { countInput, countText, needOf } from './cascade-request.ts';
import type { LiveRequest } from './live-request.ts';
import type { Side } from './live-types.ts';

/** No client waits for these calls, but neither may they stay for ever. */
const DEADLINE_MS = 5 * 60_000;
const TOP_LOGPROBS = 5;

/** What a call beside the answer needs of the rest. */
export interface AskDeps {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly prices: Pick<PriceBook, 'price'>;
  readonly model: (name: string) => Model;
  readonly client: (name: string) => ModelClient;
  readonly countTokens: () => Promise<(text: string) => number>;
  /** A model answered, and said which version of it that was. */
  readonly observe: (model: string, served: string | null) => void;
}

/** One call beside the answer. */
export interface Ask {
  readonly subject: LiveRequest;
  readonly request: ModelRequest;
  readonly model: string;
  readonly purpose: Extract<Purpose, 'shadow' | 'audit'>;
  readonly signal: AbortSignal;
}

/** What came of a call beside the answer. */
export interface Asked {
  /** Null where nothing was called. */
  readonly row: Call | null;
  /** Null where no answer came. */
  readonly side: Side | null;
}

/** Asks a model what a client asked, and books the row to that request whatever comes of it. */
export async function askBeside(ask: Ask, deps: AskDeps): Promise<Asked> {
  const { subject, signal } = ask;
  const model = deps.model(ask.model);
  const countTokens = await deps.countTokens();
  // A signal that is not recorded now cannot be chosen later.
  const request = model.capabilities.has('logprobs') ? { ...ask.request, logprobs: { top: TOP_LOGPROBS } } : ask.request;
  const inputTokens = countInput(request, countTokens);
  let asked: Asked = { row: null, side: null };
  const step: Step = { ...stepOf(model), task: subject.task?.name ?? null };
  const record = (row: Call, answer: Answer): void => {
    const booked: Call = { ...row, purpose: ask.purpose, outcome: row.outcome === 'accepted' ? 'observed' : row.outcome, decision: null };
    deps.observe(row.model, row.servedModel);
    subject.record(booked);
    asked = { row: booked, side: booked.outcome === 'observed' && !signal.aborted ? { row: booked, answer } : null };
  };
  try {
    await runStep(step, stepRequest(ask, request, inputTokens, deps.clock.now() + DEADLINE_MS), {
      ...stepDeps(deps, inputTokens, countTokens),
      client: ({ name }) => answering(deps.client(name), subject.task?.output),
      record,
    });
  } catch (error) {
    // Its row says what went wrong; no client is there to be told.
    if (!(error instanceof SmallfirstError)) throw error;
  }
  return asked;
}

/** Asked beside the answer or for it, a model is held to the same form: its confidences are compared with each other. */
function answering(client: ModelClient, output: Output | undefined): ModelClient {
  if (output === undefined) return client;
  return { call: (request, context) => client.call(request, { ...context, output }) };
}

function stepRequest({ subject, signal }: Ask, request: ModelRequest, inputTokens: number, deadlineAt: EpochMs): StepRequest {
  const { requestId, caller, fingerprint, bodyHash } = subject;
  return {
    requestId,
    itemId: null,
    input: null,
    request,
    need: needOf(request, inputTokens),
    startAt: 0,
    polish: null,
    budget: null,
    deadlineAt,
    signal,
    streamed: false,
    origin: { key: caller.key, team: caller.team, fingerprint, bodyHash, tags: {} },
  };
}

function stepDeps(deps: AskDeps, inputTokens: number, countTokens: (text: string) => number): Omit<StepDeps, 'record'> {
  return {
    clock: deps.clock,
    after: systemTimer,
    newId: deps.newId,
    client: ({ name }) => deps.client(name),
    available: () => true,
    estimate: () => ({ cost: null, ms: null }),
    price: ({ provider, model }, used, at) => deps.prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
    countUsage: (_model, _request, said) => usage({ freshInput: inputTokens, output: countText(writtenIn(said), countTokens) }),
    validate: validateOutput,
    confidence: () => null,
  };
}

/** The most that asking a model the same can cost; null where it has no known price. */
export function worstOfAsking(subject: LiveRequest, model: Model, prices: Pick<PriceBook, 'price'>): NanoUsd | null {
  const assumed = assumedOutputLimit(null, subject.task?.parameters.maxTokens ?? null);
  return worstCost(prices, model, worstCaseOf(subject.demand, assumed), subject.at);
}
