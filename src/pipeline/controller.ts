import type { ControllerConfig } from '../config/index.ts';
import {
  type Answer,
  contentHash,
  type Json,
  type Message,
  type ModelRequest,
  type NanoUsd,
  SmallfirstError,
  type ToolCall,
  type ToolDefinition,
  textMessage,
  toUsd,
} from '../core/index.ts';
import { toolNames, toolOf } from './controller-tools.ts';
import { Purse } from './purse.ts';
import { asFailure, sumOf } from './record.ts';
import type { StepAnswer, StepAsk } from './types.ts';

/** A task that may be delegated to, as the planning model is told. */
export interface DelegableTask {
  readonly name: string;
  /** What it answers, for people. */
  readonly output: string;
  /** US dollars that a call is likely to cost at its cheapest rung; null when not known. */
  readonly usdPerCall: number | null;
}

/** One turn of the planning model. */
export interface PlanTurn {
  readonly answer: Answer;
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
}

/** The world that a controller acts in. */
export interface ControllerWorld {
  /** Asks the planning model once. Rejects with a SmallfirstError. */
  plan(request: ModelRequest, model: string, ask: StepAsk): Promise<PlanTurn>;
  /** Answers a task through its own ladder. Rejects with a SmallfirstError. */
  task(name: string, ask: StepAsk): Promise<StepAnswer>;
  describe(task: string): DelegableTask;
  /** What an answer's tokens would have cost at a model; null when it has no price. */
  priceAt(model: string, answer: StepAnswer): NanoUsd | null;
  /** What a call that failed has cost. */
  costOf(error: unknown): NanoUsd | null;
}

/** One delegated call, as it is reported. */
interface Delegated {
  readonly task: string;
  readonly depth: number;
  readonly answer: StepAnswer | null;
  readonly error: string | null;
  readonly cost: NanoUsd | null;
}

const RULES = [
  'You plan and delegate. The tools are small, cheap specialists: prefer them to doing their work yourself, and give each the exact text that it works on.',
  'Call several at once where none needs the outcome of another. Do not repeat a call with the same input.',
  'When you have what you need, answer the request itself, without tools.',
].join('\n');

/**
 * Runs a controller: its model plans, declared tasks execute through their own ladders, until the model answers without a tool. Caps on
 * turns, calls, repeats, depth and cost end the delegating: the model is then asked to answer with what there is.
 *
 * Throws SmallfirstError: ABORTED, DEADLINE_EXCEEDED, BUDGET_EXCEEDED, or what the planning model's call threw.
 */
export async function runController(config: ControllerConfig, ask: StepAsk, world: ControllerWorld): Promise<StepAnswer> {
  const limit = lowest(config.maxCost, ask.budget);
  return new Controller(config, ask, world, new Purse(limit)).run(ask.input, 1);
}

class Controller {
  readonly #config: ControllerConfig;
  readonly #ask: StepAsk;
  readonly #world: ControllerWorld;
  readonly #purse: Purse;
  /** Tasks by the names of their tools. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #tools: readonly ToolDefinition[];
  readonly #delegated: Delegated[] = [];
  readonly #planning: PlanTurn[] = [];
  /** Times that a task was asked with an input. */
  readonly #asked = new Map<string, number>();
  #calls = 0;

  constructor(config: ControllerConfig, ask: StepAsk, world: ControllerWorld, purse: Purse) {
    this.#config = config;
    this.#ask = ask;
    this.#world = world;
    this.#purse = purse;
    this.#names = toolNames(config.tasks);
    this.#tools = [...this.#names].map(([name, task]) => toolOf(name, world.describe(task)));
  }

  async run(goal: string, depth: number): Promise<StepAnswer> {
    const turn = await this.#converse(goal, depth);
    return this.#answerOf(turn);
  }

  /** Plans until an answer comes without a tool. */
  async #converse(goal: string, depth: number): Promise<PlanTurn> {
    const { instructions } = this.#config;
    const { run } = this.#ask;
    const told = instructions === null ? '' : instructions.render({ request: run.request, input: run.input, steps: {} });
    const messages: Message[] = [
      textMessage('system', [RULES, told].filter((text) => text !== '').join('\n\n')),
      textMessage('user', goal),
    ];
    for (let turns = 1; ; turns += 1) {
      const isLast = turns >= this.#config.maxTurns || this.#calls >= this.#config.maxCalls;
      const tools = depth < this.#config.maxDepth ? [...this.#tools, SUBPLAN] : this.#tools;
      // A model that may not delegate any more is still shown the tools: protocols refuse tool results without them.
      const turn = await this.#plan({ messages: [...messages], tools, ...(isLast ? { toolChoice: 'none' as const } : {}) });
      const { toolCalls, text } = turn.answer;
      if (toolCalls.length === 0 || isLast) return turn;
      messages.push({
        role: 'assistant',
        content: [
          ...(text === '' ? [] : [{ type: 'text' as const, text }]),
          ...toolCalls.map((call) => ({ type: 'tool-call' as const, id: call.id, name: call.name, arguments: call.arguments })),
        ],
      });
      // What runs side by side takes equal parts of what is left, and one is kept for the plan itself.
      const results = await Promise.all(toolCalls.map((call, i) => this.#delegate(call, depth, toolCalls.length - i)));
      messages.push({ role: 'user', content: results });
    }
  }

  async #plan(request: ModelRequest): Promise<PlanTurn> {
    const granted = this.#purse.grant(null);
    const turn = await this.#world.plan(request, this.#config.model, { ...this.#ask, budget: granted, listener: null });
    this.#purse.spend(turn.cost, granted);
    this.#planning.push(turn);
    return turn;
  }

  /** One delegated call; what goes wrong is told to the model, which may plan around it. */
  async #delegate(call: ToolCall, depth: number, beside: number): Promise<Extract<Message['content'][number], { type: 'tool-result' }>> {
    const reply = (value: Json, isError: boolean) =>
      ({ type: 'tool-result', id: call.id, content: [{ type: 'text', text: JSON.stringify(value) }], isError }) as const;
    const input = inputOf(call.arguments);
    const name = this.#names.get(call.name) ?? null;
    if (input === null) return reply({ error: 'the arguments must be {"input": "…"}' }, true);
    if (name === null && call.name !== SUBPLAN.name) return reply({ error: `there is no tool "${call.name}"` }, true);
    if (this.#calls >= this.#config.maxCalls) return reply({ error: 'no more calls are allowed; answer with what there is' }, true);
    const key = contentHash([call.name, input]);
    const before = this.#asked.get(key) ?? 0;
    if (before >= this.#config.maxRepeats) return reply({ error: 'this was asked before, and asking again changes nothing' }, true);
    this.#asked.set(key, before + 1);
    this.#calls += 1;
    if (name === null) return this.#subplan(input, depth, reply);
    const own = this.#purse.take(beside + 1);
    const granted = own.grant(null);
    try {
      const answer = await this.#world.task(name, { ...this.#ask, input, budget: granted, listener: null });
      own.spend(answer.cost, granted);
      this.#delegated.push({ task: name, depth, answer, error: null, cost: answer.cost });
      return reply({ output: answer.output, confidence: answer.confidence }, false);
    } catch (error) {
      const failure = asFailure(error);
      const cost = this.#world.costOf(error);
      own.spend(cost, granted);
      this.#delegated.push({ task: name, depth, answer: null, error: failure.code, cost });
      if (failure.code === 'ABORTED' || failure.code === 'DEADLINE_EXCEEDED') throw failure;
      return reply({ error: failure.message }, true);
    } finally {
      this.#purse.join(own);
    }
  }

  async #subplan(
    goal: string,
    depth: number,
    reply: (value: Json, isError: boolean) => Extract<Message['content'][number], { type: 'tool-result' }>,
  ) {
    const turn = await this.#converse(goal, depth + 1);
    return reply({ output: turn.answer.text }, false);
  }

  #answerOf({ answer, latencyMs }: PlanTurn): StepAnswer {
    if (answer.text.trim() === '') throw new SmallfirstError('UPSTREAM_INVALID', `The controller "${this.#ask.step.name}" gave no answer.`);
    const planning = sumOf(this.#planning.map(({ cost }) => cost));
    const delegated = sumOf(this.#delegated.map(({ cost }) => cost));
    // The same tokens at the planning model: what it would have read and written, had it done each piece itself.
    const itself = sumOf(
      this.#delegated.map(({ answer: one }) => (one === null ? (0 as NanoUsd) : this.#world.priceAt(this.#config.model, one))),
    );
    const usd = (amount: NanoUsd | null): number | null => (amount === null ? null : toUsd(amount));
    return {
      output: answer.text,
      isLabel: false,
      confidence: null,
      threshold: null,
      model: this.#config.model,
      tier: 'frontier',
      decision: 'planned',
      cost: sumOf([planning, delegated]),
      calls: this.#planning.length + this.#delegated.reduce((sum, one) => sum + (one.answer?.calls ?? 1), 0),
      escalated: this.#delegated.some((one) => one.answer?.escalated === true),
      latencyMs,
      usage: null,
      plan: {
        turns: this.#planning.length,
        calls: this.#delegated.map(({ task, depth, answer: one, error, cost }) => ({
          task,
          ...(depth === 1 ? {} : { depth }),
          ...(one === null
            ? { error }
            : { output: one.output, confidence: one.confidence, model: one.model, tier: one.tier, decision: one.decision }),
          costUsd: usd(cost),
        })),
        planningUsd: usd(planning),
        delegatedUsd: usd(delegated),
        frontierUsd: usd(itself),
        savedUsd: itself === null || delegated === null ? null : (itself - delegated) / 1e9,
      },
    };
  }
}

/** A piece of the work that is large enough for a plan of its own. */
const SUBPLAN: ToolDefinition = {
  name: 'delegate_plan',
  description: 'Plans and delegates a part of the work on its own, and gives its outcome.',
  parameters: {
    type: 'object',
    properties: { input: { type: 'string', description: 'The part of the work, complete in itself' } },
    required: ['input'],
    additionalProperties: false,
  },
};

function inputOf(text: string): string | null {
  try {
    const { input } = JSON.parse(text) as { readonly input?: unknown };
    if (typeof input === 'string') return input;
    return input === undefined || input === null ? null : JSON.stringify(input);
  } catch {
    return null;
  }
}

function lowest(a: NanoUsd | null, b: NanoUsd | null): NanoUsd | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b) as NanoUsd;
}
