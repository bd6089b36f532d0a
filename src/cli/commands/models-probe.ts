import { resolve } from 'node:path';
import { type Config, loadConfig, type ModelConfig, suggestion } from '../../config/index.ts';
import { addUsd, formatUsd, type NanoUsd, nanoUsd, SmallfirstError, systemClock, toUsd, ZERO_USD } from '../../core/index.ts';
import { loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { providers, Upstreams } from '../../providers/index.ts';
import { liveModels, upstreamSettings } from '../../upstream-settings.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { renderTable } from '../table.ts';
import { keepProbes } from './probe-file.ts';
import { dearest, type ProbedModel, type ProbeWorld, Purse, probeModel, probesOf } from './probe-model.ts';
import type { Sight } from './probe-requests.ts';

export interface ModelsProbeOptions {
  readonly config: string;
  readonly data: string;
  /** US dollars. */
  readonly maxCost: number;
  readonly json: boolean;
}

/** What `--json` prints. */
export interface ModelsProbeDocument {
  /** The most that it could cost; null where a model has no price. */
  readonly estimateUsd: number | null;
  readonly maxCostUsd: number;
  /** What the priced models cost. */
  readonly costUsd: number;
  readonly unpricedModels: readonly string[];
  readonly models: readonly ProbedModel[];
}

/**
 * `smallfirst models probe`: asks live models a few tiny requests, and shows what really came beside what is declared. Answers 1 where a
 * declared capability is missing or could not be seen, and where a model did not answer. Throws MODEL_NOT_FOUND for a name that the config lacks.
 */
export async function runModelsProbe(names: readonly string[], options: ModelsProbeOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const models = chosen(config, names);
  // Nothing may answer in the place of the model that is probed, and no request may be sent twice at once.
  const upstreams = new Upstreams(
    { allowPrivate: config.upstreams.allowPrivate },
    { clock: systemClock, random: Math.random, environment: io.env },
  );
  upstreams.add(models.map((model) => ({ ...upstreamSettings(model), fallbacks: [], hedgeMs: null })));
  const purse = new Purse(nanoUsd(options.maxCost));
  const world: ProbeWorld = {
    upstream: (name) => upstreams.get(name),
    prices: new PriceBook({ declared: config.prices, warn: () => {} }),
    countTokens: await loadTokenizer(),
    clock: systemClock,
    signal: io.signal,
    purse,
  };
  try {
    const { estimate, unpriced } = estimateOf(models, world);
    for (const name of unpriced) io.note(`WARNING: ${name} has no known price: what asking it costs is not known, and not capped.`);
    io.note(
      `At most ${formatUsd(estimate)} for ${models.length} ${models.length === 1 ? 'model' : 'models'}; the cap is ${formatUsd(nanoUsd(options.maxCost))}.`,
    );
    const probed: ProbedModel[] = [];
    const progress = io.progress('probing', models.length);
    for (const model of models) {
      probed.push(await probeModel(model, world));
      progress.advance(probed.length, model.name);
    }
    progress.end();
    await keepProbes(resolve(io.cwd, options.data), probed);
    const document: ModelsProbeDocument = {
      estimateUsd: unpriced.length > 0 ? null : toUsd(estimate),
      maxCostUsd: options.maxCost,
      costUsd: toUsd(purse.spent),
      unpricedModels: unpriced,
      models: probed,
    };
    if (options.json) io.json(document);
    else io.out(textOf(document));
    return probed.some(needsPerson) ? 1 : 0;
  } finally {
    await upstreams.destroy();
  }
}

function chosen(config: Config, names: readonly string[]): readonly ModelConfig[] {
  const live = liveModels(config);
  if (names.length === 0) {
    if (live.length > 0) return live;
    throw new SmallfirstError('USAGE', `${config.file} has no model that is called over HTTP: there is nothing to probe.`);
  }
  return [...new Set(names)].map((name) => {
    const model = live.find((one) => one.name === name);
    if (model !== undefined) return model;
    const known = live.map((one) => one.name);
    if (config.models.has(name)) throw new SmallfirstError('USAGE', `${name} is not called over HTTP: there is nothing to probe.`);
    throw new SmallfirstError('MODEL_NOT_FOUND', `${config.file} has no model "${name}".${suggestion(name, known)}`);
  });
}

function estimateOf(
  models: readonly ModelConfig[],
  world: ProbeWorld,
): { readonly estimate: NanoUsd; readonly unpriced: readonly string[] } {
  let estimate = ZERO_USD;
  const unpriced = new Set<string>();
  for (const model of models) {
    for (const { request } of probesOf(model)) {
      const cost = dearest(model, request, world);
      if (cost === null) unpriced.add(model.name);
      else estimate = addUsd(estimate, cost);
    }
  }
  return { estimate, unpriced: [...unpriced] };
}

function needsPerson({ reachable, stopped, differences }: ProbedModel): boolean {
  return !reachable || stopped !== null || differences.some(({ kind }) => kind !== 'undeclared');
}

function textOf({ models, costUsd, unpricedModels }: ModelsProbeDocument): string {
  const table = renderTable(
    ['model', 'answers as', 'fingerprint', 'usage plain / streamed', 'streaming', 'logprobs', 'JSON schema', 'tools'].map((head) => ({
      head,
    })),
    models.map((model) => [
      model.name,
      model.reachable ? (model.servedModel ?? '–') : 'NO ANSWER',
      model.systemFingerprint ?? '–',
      `${told(model.usage.plain)} / ${told(model.usage.streamed)}`,
      cell(model.observed.streaming),
      model.alternatives === null ? cell(model.observed.logprobs) : `yes, ${model.alternatives} alternatives`,
      cell(model.observed['json-schema']),
      cell(model.observed.tools),
    ]),
  );
  const lines = models.flatMap((model) => [
    ...(model.reachable || model.stopped !== null
      ? []
      : [`- ${model.name} did not answer: ${model.requests[0]?.error?.message ?? 'no request was sent'}`]),
    ...(model.stopped === null
      ? []
      : [`- ${model.name} was not asked everything: ${model.stopped === 'aborted' ? 'interrupted' : 'the cap was reached'}`]),
    ...(model.reachable ? model.differences.map(({ kind, message }) => `- ${kind}: ${message}`) : []),
  ]);
  const verdict = lines.length === 0 ? 'What came is what is declared.' : `Differences from what is declared:\n${lines.join('\n')}`;
  const unpriced = unpricedModels.length === 0 ? '' : `, without ${unpricedModels.join(', ')}: no known price`;
  return `${table}\n${verdict}\nSpent ${formatUsd(nanoUsd(costUsd))}${unpriced}.\n`;
}

function told(reported: boolean | null): string {
  return reported === null ? '?' : reported ? 'yes' : 'no';
}

function cell({ seen }: Sight): string {
  return seen === 'unknown' ? '?' : seen;
}
