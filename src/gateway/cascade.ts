import type { Answer, Call, EpochMs, Model, ModelRequest } from '../core/index.ts';
import { validateOutput } from '../metrics/index.ts';
import { type Step, type StepDeps, type StepRequest, streamStep, systemTimer } from '../run/index.ts';
import { answerError } from './answer.ts';
import { ClientAnswer, HEAD_WAITS_MS } from './cascade-answer.ts';
import { ruleOf, withLogprobs } from './cascade-confidence.ts';
import { keptText } from './cascade-gate.ts';
import { countInput, needOf } from './cascade-request.ts';
import type { StepPlan } from './cascade-types.ts';
import type { Exchange, Worker } from './exchange.ts';
import { requestTags } from './request-tags.ts';
import type { Streams } from './stream.ts';
import type { GatewayDeps } from './types.ts';
import { WrittenUsage } from './written-usage.ts';

/** What a cascade needs beyond the exchange. */
export interface CascadeDeps {
  readonly gateway: GatewayDeps;
  readonly streams: Streams;
  /** See HEAD_WAITS_MS. */
  readonly headWaitsMs?: number;
}

/**
 * Answers a request through its ladder, or through the one model of another protocol: read into our own words, asked, judged, and
 * written in the client's. Usage that the client is told is that of the answer it got, because clients measure their context by it;
 * `x-smallfirst-cost-usd` is what all attempts together cost, as the bill has it.
 */
export class Cascade implements Worker {
  readonly #exchange: Exchange;
  readonly #deps: CascadeDeps;
  readonly #plan: StepPlan;
  readonly #controller = new AbortController();

  constructor(exchange: Exchange, deps: CascadeDeps, plan: StepPlan) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#plan = plan;
  }

  start(): void {
    this.#exchange.worker = this;
    this.#exchange.sentAt = this.#deps.gateway.clock.monotonic();
    // A drain waits for the rows of whoever went away.
    this.#deps.streams.pending(this.#run().catch((error: unknown) => answerError(this.#exchange, error)));
  }

  /** The client has gone: so does every request upstream, at whatever stage, and what it used until now is booked. */
  onClientGone(): void {
    this.#controller.abort();
  }

  async #run(): Promise<void> {
    const { gateway, streams, headWaitsMs } = this.#deps;
    const { client, step } = this.#plan;
    const exchange = this.#exchange;
    const countTokens = await gateway.countTokens();
    const limit = exchange.reservation?.outputLimit ?? null;
    const request = limit === null || client.request.maxTokens !== undefined ? client.request : { ...client.request, maxTokens: limit };
    const inputTokens = countInput(request, countTokens);
    const answer = new ClientAnswer(exchange, { client, streams, inputTokens, headWaitsMs: headWaitsMs ?? HEAD_WAITS_MS });
    try {
      const asked = this.#request(request, inputTokens);
      await streamStep(step, asked, this.#stepDeps(answer, inputTokens, countTokens), answer);
      exchange.answeredAt = gateway.clock.monotonic();
      if (this.#controller.signal.aborted) this.#gone(answer);
      else answer.finish();
    } catch (error) {
      exchange.answeredAt = gateway.clock.monotonic();
      if (this.#controller.signal.aborted) this.#gone(answer);
      else answer.fail(error);
    }
  }

  #gone(answer: ClientAnswer): void {
    answer.abandon();
    this.#exchange.errorCode = 'ABORTED';
    this.#exchange.over();
  }

  #request(request: ModelRequest, inputTokens: number): StepRequest {
    const { id, caller, deadlineAt, isStreamed, at } = this.#exchange;
    return {
      requestId: id,
      itemId: null,
      input: null,
      request,
      need: needOf(request, inputTokens),
      startAt: this.#plan.startAt,
      polish: null,
      // The gateway's ledger has set the worst case aside already.
      budget: null,
      deadlineAt: deadlineAt === null ? null : withMargin(deadlineAt, at),
      signal: this.#controller.signal,
      streamed: isStreamed,
      origin: {
        key: caller.key,
        team: caller.team,
        fingerprint: this.#plan.fingerprint,
        bodyHash: this.#exchange.capture?.requestHash ?? null,
        tags: requestTags(this.#exchange),
      },
    };
  }

  #stepDeps(answer: ClientAnswer, inputTokens: number, countTokens: (text: string) => number): StepDeps {
    const { gateway } = this.#deps;
    const { steps } = gateway;
    const { certificate, step } = this.#plan;
    const capture = this.#exchange.task?.capture ?? gateway.capture;
    const rule = ruleOf(certificate, this.#exchange.task, () => keptText(this.#plan.client.request, capture));
    const written = new WrittenUsage(inputTokens, countTokens);
    return {
      clock: gateway.clock,
      after: systemTimer,
      newId: gateway.newId,
      client: ({ name }) => written.listen(name, withLogprobs(steps.client(name), rule.needsLogprobs(name))),
      available: (model) => steps.available(model.name),
      estimate: () => ({ cost: null, ms: null }),
      price: ({ provider, model }, used, at) => gateway.prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
      countUsage: ({ name }) => written.of(name),
      ...(certificate === null ? {} : { covers: (model, served) => steps.policies.covers(certificate, model.name, served) }),
      validate: validateOutput,
      confidence: (model, said, validation) => rule.confidence(model.name, said, step.output, validation),
      confidenceBound: (model, request) => rule.bound(model.name, request),
      record: (row: Call, said: Answer) => {
        steps.policies.observe(row.model, row.servedModel);
        const { decision, afterward, capture, task } = this.#exchange;
        if (task !== null && row.purpose === 'escalation') steps.escalations.happened(task);
        if (rule.needsLogprobs(row.model)) steps.signals.heard(row.model, said);
        const booked = decision !== null && row.decision === 'ceiling' ? { ...row, decision } : row;
        answer.booked(booked);
        capture?.answered(row.id, said);
        this.#exchange.record(booked);
        afterward?.said(booked, said);
      },
    };
  }
}

/** The client's SDK stops waiting at its deadline: what is decided must reach it before. */
export function withMargin(deadlineAt: EpochMs, from: EpochMs): EpochMs {
  return deadlineAt - Math.min(1_000, (deadlineAt - from) / 20);
}

/** A step that asks one model and nobody else: how a request reaches a model of another protocol. */
export function stepOf(model: Model): Step {
  return {
    task: null,
    step: null,
    pipeline: null,
    output: { kind: 'text' },
    ladder: [{ model, licence: { kind: 'certified', threshold: null } }],
  };
}
