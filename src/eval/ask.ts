import { signalsOf, signalValues } from '../confidence/index.ts';
import type { ModelConfig, TaskConfig } from '../config/index.ts';
import {
  type Answer,
  collect,
  type Json,
  type NanoUsd,
  SmallfirstError,
  type StopReason,
  type Usage,
  type UsageSource,
  usage,
} from '../core/index.ts';
import { validateOutput } from '../metrics/index.ts';
import type { CountTokens } from '../pricing/index.ts';
import type { ModelClient } from '../providers/index.ts';
import type { EvalCell } from '../store/index.ts';
import { requestOf, textOfRequest } from './question.ts';
import type { EvalDeps, EvalItem } from './types.ts';

/** What a cell keeps of an answer beside its text: enough to score and price it again without asking again. */
export interface CellFacts {
  readonly stop: StopReason;
  readonly refused: boolean;
  readonly usage: Usage | null;
  readonly usageSource: UsageSource;
  readonly servedModel: string | null;
  /** True when a recording answered: its cost is what the call would cost, and nothing was spent. */
  readonly replayed: boolean;
}

/** One question to one model. */
export interface Question {
  readonly key: string;
  readonly run: string;
  readonly item: EvalItem;
  readonly task: TaskConfig;
  readonly model: ModelConfig;
  readonly client: ModelClient;
}

/**
 * Asks a model and makes a cell of its answer, unscored. A failure that the error table knows is a cell with an error, which is asked
 * again by the next run. Throws ABORTED, and whatever is no error of the table.
 */
export async function ask(question: Question, deps: EvalDeps): Promise<EvalCell> {
  const { key, run, item, task, model, client } = question;
  const request = requestOf(task, item, model);
  const begun = deps.clock.monotonic();
  const cell = { key, run, item: item.id, model: model.name, at: deps.clock.now() };
  try {
    const context = { itemId: item.id, input: item.input, signal: deps.signal, deadlineAt: null, output: task.output };
    const answer = await collect(client.call(request, context));
    if (answer.stop === 'cut') throw new SmallfirstError('UPSTREAM_FAILED', 'The answer broke off before its end.');
    const measured = deps.clock.monotonic() - begun;
    const counted = await usageOf(answer, textOfRequest(request), deps);
    return {
      ...cell,
      output: answer.text,
      quality: null,
      confidence: null,
      signals: signalValues(signalsOf(answer, task.output, validateOutput(answer.text, task.output))),
      error: null,
      cost: deps.price(model, counted.usage, cell.at),
      latencyMs: latencyOf(answer, measured),
      detail: factsOf(answer, counted) as unknown as Json,
    };
  } catch (error) {
    if (!(error instanceof SmallfirstError) || error.code === 'ABORTED') throw error;
    return {
      ...cell,
      output: null,
      quality: null,
      confidence: null,
      signals: {},
      error: `${error.code}: ${error.message}`,
      cost: null,
      latencyMs: null,
      detail: null,
    };
  }
}

/** The facts that a stored cell keeps. */
export function cellFacts(cell: EvalCell): CellFacts {
  return cell.detail as unknown as CellFacts;
}

/** What a stored answer costs at the price of its day: a price that was declared since is used, without asking again. */
export function costOf(cell: EvalCell, model: ModelConfig, deps: EvalDeps): NanoUsd | null {
  const { usage: used } = cellFacts(cell);
  return used === null ? null : deps.price(model, used, cell.at);
}

interface Counted {
  readonly usage: Usage;
  readonly source: UsageSource;
}

async function usageOf(answer: Answer, prompt: string, deps: EvalDeps): Promise<Counted> {
  if (answer.usage) return { usage: answer.usage, source: answer.usageSource };
  const count: CountTokens = await deps.loadTokenizer();
  return { usage: usage({ freshInput: count(prompt), output: count(answer.text) }), source: 'counted' };
}

/** A recording's own latency, or none: how long it took to look up says nothing about the model. */
function latencyOf(answer: Answer, measured: number): number | null {
  return answer.recorded?.latencyMs ?? (answer.usageSource === 'recorded' ? null : measured);
}

function factsOf(answer: Answer, counted: Counted): CellFacts {
  return {
    stop: answer.stop,
    refused: answer.refusal !== null,
    usage: counted.usage,
    usageSource: counted.source,
    servedModel: answer.servedModel,
    replayed: answer.usageSource === 'recorded',
  };
}
