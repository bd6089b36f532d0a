import type { ControllerConfig } from '../config/index.ts';
import {
  contentHash,
  type Json,
  type Message,
  type ModelRequest,
  type NanoUsd,
  type Part,
  SmallfirstError,
  type ToolCall,
  type ToolDefinition,
  textMessage,
} from '../core/index.ts';
import { type Delegated, planReport } from './controller-report.ts';
import { SUBPLAN, toolInput, toolNames, toolOf } from './controller-tools.ts';
import type { ControllerWorld, PlanTurn } from './controller-types.ts';
import { Purse } from './purse.ts';
import { asFailure, sumOf } from './record.ts';
import type { StepAnswer, StepAsk } from './types.ts';

const RULES = [
  'You plan and delegate. The tools are small, cheap specialists: prefer them to doing their work yourself, and give each the exact text that it works on.',
  'Call several at once where none needs the outcome of another. Do not repeat a call with the same input.',
  'When you have what you need, answer the request itself, without tools.',
].join('\n');

type ToolResult = Extract<Part, { type: 'tool-result' }>;

/**
 * Runs a controller: its model plans, declared tasks execute through their own ladders, until the model answers without a tool. Caps on
 * turns, calls, repeats, depth and cost end the delegating: the model is then asked to answer with what there is.
 *
 * Throws SmallfirstError: ABORTED, DEADLINE_EXCEEDED, BUDGET_EXCEEDED, UPSTREAM_INVALID where there is no answer, or what the planning
 * model's call threw. What was spent until then is told to the world.
 */
export async function runController(config: ControllerConfig, ask: StepAsk, world: ControllerWorld): Promise<StepAnswer> {
  return new Controller(config, ask, world).run();
}

/** One plan under way: the controller's own, or a part of it. */
interface Plan {
  readonly goal: string;
  /** 1 for the controller's own. */
  readonly depth: number;
  readonly purse: Purse;
}

class Controller {
  readonly #config: ControllerConfig;
  readonly #ask: StepAsk;
  readonly #world: ControllerWorld;
  /** Tasks by the names of their tools. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #tools: readonly ToolDefinition[];
  /** By the order in which they were called, whichever ended first. */
  readonly #ended = new Map<number, Delegated>();
  #begun = 0;
  readonly #planning: PlanTurn[] = [];
  /** What turns that failed have cost. */
  readonly #lost: (NanoUsd | null)[] = [];
  /** Times that a tool was called with an input. */
  readonly #asked = new Map<string, number>();
  #calls = 0;
  /** Turns that are left beside the last one of each plan under way. */
  #spareTurns: number;

  constructor(config: ControllerConfig, ask: StepAsk, world: ControllerWorld) {
    this.#config = config;
    this.#ask = ask;
    this.#world = world;
    this.#names = toolNames(config.tasks);
    this.#tools = [...this.#names].map(([name, task]) => toolOf(name, world.describe(task)));
    this.#spareTurns = config.maxTurns - 1;
  }

  async run(): Promise<StepAnswer> {
    const purse = new Purse(lowest(this.#config.maxCost, this.#ask.budget));
    try {
      const last = await this.#converse({ goal: this.#ask.input, depth: 1, purse });
      if (last.answer.text.trim() === '') {
        throw new SmallfirstError('UPSTREAM_INVALID', `The controller "${this.#ask.step.name}" gave no answer.`);
      }
      return this.#answerOf(last);
    } catch (error) {
      this.#world.failed(error, this.#spent());
      throw error;
    }
  }

  get #delegated(): readonly Delegated[] {
    return [...this.#ended].sort(([a], [b]) => a - b).map(([, one]) => one);
  }

  /** By all calls, those that failed among them. */
  #spent(): NanoUsd | null {
    return sumOf([...[...this.#planning, ...this.#delegated].map(({ cost }) => cost), ...this.#lost]);
  }

  /** Plans until an answer comes without a tool. */
  async #converse(plan: Plan): Promise<PlanTurn> {
    const { goal, depth, purse } = plan;
    const messages: Message[] = [this.#system(), textMessage('user', goal)];
    const tools = depth < this.#config.maxDepth ? [...this.#tools, SUBPLAN] : this.#tools;
    for (;;) {
      // A model that may not delegate any more is still shown the tools: protocols refuse tool results without them.
      const request: ModelRequest = { messages: [...messages], tools };
      const worst = this.#world.worstOfPlan(request, this.#config.model);
      const isLast = this.#spareTurns <= 0 || this.#calls >= this.#config.maxCalls || !canAffordAnother(purse, worst);
      if (!isLast) this.#spareTurns -= 1;
      const turn = await this.#turn(isLast ? { ...request, toolChoice: 'none' } : request, purse);
      const { toolCalls } = turn.answer;
      if (toolCalls.length === 0 || isLast) {
        // A plan that ends before its last turn leaves that one to others.
        if (!isLast) this.#spareTurns += 1;
        return turn;
      }
      messages.push(saidOf(turn));
      // What the next turn may cost is kept back from those who are delegated to.
      const kept = purse.aside(worst ?? (0 as NanoUsd));
      const ended = await Promise.allSettled(toolCalls.map((call, i) => this.#delegate(call, plan, toolCalls.length - i)));
      purse.join(kept);
      const failed = ended.find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      messages.push({ role: 'user', content: ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])) });
    }
  }

  #system(): Message {
    const { instructions } = this.#config;
    const { request, input } = this.#ask.run;
    const told = instructions === null ? '' : instructions.render({ request, input, steps: {} });
    return textMessage('system', [RULES, told].filter((text) => text !== '').join('\n\n'));
  }

  async #turn(request: ModelRequest, purse: Purse): Promise<PlanTurn> {
    const granted = purse.grant(null);
    try {
      const turn = await this.#world.plan(request, this.#config.model, { ...this.#ask, budget: granted, listener: null });
      purse.spend(turn.cost, granted);
      this.#planning.push(turn);
      return turn;
    } catch (error) {
      const cost = this.#world.costOf(error);
      purse.spend(cost, granted);
      this.#lost.push(cost);
      throw error;
    }
  }

  /** One delegated call; what goes wrong is told to the model, which may plan around it. `beside`: so many are still to begin, this one included. */
  async #delegate(call: ToolCall, plan: Plan, beside: number): Promise<ToolResult> {
    const input = toolInput(call.arguments);
    const refused = this.#refusal(call, input, plan.depth);
    if (refused !== null || input === null) return replyTo(call, { error: refused ?? 'no input' }, true);
    const own = plan.purse.take(beside);
    try {
      const task = this.#names.get(call.name);
      if (task !== undefined) return await this.#execute(task, call, { ...plan, goal: input, purse: own });
      const { answer } = await this.#converse({ goal: input, depth: plan.depth + 1, purse: own });
      return replyTo(call, { output: answer.text }, false);
    } catch (error) {
      return replyTo(call, { error: told(error) }, true);
    } finally {
      plan.purse.join(own);
    }
  }

  /** Why a call is not made; null for one that is, which then counts. */
  #refusal(call: ToolCall, input: string | null, depth: number): string | null {
    const { maxCalls, maxRepeats, maxDepth } = this.#config;
    const isPlan = call.name === SUBPLAN.name && depth < maxDepth;
    if (!isPlan && !this.#names.has(call.name)) return `there is no tool "${call.name}"`;
    if (input === null) return 'the arguments must be {"input": "…"}';
    if (this.#calls >= maxCalls) return 'no more calls are allowed; answer with what there is';
    if (isPlan && this.#spareTurns <= 0) return 'no more plans are allowed; answer with what there is';
    const key = contentHash([call.name, input]);
    const before = this.#asked.get(key) ?? 0;
    if (before >= maxRepeats) return 'this was asked before, and asking again changes nothing';
    this.#asked.set(key, before + 1);
    this.#calls += 1;
    // A plan of its own has a last turn of its own.
    if (isPlan) this.#spareTurns -= 1;
    return null;
  }

  async #execute(task: string, call: ToolCall, { goal, depth, purse }: Plan): Promise<ToolResult> {
    const granted = purse.grant(null);
    const place = this.#begun;
    this.#begun += 1;
    try {
      const answer = await this.#world.task(task, { ...this.#ask, input: goal, budget: granted, listener: null });
      purse.spend(answer.cost, granted);
      this.#ended.set(place, { task, depth, answer, failure: null, cost: answer.cost });
      if (answer.output === null) return replyTo(call, { error: 'no model gave a valid answer' }, true);
      return replyTo(call, { output: answer.output, confidence: answer.confidence }, false);
    } catch (error) {
      const failure = asFailure(error);
      const cost = this.#world.costOf(error);
      purse.spend(cost, granted);
      this.#ended.set(place, { task, depth, answer: null, failure, cost });
      throw failure;
    }
  }

  #answerOf(last: PlanTurn): StepAnswer {
    return {
      output: last.answer.text,
      isLabel: false,
      confidence: null,
      threshold: null,
      model: this.#config.model,
      tier: last.tier,
      decision: 'planned',
      cost: this.#spent(),
      calls: this.#planning.length + this.#delegated.reduce((sum, { answer }) => sum + (answer?.calls ?? 1), 0),
      escalated: this.#delegated.some(({ answer }) => answer?.escalated === true),
      latencyMs: this.#planning.reduce<number | null>(
        (sum, { latencyMs }) => (sum === null || latencyMs === null ? null : sum + latencyMs),
        0,
      ),
      usage: null,
      plan: planReport(this.#planning, this.#delegated, (used) => this.#world.priceAt(this.#config.model, used)),
    };
  }
}

/** What a planning model is told of a failure that it may plan around. Throws what ends the whole. */
function told(error: unknown): string {
  const failure = asFailure(error);
  if (failure.code === 'ABORTED' || failure.code === 'DEADLINE_EXCEEDED') throw failure;
  return failure.message;
}

/** Whether there is money for a turn at its worst and for a last one after it. */
function canAffordAnother(purse: Purse, worst: NanoUsd | null): boolean {
  const left = purse.grant(null);
  return left === null || worst === null || left >= 2 * worst;
}

function saidOf({ answer: { text, toolCalls } }: PlanTurn): Message {
  return {
    role: 'assistant',
    content: [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...toolCalls.map((call) => ({ type: 'tool-call' as const, id: call.id, name: call.name, arguments: call.arguments })),
    ],
  };
}

function replyTo(call: ToolCall, value: Json, isError: boolean): ToolResult {
  return { type: 'tool-result', id: call.id, content: [{ type: 'text', text: JSON.stringify(value) }], isError };
}

function lowest(a: NanoUsd | null, b: NanoUsd | null): NanoUsd | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b) as NanoUsd;
}
