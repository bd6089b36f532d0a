import type { Config, LockedCertificate, ModelConfig, TaskConfig } from './config/index.ts';
import {
  type Answer,
  addUsd,
  type Call,
  type Clock,
  type Model,
  type ModelRequest,
  type NanoUsd,
  NO_USAGE,
  SmallfirstError,
  toUsd,
  type Usage,
  usage,
  writtenIn,
  ZERO_USD,
} from './core/index.ts';
import { promptedRequest } from './eval/index.ts';
import {
  type AskingWatch,
  countInput,
  countText,
  needOf,
  type Routing,
  ruleOf,
  type StepHost,
  type Steps,
  withLogprobs,
} from './gateway/index.ts';
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
import { type Alone, type PolicySteps, stepPolicy } from './pipeline-policy.ts';
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
  readonly steps: PolicySteps & Pick<Steps, 'client' | 'available' | 'signals'>;
  /** Answers for what steps ask. */
  readonly host: StepHost;
  /** Stands between steps and models where calls are kept and paced; absent: models are called straight. */
  readonly calls?: CallKeeper;
}

/** Keeps what was asked, so that a run that was broken off asks nothing twice. */
export interface CallKeeper {
  /** Its answers are not of this hour: they count for no cap of it, and say nothing about what is served now. Absent: they do. */
  readonly isApart?: boolean;
  /** Runs only find out what is to be asked: nothing of them is recorded. Absent: they are. */
  readonly isRehearsing?: boolean;
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
    worstOfPlan: (request, model) => asked.worstOfPlan(request, model),
    priceAt: (name, used) => {
      const { provider, model } = steps.model(name);
      return prices.price({ provider, model }, used, clock.now())?.cost ?? null;
    },
    costOf: (error) => asked.costOf(error),
    failed: (error, cost) => asked.failed(error, cost),
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

  /** Keeps what something that failed has cost. */
  failed(error: unknown, cost: NanoUsd | null): void {
    if (typeof error === 'object' && error !== null) this.#spent.set(error, cost);
  }

  costOf(error: unknown): NanoUsd | null {
    return typeof error === 'object' && error !== null && this.#spent.has(error) ? (this.#spent.get(error) ?? null) : ZERO_USD;
  }

  /** One turn of a planning model: whatever it says, a call of a tool or an answer, is what is wanted. */
  async plan(prompted: ModelRequest, model: string, ask: StepAsk): Promise<PlanTurn> {
    const { step, pipeline } = ask;
    const ladder = [{ model: this.#deps.steps.model(model), licence: { kind: 'certified' as const, threshold: null } }];
    const planning: Step = { task: null, step: step.name, pipeline: pipeline.name, output: { kind: 'text' }, ladder };
    const asking = this.#begin({ ask, task: null, prompted, step: planning, startAt: 0, watched: null, reason: null });
    return this.#told(asking, async () => {
      const { answer, tier, cost, latencyMs } = await runStep(planning, this.#request(asking), {
        ...this.#stepDeps(asking, null),
        validate: (text) => ({ valid: true, value: text, why: null }),
      });
      return { answer, tier, cost, latencyMs, usage: asking.rows.at(-1)?.usage ?? null };
    });
  }

  /** The most that a turn of a planning model can cost; null when it has no price. */
  worstOfPlan(request: ModelRequest, name: string): NanoUsd | null {
    const model = this.#deps.steps.model(name);
    const outputTokens = request.maxTokens ?? (model as ModelConfig).parameters.maxTokens ?? this.#deps.host.outputLimit ?? USUAL_OUTPUT;
    const worst = { inputTokens: countInput(request, this.#countTokens), outputTokens, longCache: false, serviceTier: 'default' } as const;
    return worstCost(this.#deps.prices, model, worst, this.#deps.clock.now());
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
  async #told<T>({ rows, watch }: Begun, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.failed(error, totalOf(rows.map(({ cost }) => cost)));
      throw error;
    } finally {
      watch.ended();
    }
  }

  async task(name: string, ask: StepAsk): Promise<StepAnswer> {
    const declared = this.#deps.config.tasks.get(name);
    if (declared === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `There is no task "${name}".`);
    const task = ask.step.ladder === null ? declared : { ...declared, ladder: ask.step.ladder };
    const prompted = promptedRequest(task, { input: ask.input, messages: null });
    const { policy, startAt, watched, reason, alone } = stepPolicy(task, prompted, ask, this.#deps.steps, this.#deps.clock.now());
    // Written out, not spread: this runs for each of a million rows.
    const { output, ladder } = policy.step;
    const step: Step = { task: name, step: ask.step.name, pipeline: ask.pipeline.name, output, ladder };
    const asking = this.#begin({ ask, task: declared, prompted, step, startAt, watched, reason });
    const { listener } = ask;
    return this.#told(asking, async () => {
      const stepDeps = this.#stepDeps(asking, policy.certificate);
      const request = this.#request(asking);
      const result = listener === null ? await runStep(step, request, stepDeps) : await streamStep(step, request, stepDeps, listener);
      const used = asking.rows.findLast(({ outcome }) => outcome === 'accepted')?.usage ?? null;
      return answerOf(result, task, { alone, reason, used });
    });
  }

  /** Prepares an asking and tells the host, who may refuse it. */
  #begin(about: About): Begun {
    const { host } = this.#deps;
    const { ask, task, prompted, step, startAt, watched } = about;
    const inputTokens = this.#lazily(prompted);
    // Where money is set aside, no answer may be longer than what it was set aside for.
    const usual = host.isLimited || ask.budget !== null ? (host.outputLimit ?? USUAL_OUTPUT) : host.outputLimit;
    const limitOf = (model: Model): number | null => {
      const own = prompted.maxTokens ?? (model as ModelConfig).parameters.maxTokens ?? usual;
      return own === null || host.outputLimit === null ? own : Math.min(own, host.outputLimit);
    };
    const worstAt = (model: Model): NanoUsd | null => {
      const worst = {
        inputTokens: inputTokens(),
        outputTokens: limitOf(model) ?? USUAL_OUTPUT,
        longCache: false,
        serviceTier: 'default',
      } as const;
      return worstCost(this.#deps.prices, { provider: model.provider, model: model.model }, worst, this.#deps.clock.now());
    };
    const worst = (): NanoUsd | null => totalOf(step.ladder.slice(startAt).map(({ model }) => worstAt(model)));
    const watch = host.begin({ ask, task, request: prompted, routing: watched, worst });
    return { ask, task, prompted, step, startAt, watched, reason: about.reason, inputTokens, limitOf, worstAt, watch, rows: [] };
  }

  #request({ ask, prompted, step, startAt, inputTokens, watch }: Begun): StepRequest {
    const { run, index } = ask;
    return {
      requestId: run.id,
      itemId: run.itemId === null || index === null ? run.itemId : `${run.itemId}#${index}`,
      input: ask.input,
      request: prompted,
      need: needOf(prompted, fits(step.ladder) ? 0 : inputTokens()),
      startAt,
      polish: null,
      budget: ask.budget,
      deadlineAt: ask.deadlineAt,
      signal: run.signal,
      streamed: ask.listener?.live ?? false,
      origin: watch.bodyHash === null ? run.origin : { ...run.origin, bodyHash: watch.bodyHash },
    };
  }

  #stepDeps({ ask, task, inputTokens, limitOf, worstAt, rows, watch, reason }: Begun, certificate: LockedCertificate | null): StepDeps {
    const { steps, clock, newId, prices, calls } = this.#deps;
    const rule = ruleOf(certificate, task, () => ask.input);
    const isBudgeted = ask.budget !== null;
    return {
      clock,
      after: systemTimer,
      newId,
      client: (model) => {
        const open = withParameters(steps.client(model.name), model as ModelConfig, limitOf(model));
        const client = withLogprobs(open, rule.needsLogprobs(model.name));
        return calls === undefined ? client : calls.client(ask, model, leaving(client));
      },
      available: (model) => steps.available(model.name),
      estimate: (model) => ({ cost: isBudgeted ? worstAt(model) : null, ms: null }),
      price: ({ provider, model }, used, at) => prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
      countUsage: (_model, _request, said) => {
        // What is only found out is not paid for.
        if (calls?.isRehearsing === true) return NO_USAGE;
        return usage({ freshInput: inputTokens(), output: countText(writtenIn(said), this.#countTokens) });
      },
      ...(certificate === null ? {} : { covers: (model, served) => steps.policies.covers(certificate, model.name, served) }),
      validate: validateOutput,
      confidence: (model, said, validation) =>
        rule.confidence(model.name, said, task?.output ?? { kind: 'text' }, validation) ?? ownConfidence(model, said),
      confidenceBound: (model, request) => rule.bound(model.name, request),
      record: (made, said) => {
        const row = booked(made, ask.step, reason);
        rows.push(row);
        if (calls?.isApart !== true) {
          steps.policies.observe(row.model, row.servedModel);
          if (task !== null && row.purpose === 'escalation') steps.escalations.happened(task);
          if (rule.needsLogprobs(row.model)) steps.signals.heard(row.model, said);
        }
        watch.record(calls === undefined ? row : calls.row(ask, row), said);
      },
    };
  }
}

/** A row as it is booked: with why its ceiling answered, and as a polish where its step is one. */
function booked(row: Call, { purpose }: StepAsk['step'], reason: Routing['reason']): Call {
  const isPolish = purpose === 'polish' && row.purpose === 'answer';
  const isExplained = reason !== null && row.decision === 'ceiling';
  if (!isPolish && !isExplained) return row;
  return { ...row, ...(isPolish ? { purpose } : {}), ...(isExplained ? { decision: reason } : {}) };
}

/** What is asked for a step, and of whom. */
interface About {
  readonly ask: StepAsk;
  /** As it is declared; null for a planning model. */
  readonly task: TaskConfig | null;
  readonly prompted: ModelRequest;
  readonly step: Step;
  readonly startAt: number;
  readonly watched: Routing | null;
  readonly reason: Routing['reason'];
}

/** The same under way. */
interface Begun extends About {
  readonly inputTokens: () => number;
  /** Tokens that a model's answer may have at most; null for no limit. */
  readonly limitOf: (model: Model) => number | null;
  readonly worstAt: (model: Model) => NanoUsd | null;
  readonly watch: AskingWatch;
  readonly rows: Call[];
}

/** Whether any prompt fits every rung: then its length need not be known. */
function fits(ladder: Step['ladder']): boolean {
  return ladder.every(({ model }) => model.contextWindow === null);
}

/** What a step's answer needs beside the result of its ladder. */
interface Answered {
  readonly alone: Alone | null;
  readonly reason: Routing['reason'];
  readonly used: Usage | null;
}

function answerOf(result: StepResult, task: TaskConfig, { alone, reason, used }: Answered): StepAnswer {
  const decision = result.decision === 'ceiling' ? (reason ?? 'ceiling') : result.decision;
  return {
    output: result.value,
    isLabel: task.output.kind === 'label',
    confidence: result.confidence,
    // A swap accepts every valid answer, which is a threshold of 0; none at all would count as one that nothing reaches.
    threshold: alone === null ? (result.threshold ?? (decision === 'certified' ? 0 : null)) : alone.threshold,
    model: result.model,
    tier: result.tier,
    decision: alone === null ? decision : 'named',
    cost: result.cost,
    calls: result.attempts.length,
    escalated: result.attempts.length > 1,
    latencyMs: result.latencyMs,
    usage: used,
  };
}

/** A student states a calibrated probability of its own; no other model's word is taken without a calibrator. */
function ownConfidence({ provider }: Model, { recorded }: Answer): number | null {
  return provider === 'student' ? (recorded?.probability ?? null) : null;
}

/** Where calls are kept they wait for their places: that one goes out is known here, behind all that holds it. */
function leaving(client: ModelClient): ModelClient {
  return {
    ...(client.version === undefined ? {} : { version: client.version }),
    call: (request, context) => {
      context.held?.(false);
      return client.call(request, context);
    },
  };
}

/** What a model sets for itself holds where the task says nothing; `limit` holds where neither limits the answer, and over what they say. */
function withParameters(client: ModelClient, { parameters = {} }: Partial<ModelConfig>, limit: number | null): ModelClient {
  if (Object.keys(parameters).length === 0 && limit === null) return client;
  return {
    ...(client.version === undefined ? {} : { version: client.version }),
    call: (request, context) => client.call({ ...parameters, ...request, ...(limit === null ? {} : { maxTokens: limit }) }, context),
  };
}

function totalOf(costs: readonly (NanoUsd | null)[]): NanoUsd | null {
  return costs.some((cost) => cost === null) ? null : addUsd(...(costs as readonly NanoUsd[]));
}
