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
  toUsd,
  type Usage,
  usage,
  ZERO_USD,
} from './core/index.ts';
import { promptedRequest } from './eval/index.ts';
import { countInput, countText, needOf, ruleOf, type Steps, type TaskPolicy, withLogprobs } from './gateway/index.ts';
import { validateOutput } from './metrics/index.ts';
import {
  type ControllerWorld,
  type DelegableTask,
  type PipelineWorld,
  type PlanTurn,
  runController,
  type StepAnswer,
  type StepAsk,
} from './pipeline/index.ts';
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
  /** Stands between steps and models where calls are kept and paced; absent: models are called straight. */
  readonly calls?: CallKeeper;
}

/** Keeps what was asked, so that a run that was broken off asks nothing twice. */
export interface CallKeeper {
  /** The client to ask a model with, for a step. */
  client(ask: StepAsk, model: Model, client: ModelClient): ModelClient;
  /** The row of a call that a step made, under the id that it was made with. */
  row(ask: StepAsk, row: Call): Call;
}

/** What an answer is taken to need where nothing limits it. */
const USUAL_OUTPUT = 4_096;

/**
 * The world that pipelines run in: each step goes through its task's ladder by the same policy, certificates, canaries and records as a
 * request of its own. `countTokens` counts as the tokenizer does.
 */
export function pipelineWorld(deps: PipelineWorldDeps, countTokens: (text: string) => number): PipelineWorld {
  const asked = new Asked(deps, countTokens);
  const { steps, prices, clock } = deps;
  const controllers: ControllerWorld = {
    plan: (request, model, ask) => asked.plan(request, model, ask),
    task: (name, ask) => asked.task(name, ask),
    describe: (task) => describeTask(deps, task),
    priceAt: (name, { usage: used }) => {
      const { provider, model } = steps.model(name);
      return used === null ? ZERO_USD : (prices.price({ provider, model }, used, clock.now())?.cost ?? null);
    },
    costOf: (error) => asked.costOf(error),
  };
  return {
    now: () => clock.now(),
    answer: (ask) => {
      const { task, controller } = ask.step;
      if (controller !== null) return runController(controller, ask, controllers);
      return asked.task(task ?? '', ask);
    },
    costOf: (error) => asked.costOf(error),
  };
}

/** A task as a planning model is told of it; its price is that of a page of text at the cheapest rung. */
function describeTask({ config, steps, prices, clock }: PipelineWorldDeps, name: string): DelegableTask {
  const task = config.tasks.get(name);
  const [first] = task?.ladder ?? [];
  if (task === undefined || first === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `There is no task "${name}".`);
  const { output } = task;
  const { provider, model } = steps.model(first);
  const cost = prices.price({ provider, model }, usage({ freshInput: 500, output: 100 }), clock.now())?.cost ?? null;
  return {
    name,
    output:
      output.kind === 'label'
        ? `one of: ${output.labels.join(', ')}`
        : output.kind === 'json'
          ? `JSON, as ${JSON.stringify(output.schema)}`
          : 'text',
    usdPerCall: cost === null ? null : Number(toUsd(cost).toPrecision(2)),
  };
}

class Asked {
  readonly #deps: PipelineWorldDeps;
  readonly #countTokens: (text: string) => number;
  /** What calls that failed have cost, by their error. */
  readonly #spent = new WeakMap<object, NanoUsd | null>();

  constructor(deps: PipelineWorldDeps, countTokens: (text: string) => number) {
    this.#deps = deps;
    this.#countTokens = countTokens;
  }

  costOf(error: unknown): NanoUsd | null {
    return typeof error === 'object' && error !== null && this.#spent.has(error) ? (this.#spent.get(error) ?? null) : ZERO_USD;
  }

  /** One turn of a planning model: whatever it says, a call of a tool or an answer, is what is wanted. */
  async plan(prompted: ModelRequest, model: string, ask: StepAsk): Promise<PlanTurn> {
    const { step, pipeline } = ask;
    const ladder = [{ model: this.#deps.steps.model(model), licence: { kind: 'certified' as const, threshold: null } }];
    const inputTokens = this.#lazily(prompted);
    const rows: Call[] = [];
    const deps = this.#stepDeps(null, null, { inputTokens, rows, ask });
    const planning: Step = { task: null, step: step.name, pipeline: pipeline.name, output: { kind: 'text' }, ladder };
    return this.#told(rows, async () => {
      const { answer, cost, latencyMs } = await runStep(planning, this.#request(prompted, fits(ladder) ? 0 : inputTokens(), ask), {
        ...deps,
        validate: (text) => ({ valid: true, value: text, why: null }),
      });
      return { answer, cost, latencyMs };
    });
  }

  /** A prompt's tokens, counted when they are asked for: a student needs none. */
  #lazily(prompted: ModelRequest): () => number {
    let counted: number | null = null;
    return () => {
      counted ??= countInput(prompted, this.#countTokens);
      return counted;
    };
  }

  /** Keeps what was spent with whatever goes wrong. */
  async #told<T>(rows: readonly Call[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (typeof error === 'object' && error !== null) this.#spent.set(error, totalOf(rows.map(({ cost }) => cost)));
      throw error;
    }
  }

  async task(name: string, ask: StepAsk): Promise<StepAnswer> {
    const declared = this.#deps.config.tasks.get(name);
    if (declared === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `There is no task "${name}".`);
    const task = ask.step.ladder === null ? declared : { ...declared, ladder: ask.step.ladder };
    const { policy, alone } = this.#policyOf(task, ask);
    const step: Step = { ...policy.step, task: name, step: ask.step.name, pipeline: ask.pipeline.name };
    const prompted = promptedRequest(task, { input: ask.input, messages: null });
    const inputTokens = this.#lazily(prompted);
    const rows: Call[] = [];
    const used = (): Usage | null => rows.findLast(({ outcome }) => outcome === 'accepted')?.usage ?? null;
    const stepDeps = this.#stepDeps(task, policy.certificate, { inputTokens, rows, ask });
    const request = this.#request(prompted, fits(step.ladder) ? 0 : inputTokens(), ask);
    const { listener } = ask;
    return this.#told(rows, async () => {
      const result = listener === null ? await runStep(step, request, stepDeps) : await streamStep(step, request, stepDeps, listener);
      return answerOf(result, task, alone, used());
    });
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
    task: TaskConfig | null,
    certificate: LockedCertificate | null,
    { inputTokens, rows, ask }: { readonly inputTokens: () => number; readonly rows: Call[]; readonly ask: StepAsk },
  ): StepDeps {
    const { steps, clock, newId, prices, record, calls } = this.#deps;
    const rule = ruleOf(certificate, task, () => ask.input);
    const isBudgeted = ask.budget !== null;
    return {
      clock,
      after: systemTimer,
      newId,
      client: (model) => {
        const client = withLogprobs(withParameters(steps.client(model.name), model as ModelConfig), rule.needsLogprobs(model.name));
        return calls === undefined ? client : calls.client(ask, model, client);
      },
      available: (model) => steps.available(model.name),
      estimate: (model, request) => ({ cost: isBudgeted ? this.#worst(model, request, inputTokens()) : null, ms: null }),
      price: ({ provider, model }, used, at) => prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
      countUsage: (_model, _request, { text }) =>
        usage({ freshInput: inputTokens(), output: text === '' ? 0 : countText(text, this.#countTokens) }),
      ...(certificate === null ? {} : { covers: (model, served) => steps.policies.covers(certificate, model.name, served) }),
      validate: validateOutput,
      confidence: (model, said, validation) =>
        rule.confidence(model.name, said, task?.output ?? { kind: 'text' }, validation) ?? ownConfidence(model, said),
      confidenceBound: (model, request) => rule.bound(model.name, request),
      record: (row, said) => {
        rows.push(row);
        steps.policies.observe(row.model, row.servedModel);
        if (task !== null && row.purpose === 'escalation') steps.escalations.happened(task);
        if (rule.needsLogprobs(row.model)) steps.signals.heard(row.model, said);
        record(calls === undefined ? row : calls.row(ask, row), said);
      },
    };
  }

  #worst(model: Model, request: ModelRequest, inputTokens: number): NanoUsd | null {
    const outputTokens = request.maxTokens ?? (model as ModelConfig).parameters.maxTokens ?? USUAL_OUTPUT;
    const worst = { inputTokens, outputTokens, longCache: false, serviceTier: 'default' } as const;
    return worstCost(this.#deps.prices, { provider: model.provider, model: model.model }, worst, this.#deps.clock.now());
  }
}

/** Whether any prompt fits every rung: then its length need not be known. */
function fits(ladder: Step['ladder']): boolean {
  return ladder.every(({ model }) => model.contextWindow === null);
}

/** What a model that was asked alone would have had to reach on its ladder; null threshold where nothing licenses it there. */
interface Alone {
  readonly threshold: number | null;
  readonly isCertified: boolean;
}

function answerOf(result: StepResult, task: TaskConfig, alone: Alone | null, used: Usage | null): StepAnswer {
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
    usage: used,
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
