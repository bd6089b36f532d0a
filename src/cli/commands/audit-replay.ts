import { resolve } from 'node:path';
import type { Audit, CallSample, SampledCall } from '../../audit/index.ts';
import { loadConfig, type ModelConfig } from '../../config/index.ts';
import {
  addUsd,
  canonicalJson,
  collect,
  formatUsd,
  type Json,
  type NanoUsd,
  nanoUsd,
  SmallfirstError,
  textMessage,
  toUsd,
  usage,
  ZERO_USD,
} from '../../core/index.ts';
import { loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { createHttpClient, vendorOf } from '../../providers/index.ts';
import { clopperPearson } from '../../statistics/index.ts';
import { openUpstreams } from '../../upstream-settings.ts';
import type { CommandIo } from '../io.ts';
import { knownProviders } from '../known-providers.ts';
import { count, percent } from '../table.ts';

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

/** Tasks that a replay asks about, the dearest first. */
const TASKS = 5;

/**
 * Asks a candidate some of the log's own prompts and compares its answers with those of the log: labels and JSON only, since no metric
 * can say whether two texts are as good. Says first what it will cost and asks for no more than the cap allows.
 * Throws USAGE without a cap or a model of the config that is called over HTTP, and for an estimate above the cap.
 */
export async function replaySample(
  audit: Audit,
  sample: CallSample,
  taskOf: (ordinal: number) => string | null,
  options: ReplayOptions,
  io: CommandIo,
): Promise<readonly ReplayedTask[]> {
  if (options.maxCost === undefined)
    throw new SmallfirstError('USAGE', '--replay asks a real model: say with --max-cost what that may cost.');
  if (options.config === undefined)
    throw new SmallfirstError('USAGE', '--replay names a model of a config: name the config with --config.');
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers: knownProviders() });
  const model = config.models.get(options.replay);
  if (model === undefined || vendorOf(model.provider) === null) {
    throw new SmallfirstError('USAGE', `--replay ${options.replay} is no model of the config that is called over HTTP.`);
  }
  const chosen = choose(audit, sample, taskOf, options.replayCalls);
  const prices = new PriceBook({ declared: config.prices, warn: () => {} });
  const priceOf = (used: Parameters<PriceBook['price']>[1]): NanoUsd | null =>
    prices.price({ provider: model.provider, model: model.model }, used, Date.now())?.cost ?? null;
  const estimate = await estimateOf(chosen, priceOf);
  const calls = chosen.reduce((sum, { asked }) => sum + asked.length, 0);
  if (calls === 0)
    throw new SmallfirstError(
      'USAGE',
      'No task of the log answers in labels or JSON with its prompts in the log: there is nothing to replay.',
    );
  io.note(
    `Replay: ${count(calls)} prompts of ${chosen.length} tasks to ${model.name}, about ${formatUsd(estimate)}; cap $${options.maxCost}.`,
  );
  if (estimate === null) throw new SmallfirstError('BUDGET_UNPRICED', `${model.name} has no known price: declare one with the model.`);
  if (estimate > nanoUsd(options.maxCost))
    throw new SmallfirstError('USAGE', `The estimate of ${formatUsd(estimate)} is above --max-cost; raise it, or lower --replay-calls.`);
  const upstreams = openUpstreams(config, io.env);
  try {
    const client = createHttpClient(upstreams.get(model.name), { stream: false });
    const results: ReplayedTask[] = [];
    let left = nanoUsd(options.maxCost);
    for (const task of chosen) {
      const tally = { agreed: 0, n: 0, failed: 0, cost: ZERO_USD };
      const bar = io.progress(`replay ${task.name}`, task.asked.length);
      for (const { call } of task.asked) {
        if (io.signal.aborted || left <= 0) break;
        try {
          const answer = await collect(
            client.call(requestOf(call, model), { itemId: null, input: null, signal: io.signal, deadlineAt: null }),
          );
          const cost = answer.usage === null ? null : priceOf(answer.usage);
          tally.cost = addUsd(tally.cost, cost ?? ZERO_USD);
          left = (left - (cost ?? ZERO_USD)) as NanoUsd;
          tally.n += 1;
          if (isSame(answer.text, call.output ?? '')) tally.agreed += 1;
        } catch (error) {
          if (!(error instanceof SmallfirstError)) throw error;
          tally.failed += 1;
        }
        bar.advance(tally.n + tally.failed);
      }
      bar.end();
      if (tally.n > 0) results.push(resultOf(task, model, tally));
    }
    return results;
  } finally {
    await upstreams.destroy();
  }
}

interface Chosen {
  readonly id: string;
  readonly name: string;
  readonly asked: readonly SampledCall[];
}

function choose(audit: Audit, sample: CallSample, taskOf: (ordinal: number) => string | null, most: number): readonly Chosen[] {
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

/** What the prompts would cost at the candidate: the log's own tokens where it has them, else counted ones. */
async function estimateOf(
  chosen: readonly Chosen[],
  priceOf: (used: Parameters<PriceBook['price']>[1]) => NanoUsd | null,
): Promise<NanoUsd | null> {
  const tokens = await loadTokenizer();
  const costs = chosen.flatMap(({ asked }) =>
    asked.map(({ call }) =>
      priceOf(
        call.usage ??
          usage({ freshInput: tokens(`${call.system ?? ''}\n${call.userTexts.join('\n')}`), output: tokens(call.output ?? '') }),
      ),
    ),
  );
  return costs.some((cost) => cost === null) ? null : addUsd(...(costs as readonly NanoUsd[]));
}

function requestOf(call: SampledCall['call'], { parameters }: ModelConfig) {
  return {
    messages: [
      ...(call.system === null ? [] : [textMessage('system', call.system)]),
      ...call.userTexts.map((text) => textMessage('user', text)),
    ],
    ...parameters,
    ...(call.params.maxTokens === null ? {} : { maxTokens: call.params.maxTokens }),
    temperature: 0,
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
export function describeReplay(tasks: readonly ReplayedTask[]): string {
  if (tasks.length === 0) return '\nThe replay got no answer.\n';
  const lines = tasks.map(
    ({ name, model, n, agreed, low, high, failed, costUsd }) =>
      `  ${name}: ${model} answered ${agreed} of ${n} as the log did (${percent(agreed / n)}, 95 % interval ${percent(low)} to ${percent(high)}${failed === 0 ? '' : `; ${failed} failed`}); $${(costUsd ?? 0).toFixed(4)}`,
  );
  return `\nReplayed on a real model (agreement with what answered then, right or wrong; \`certify\` on fresh pairs is what promises):\n${lines.join('\n')}\n`;
}
