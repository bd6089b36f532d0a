import { resolve } from 'node:path';
import type { Audit, AuditCall, CallSample, SampledCall } from '../../audit/index.ts';
import { loadConfig, type ModelConfig } from '../../config/index.ts';
import {
  addUsd,
  type Clock,
  canonicalJson,
  type EpochMs,
  formatUsd,
  inputTotal,
  type Json,
  type NanoUsd,
  nanoUsd,
  SmallfirstError,
  textMessage,
  toUsd,
  type Usage,
  usage,
  ZERO_USD,
} from '../../core/index.ts';
import { type CountTokens, loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { createHttpClient, vendorOf } from '../../providers/index.ts';
import { worstCost } from '../../run/index.ts';
import { clopperPearson } from '../../statistics/index.ts';
import { openUpstreams } from '../../upstream-settings.ts';
import type { CommandIo } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { counted, percent } from '../table.ts';
import { type AskingEnd, askWithin, type PricedPrompt } from './audit-ask.ts';

export interface ReplayOptions {
  /** A model of the config. */
  readonly replay: string;
  readonly config?: string;
  /** US dollars; required, because asking costs money. */
  readonly maxCost?: number;
  readonly replayCalls: number;
}

/** How a candidate's answers compare with those of the log, for one task. Agreement is with what answered then, right or wrong. */
export interface ReplayedTask {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly n: number;
  readonly agreed: number;
  /** Share that agreed, with its exact 95 % interval (Clopper and Pearson, 1934). */
  readonly agreement: number;
  readonly low: number;
  readonly high: number;
  readonly failed: number;
  readonly costUsd: number | null;
}

/** What a replay found, and whether it asked all that it was to. */
export interface Replay {
  readonly tasks: readonly ReplayedTask[];
  /** Prompts that were not asked, because it was interrupted or its cap was reached. */
  readonly left: number;
  readonly stopped: AskingEnd['stopped'];
}

/** A log that was read, and where its calls belong. */
export interface ReplayedLog {
  readonly audit: Audit;
  readonly sample: CallSample;
  readonly taskOf: (ordinal: number) => string | null;
}

/** Tasks that a replay asks about, the dearest first. */
const TASKS = 5;
/** Prompts under way together, where the model's own limit is not lower. */
const AT_ONCE = 8;
/** Tokens that an answer may have where neither the log nor the config says it: a candidate that thinks first needs more than its label. */
const USUAL_OUTPUT = 4_096;

/**
 * Asks a candidate some of the log's own prompts and compares its answers with those of the log: labels and JSON only, since no metric
 * can say whether two texts are as good. Says first what it will cost and asks for no more than the cap allows; what was measured before
 * an interruption counts.
 * Throws USAGE without a cap or a model of the config that is called over HTTP, and for an estimate above the cap.
 */
export async function replaySample(log: ReplayedLog, options: ReplayOptions, io: CommandIo, clock: Clock): Promise<Replay> {
  const { config, model, cap } = await candidateOf(options, io);
  const chosen = choose(log, options.replayCalls);
  const calls = chosen.reduce((sum, { asked }) => sum + asked.length, 0);
  if (calls === 0)
    throw new SmallfirstError(
      'USAGE',
      'No task of the log answers in labels or JSON with its prompts in the log: there is nothing to replay.',
    );
  const prices = new PriceBook({ declared: config.prices, warn: () => {} });
  const priceOf = (used: Usage): NanoUsd | null =>
    prices.price({ provider: model.provider, model: model.model }, used, clock.now())?.cost ?? null;
  const tokens = await loadTokenizer();
  const estimate = estimateOf(chosen, tokens, priceOf);
  io.note(
    `Replay: ${counted(calls, 'prompt')} of ${counted(chosen.length, 'task')} to ${model.name}, about ${formatUsd(estimate)}; cap ${formatUsd(cap)}.`,
  );
  if (estimate === null) throw new SmallfirstError('BUDGET_UNPRICED', `${model.name} has no known price: declare one with the model.`);
  if (estimate > cap)
    throw new SmallfirstError('USAGE', `The estimate of ${formatUsd(estimate)} is above --max-cost; raise it, or lower --replay-calls.`);
  const prompts = chosen.flatMap((task) => task.asked.map(({ call }) => promptOf(task, call, { model, tokens, prices, at: clock.now() })));
  const upstreams = openUpstreams(config, io.env);
  const bar = io.progress('replay', calls);
  try {
    const client = createHttpClient(upstreams.get(model.name), { stream: false });
    const tallies = new Map(chosen.map((task) => [task, { agreed: 0, n: 0, failed: 0, cost: ZERO_USD }]));
    let done = 0;
    const end = await askWithin(prompts, cap, {
      client,
      signal: io.signal,
      atOnce: Math.min(AT_ONCE, model.upstream.concurrency ?? AT_ONCE),
      costOf: ({ usage: used }) => (used === null ? null : priceOf(used)),
      ended: ({ task, output }, said) => {
        const tally = tallies.get(task);
        if (tally === undefined) return;
        if (said === null) tally.failed += 1;
        else {
          tally.n += 1;
          tally.cost = addUsd(tally.cost, said.cost);
          if (isSame(said.answer.text, output)) tally.agreed += 1;
        }
        done += 1;
        bar.advance(done);
      },
    });
    tellEnd(end, io);
    const tasks = [...tallies].filter(([, { n }]) => n > 0).map(([task, tally]) => resultOf(task, model, tally));
    return { tasks, left: end.left + end.brokenOff, stopped: end.stopped };
  } finally {
    bar.end();
    await upstreams.destroy();
  }
}

/** The model that is asked, and what asking it may cost. */
async function candidateOf({ replay, config: file, maxCost }: ReplayOptions, io: CommandIo) {
  if (maxCost === undefined) throw new SmallfirstError('USAGE', '--replay asks a real model: say with --max-cost what that may cost.');
  if (file === undefined) throw new SmallfirstError('USAGE', '--replay names a model of a config: name the config with --config.');
  const config = await loadConfig(resolve(io.cwd, file), io.env, knownUpstreams());
  const model = config.models.get(replay);
  if (model === undefined || vendorOf(model.provider) === null) {
    throw new SmallfirstError('USAGE', `--replay ${replay} is no model of the config that is called over HTTP.`);
  }
  return { config, model, cap: nanoUsd(maxCost) };
}

function tellEnd({ stopped, left, brokenOff }: AskingEnd, io: CommandIo): void {
  if (stopped === 'max-cost') io.note(`--max-cost is reached before ${counted(left, 'prompt')}.`);
  if (stopped !== 'aborted') return;
  const billed = brokenOff === 0 ? '' : ` ${counted(brokenOff, 'call')} under way may be billed.`;
  io.note(`Interrupted: what was measured until then is shown.${billed}`);
}

interface Chosen {
  readonly id: string;
  readonly name: string;
  readonly asked: readonly SampledCall[];
}

function choose({ audit, sample, taskOf }: ReplayedLog, most: number): readonly Chosen[] {
  const byTask = new Map<string, SampledCall[]>();
  for (const one of sample.calls()) {
    const id = taskOf(one.ordinal);
    if (id === null) continue;
    const held = byTask.get(id) ?? [];
    if (held.length < most) held.push(one);
    byTask.set(id, held);
  }
  return audit.document.tasks
    .filter(({ kind, id }) => kind !== 'text' && byTask.has(id))
    .slice(0, TASKS)
    .map(({ id, name }) => ({ id, name, asked: byTask.get(id) ?? [] }));
}

/** What the log says that a call used, else what its texts count as. */
function usageOf({ usage: used, system, userTexts, output }: AuditCall, tokens: CountTokens): Usage {
  return used ?? usage({ freshInput: tokens(`${system ?? ''}\n${userTexts.join('\n')}`), output: tokens(output ?? '') });
}

/** What the prompts would cost at the candidate if it answered as the log did; null without a price. */
function estimateOf(chosen: readonly Chosen[], tokens: CountTokens, priceOf: (used: Usage) => NanoUsd | null): NanoUsd | null {
  const costs = chosen.flatMap(({ asked }) => asked.map(({ call }) => priceOf(usageOf(call, tokens))));
  return costs.some((cost) => cost === null) ? null : addUsd(...(costs as readonly NanoUsd[]));
}

/** A prompt that is asked: the task that it is of, and what the log's answer to it was. */
interface Replayed {
  readonly task: Chosen;
  readonly output: string;
}

/** What the most that a prompt can cost follows from. */
interface Pricing {
  readonly model: ModelConfig;
  readonly tokens: CountTokens;
  readonly prices: PriceBook;
  readonly at: EpochMs;
}

function promptOf(task: Chosen, call: AuditCall, { model, tokens, prices, at }: Pricing): PricedPrompt<Replayed> {
  const { system, userTexts, params, output } = call;
  const used = usageOf(call, tokens);
  const outputTokens = params.maxTokens ?? model.parameters.maxTokens ?? Math.max(USUAL_OUTPUT, 2 * used.output);
  // Tokens of another vendor are others: what our own tokenizer counts is a floor.
  const inputTokens = Math.max(inputTotal(used), tokens(`${system ?? ''}\n${userTexts.join('\n')}`));
  const worst = worstCost(prices, model, { inputTokens, outputTokens, longCache: false, serviceTier: 'default' }, at);
  if (worst === null) throw new SmallfirstError('BUDGET_UNPRICED', `${model.name} has no known price: declare one with the model.`);
  const messages = [...(system === null ? [] : [textMessage('system', system)]), ...userTexts.map((text) => textMessage('user', text))];
  return {
    of: { task, output: output ?? '' },
    request: { messages, ...model.parameters, maxTokens: outputTokens, temperature: 0 },
    worst,
  };
}

/** Equal as JSON where both are some, else as words without case and outer marks. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [jsonOf(a), jsonOf(b)];
  if (left !== undefined && right !== undefined) return canonicalJson(left) === canonicalJson(right);
  const plain = (text: string): string =>
    text
      .trim()
      .toLowerCase()
      .replace(/^["'`\s]+|["'`.\s]+$/g, '');
  return plain(a) === plain(b);
}

function jsonOf(text: string): Json | undefined {
  const bare = text.trim().replace(/^```(?:json)?\s*|\s*```$/g, '');
  try {
    return JSON.parse(bare) as Json;
  } catch {
    return undefined;
  }
}

function resultOf(
  { id, name }: Chosen,
  model: ModelConfig,
  { agreed, n, failed, cost }: { readonly agreed: number; readonly n: number; readonly failed: number; readonly cost: NanoUsd },
): ReplayedTask {
  const { low, high } = clopperPearson(agreed, n, 0.95);
  return { id, name, model: model.name, n, agreed, agreement: agreed / n, low, high, failed, costUsd: toUsd(cost) };
}

/** What a replay found, for people. */
export function describeReplay({ tasks, stopped, left }: Replay): string {
  if (tasks.length === 0) return '\nThe replay got no answer.\n';
  const lines = tasks.map(
    ({ name, model, n, agreed, low, high, failed, costUsd }) =>
      `  ${name}: ${model} answered ${agreed} of ${n} as the log did (${percent(agreed / n)}, 95 % interval ${percent(low)} to ${percent(high)}${failed === 0 ? '' : `; ${failed} failed`}); $${(costUsd ?? 0).toFixed(4)}`,
  );
  const missing =
    stopped === null ? '' : `  ${counted(left, 'prompt')} left: ${stopped === 'aborted' ? 'it was interrupted' : 'its cap was reached'}.\n`;
  return `\nReplayed on a real model (agreement with what answered then, right or wrong; \`certify\` on fresh pairs is what promises):\n${lines.join('\n')}\n${missing}`;
}
