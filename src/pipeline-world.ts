import type { Config, LockedCertificate, ModelConfig, TaskConfig } from './config/index.ts';
import {
  type Answer,
  addUsd,
  type Call,
  type Clock,
  type Model,
  type ModelRequest,
  type NanoUsd,
  SmallfirstError,
  usage,
  ZERO_USD,
} from './core/index.ts';
import { promptedRequest } from './eval/index.ts';
import { countInput, countText, needOf, ruleOf, type Steps, type TaskPolicy, withLogprobs } from './gateway/index.ts';
import { validateOutput } from './metrics/index.ts';
import type { PipelineWorld, StepAnswer, StepAsk } from './pipeline/index.ts';
import type { PriceBook } from './pricing/index.ts';
import type { ModelClient } from './providers/index.ts';
import { runStep, type Step, type StepDeps, type StepRequest, type StepResult, streamStep, systemTimer, worstCost } from './run/index.ts';

/** What pipelines need of a process that runs tasks. */
export interface PipelineWorldDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly prices: Pick<PriceBook, 'price'>;
  /** Tasks with their certificates as they stand now, and models that are open. */
  readonly steps: Pick<Steps, 'policies' | 'life' | 'client' | 'model' | 'available' | 'escalations' | 'signals'>;
  /** Takes each row at once. */
  readonly record: (call: Call, answer: Answer) => void;
  /** Answers a step that plans and delegates. */
  readonly control: (ask: StepAsk, world: TaskWorld) => Promise<StepAnswer>;
}

/** Answers tasks through their ladders. */
export interface TaskWorld {
  /** Answers a task as a step would be. Rejects with a SmallfirstError. */
  task(name: string, ask: StepAsk): Promise<StepAnswer>;
}

/** What an answer is taken to need where nothing limits it. */
const USUAL_OUTPUT = 4_096;

/**
 * The world that pipelines run in: each step goes through its task's ladder by the same policy, certificates, canaries and records as a
 * request of its own. `countTokens` counts as the tokenizer does.
 */
export function pipelineWorld(deps: PipelineWorldDeps, countTokens: (text: string) => number): PipelineWorld & TaskWorld {
  const spent = new WeakMap<object, NanoUsd | null>();
  const asked = new Asked(deps, countTokens, spent);
  const task = (name: string, ask: StepAsk): Promise<StepAnswer> => asked.task(name, ask);
  return {
    now: () => deps.clock.now(),
    answer: (ask) => (ask.step.task === null ? deps.control(ask, { task }) : task(ask.step.task, ask)),
    task,
    costOf: (error) => (typeof error === 'object' && error !== null && spent.has(error) ? (spent.get(error) ?? null) : ZERO_USD),
  };
}

class Asked {
  readonly #deps: PipelineWorldDeps;
  readonly #countTokens: (text: string) => number;
  readonly #spent: WeakMap<object, NanoUsd | null>;

  constructor(deps: PipelineWorldDeps, countTokens: (text: string) => number, spent: WeakMap<object, NanoUsd | null>) {
    this.#deps = deps;
    this.#countTokens = countTokens;
    this.#spent = spent;
  }

  async task(name: string, ask: StepAsk): Promise<StepAnswer> {
    const declared = this.#deps.config.tasks.get(name);
    if (declared === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `There is no task "${name}".`);
    const task = ask.step.ladder === null ? declared : { ...declared, ladder: ask.step.ladder };
    const { policy, alone } = this.#policyOf(task, ask);
    const step: Step = { ...policy.step, task: name, step: ask.step.name, pipeline: ask.pipeline.name };
    const prompted = promptedRequest(task, { input: ask.input, messages: null });
    const inputTokens = countInput(prompted, this.#countTokens);
    const costs: (NanoUsd | null)[] = [];
    const stepDeps = this.#stepDeps(task, policy.certificate, { inputTokens, costs, ask });
    const request = this.#request(prompted, inputTokens, ask);
    try {
      const listener = ask.listener;
      const result = listener === null ? await runStep(step, request, stepDeps) : await streamStep(step, request, stepDeps, listener);
      return answerOf(result, task, alone);
    } catch (error) {
      if (typeof error === 'object' && error !== null) this.#spent.set(error, totalOf(costs));
      throw error;
    }
  }

  /** Who may answer. A step that names one model asks that one alone; the certificate still says what its confidence is worth. */
  #policyOf(task: TaskConfig, ask: StepAsk): { readonly policy: TaskPolicy; readonly alone: Alone | null } {
    const { steps, clock } = this.#deps;
    const { model, floor } = ask.step;
    const standing = steps.policies.policyOf(task, null, clock.now());
    const followed =
      floor === null || keeps(standing.certificate, floor) ? steps.life.route(task, standing, ask.run.id).policy : ceilingOf(standing);
    if (model === null) return { policy: steps.escalations.isReached(task) ? ceilingOf(followed) : followed, alone: null };
    const certificate = followed.certificate?.small === model ? followed.certificate : null;
    const licence = followed.step.ladder.find((rung) => rung.model.name === model)?.licence;
    const threshold =
      licence === undefined || licence.kind === 'uncertified' || model === task.ladder.at(-1) ? null : (licence.threshold ?? 0);
    const rung = { model: steps.model(model), licence: { kind: 'certified' as const, threshold: null } };
    return {
      policy: { ...followed, certificate, step: { ...followed.step, ladder: [rung] } },
      alone: { threshold, isCertified: licence?.kind === 'certified' },
    };
  }

  #request(request: ModelRequest, inputTokens: number, ask: StepAsk): StepRequest {
    const { run, index } = ask;
    return {
      requestId: run.id,
      itemId: run.itemId === null || index === null ? run.itemId : `${run.itemId}#${index}`,
      input: ask.input,
      request,
      need: needOf(request, inputTokens),
      startAt: 0,
      polish: null,
      budget: ask.budget,
      deadlineAt: ask.deadlineAt,
      signal: run.signal,
      streamed: ask.listener?.live ?? false,
      origin: run.origin,
    };
  }

  #stepDeps(
    task: TaskConfig,
    certificate: LockedCertificate | null,
    { inputTokens, costs, ask }: { readonly inputTokens: number; readonly costs: (NanoUsd | null)[]; readonly ask: StepAsk },
  ): StepDeps {
    const { steps, clock, newId, prices, record } = this.#deps;
    const rule = ruleOf(certificate, task, () => ask.input);
    const isBudgeted = ask.budget !== null;
    return {
      clock,
      after: systemTimer,
      newId,
      client: (model) => withLogprobs(withParameters(steps.client(model.name), model as ModelConfig), rule.needsLogprobs(model.name)),
      available: (model) => steps.available(model.name),
      estimate: (model, request) => ({ cost: isBudgeted ? this.#worst(model, request, inputTokens) : null, ms: null }),
      price: ({ provider, model }, used, at) => prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
      countUsage: (_model, _request, { text }) =>
        usage({ freshInput: inputTokens, output: text === '' ? 0 : countText(text, this.#countTokens) }),
      ...(certificate === null ? {} : { covers: (model, served) => steps.policies.covers(certificate, model.name, served) }),
      validate: validateOutput,
      confidence: (model, said, validation) => rule.confidence(model.name, said, task.output, validation) ?? ownConfidence(model, said),
      confidenceBound: (model, request) => rule.bound(model.name, request),
      record: (row, said) => {
        costs.push(row.cost);
        steps.policies.observe(row.model, row.servedModel);
        if (row.purpose === 'escalation') steps.escalations.happened(task);
        if (rule.needsLogprobs(row.model)) steps.signals.heard(row.model, said);
        record(row, said);
      },
    };
  }

  #worst(model: Model, request: ModelRequest, inputTokens: number): NanoUsd | null {
    const outputTokens = request.maxTokens ?? (model as ModelConfig).parameters.maxTokens ?? USUAL_OUTPUT;
    const worst = { inputTokens, outputTokens, longCache: false, serviceTier: 'default' } as const;
    return worstCost(this.#deps.prices, { provider: model.provider, model: model.model }, worst, this.#deps.clock.now());
  }
}

/** What a model that was asked alone would have had to reach on its ladder; null threshold where nothing licenses it there. */
interface Alone {
  readonly threshold: number | null;
  readonly isCertified: boolean;
}

function answerOf(result: StepResult, task: TaskConfig, alone: Alone | null): StepAnswer {
  return {
    output: result.value,
    isLabel: task.output.kind === 'label',
    confidence: result.confidence,
    threshold: alone === null ? result.threshold : alone.threshold,
    model: result.model,
    tier: result.tier,
    decision: alone === null ? result.decision : 'named',
    cost: result.cost,
    calls: result.attempts.length,
    escalated: result.attempts.length > 1,
    latencyMs: result.latencyMs,
  };
}

function ceilingOf(policy: TaskPolicy): TaskPolicy {
  return { step: { ...policy.step, ladder: policy.step.ladder.slice(-1) }, isRouted: false, certificate: null };
}

/** A student states a calibrated probability of its own; no other model's word is taken without a calibrator. */
function ownConfidence({ provider }: Model, { recorded }: Answer): number | null {
  return provider === 'student' ? (recorded?.probability ?? null) : null;
}

/** Whether a certificate promises at least a floor. */
function keeps(certificate: LockedCertificate | null, floor: { readonly retain: number; readonly level: number }): boolean {
  return certificate !== null && certificate.floor.retain >= floor.retain && certificate.floor.level >= floor.level;
}

/** What a model sets for itself holds where the task says nothing. */
function withParameters(client: ModelClient, { parameters }: ModelConfig): ModelClient {
  if (parameters === undefined || Object.keys(parameters).length === 0) return client;
  return {
    ...(client.version === undefined ? {} : { version: client.version }),
    call: (request, context) => client.call({ ...parameters, ...request }, context),
  };
}

function totalOf(costs: readonly (NanoUsd | null)[]): NanoUsd | null {
  return costs.some((cost) => cost === null) ? null : addUsd(...(costs as readonly NanoUsd[]));
}
