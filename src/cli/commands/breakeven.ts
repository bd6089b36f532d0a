import { resolve } from 'node:path';
import { type Config, loadConfig, suggestion } from '../../config/index.ts';
import { type Clock, SmallfirstError, systemClock } from '../../core/index.ts';
import { adoptionPath, type GpuCatalogue, gpuCatalogue, HOURS_PER_MONTH, type Move } from '../../finops/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { loadGpus } from './breakeven-gpus.ts';
import { type Measured, measureEndpoint } from './breakeven-measure.ts';
import {
  type HostedRow,
  type HostRow,
  hostedRows,
  hostRows,
  type Running,
  type Traffic,
  tunedOption,
  usageOf,
} from './breakeven-options.ts';
import { CallPrices, ownPrices, type PricedCall } from './breakeven-prices.ts';
import { breakevenText } from './breakeven-report.ts';
import type { Assumption, BreakevenDocument } from './breakeven-types.ts';

export interface BreakevenOptions {
  readonly volume: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly baseline: string;
  readonly gpu?: string;
  readonly gpus?: string;
  readonly prices?: string;
  readonly config?: string;
  readonly utilisation: number;
  readonly spareHosts: number;
  readonly opsHours: number;
  readonly opsUsd: number;
  readonly otherUsd: number;
  readonly peak: number;
  readonly tuneUsd?: number;
  readonly endpointUsd: number;
  readonly endpointTasks: number;
  readonly tuneMonths: number;
  readonly measure?: string;
  readonly measureModel?: string;
  readonly measureKeyEnv?: string;
  readonly measureConcurrency: number;
  readonly measureRequests: number;
  readonly json: boolean;
}

/** Months of a provider's upkeep on the path: one hour for its evals and its contract. */
const PROVIDER_OPS_HOURS = 1;

/**
 * `smallfirst breakeven`: the same calls with hosted small models, hosted open ones and hosts of one's own beside what is paid today. Reads price
 * lists; asks nothing but the endpoint of `--measure`. Throws USAGE, MODEL_NOT_FOUND, and what the files and the endpoint throw.
 */
export async function runBreakeven(options: BreakevenOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const traffic = trafficOf(options);
  const config = options.config === undefined ? null : await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const declared = await ownPrices(options.prices === undefined ? null : resolve(io.cwd, options.prices), config, io.env);
  const prices = new CallPrices({ declared, config, at: clock.now() });
  const baseline = baselineOf(options.baseline, traffic, prices);
  const bundled = options.gpus === undefined ? gpuCatalogue : await loadGpus(resolve(io.cwd, options.gpus));
  const chosen = chosenGpus(bundled, options);
  const measured = options.measure === undefined ? null : await measure(options, config, io, clock);
  const day = new Date(clock.now()).toISOString().slice(0, 10);
  const catalogue = measured === null ? chosen : withMeasured(chosen, measured, { traffic, url: options.measure ?? '', day });

  const hosted = hostedRows(baseline, traffic, prices);
  const running: Running = {
    ...{ utilisation: options.utilisation, spareHosts: options.spareHosts, peak: options.peak },
    ...{ opsHours: options.opsHours, opsUsdPerHour: options.opsUsd, otherUsdPerMonth: options.otherUsd },
  };
  const own = hostRows(baseline.usdPerCall, traffic, { catalogue, running });
  noteMissing(hosted.unpriced, own.unmeasured, options, io);
  const cheapestOpen = cheapest(hosted.rows, 'hosted-open');
  const tuned =
    options.tuneUsd === undefined || cheapestOpen === null
      ? []
      : [
          tunedOption(
            {
              usdOnce: options.tuneUsd,
              endpointUsdPerMonth: options.endpointUsd,
              sharedBy: options.endpointTasks,
              months: options.tuneMonths,
            },
            cheapestOpen,
            { baseline, volume: traffic.volume },
          ),
        ];
  const document: BreakevenDocument = {
    baseline: { model: baseline.name, usdPerMonth: baseline.usdPerCall * traffic.volume },
    options: [
      ...sorted(hosted.rows, 'hosted-small'),
      ...sorted(hosted.rows, 'hosted-open'),
      ...own.rows.map((row) => row.option),
      ...tuned,
    ],
    assumptions: assumptionsOf({ baseline, hosted: hosted.rows, hosts: own.rows, options, day }),
  };
  if (options.json) io.json(document);
  else {
    const path = pathOf({ baseline, hosted: hosted.rows, hosts: own.rows, traffic, opsUsd: options.opsUsd });
    io.out(breakevenText(document, { traffic, hosts: own.rows, path, utilisation: options.utilisation, measured }));
  }
  return 0;
}

function trafficOf(options: BreakevenOptions): Traffic {
  const { volume, inputTokens, cachedTokens, outputTokens } = options;
  if (inputTokens + outputTokens === 0)
    throw new SmallfirstError('USAGE', 'A call needs tokens: --input-tokens and --output-tokens are both 0.');
  if (cachedTokens > inputTokens) {
    throw new SmallfirstError('USAGE', `--cached-tokens ${cachedTokens} is a part of --input-tokens ${inputTokens}, and cannot be more.`);
  }
  return { volume, inputTokens, cachedTokens, outputTokens };
}

function baselineOf(name: string, traffic: Traffic, prices: CallPrices): PricedCall {
  const call = prices.call(prices.find(name), usageOf(traffic));
  if (call === null) {
    throw new SmallfirstError('MODEL_NOT_FOUND', `The baseline "${name}" has no known price today: declare one with --prices.`);
  }
  return call;
}

function chosenGpus(catalogue: GpuCatalogue, { gpu, measure: url }: BreakevenOptions): GpuCatalogue {
  if (gpu === undefined) {
    if (url !== undefined)
      throw new SmallfirstError('USAGE', '--measure needs --gpu: what the endpoint runs on, and so what an hour of it costs.');
    return catalogue;
  }
  const offers = catalogue.offers.filter(({ name }) => name.toLowerCase() === gpu.toLowerCase());
  const names = catalogue.offers.map(({ name }) => name);
  if (offers.length === 0) {
    throw new SmallfirstError(
      'USAGE',
      `--gpu knows no "${gpu}"; it takes ${names.join(', ')}, or one of your own in --gpus.${suggestion(gpu, names)}`,
    );
  }
  if (url === undefined && !catalogue.throughputs.some((row) => row.gpu.toLowerCase() === gpu.toLowerCase())) {
    throw new SmallfirstError('USAGE', `The list has no benchmark of ${gpu}: name one in --gpus, or measure yours with --measure.`);
  }
  return { ...catalogue, offers };
}

async function measure(options: BreakevenOptions, config: Config | null, io: CommandIo, clock: Clock): Promise<Measured> {
  const { measureKeyEnv: key } = options;
  const apiKey = key === undefined ? null : io.env[key];
  if (apiKey === undefined) throw new SmallfirstError('USAGE', `The environment has no ${key}, which --measure-key-env names.`);
  const urls = [...(config?.models.values() ?? [])].flatMap(({ url }) => (url !== null && URL.canParse(url) ? [new URL(url).host] : []));
  const progress = io.progress('measuring', null);
  try {
    return await measureEndpoint(
      {
        ...{ url: options.measure ?? '', model: options.measureModel ?? null, apiKey, allowedHosts: new Set(urls) },
        ...{ inputTokens: options.inputTokens, outputTokens: Math.max(1, options.outputTokens) },
        ...{ concurrency: options.measureConcurrency, maxRequests: options.measureRequests },
      },
      { clock, signal: io.signal, countTokens: await loadTokenizer(), progress: (done) => progress.advance(done) },
    );
  } finally {
    progress.end();
  }
}

/** What was measured replaces every benchmark of the GPU. */
function withMeasured(
  catalogue: GpuCatalogue,
  measured: Measured,
  { traffic, url, day }: { readonly traffic: Traffic; readonly url: string; readonly day: string },
): GpuCatalogue {
  const { best } = measured;
  return {
    offers: catalogue.offers,
    throughputs: catalogue.offers.map(({ name }) => ({
      ...{ gpu: name, model: measured.model, precision: 'as served', concurrency: best.concurrency },
      ...{ inputTokens: traffic.inputTokens, outputTokens: traffic.outputTokens },
      ...{ outputTokensPerSecond: best.outputTokensPerSecond, totalTokensPerSecond: best.totalTokensPerSecond },
      ...{ source: `measured at ${new URL(url).origin}`, date: day },
    })),
  };
}

function noteMissing(unpriced: readonly string[], unmeasured: readonly string[], options: BreakevenOptions, io: CommandIo): void {
  if (unpriced.length > 0) io.note(`Left out, because no price is known today: ${unpriced.join(', ')}.`);
  if (unmeasured.length > 0 && options.gpu === undefined) io.note(`Left out, because the list has no benchmark: ${unmeasured.join(', ')}.`);
}

function cheapest(rows: readonly HostedRow[], kind: HostedRow['option']['kind']): PricedCall | null {
  const calls = rows.filter(({ option }) => option.kind === kind).map(({ call }) => call);
  return calls.reduce<PricedCall | null>((a, b) => (a === null || b.usdPerCall < a.usdPerCall ? b : a), null);
}

function sorted(rows: readonly HostedRow[], kind: HostedRow['option']['kind']) {
  return rows
    .map(({ option }) => option)
    .filter((option) => option.kind === kind)
    .sort((a, b) => a.usdPerMonth - b.usdPerMonth);
}

function pathOf(parts: {
  readonly baseline: PricedCall;
  readonly hosted: readonly HostedRow[];
  readonly hosts: readonly HostRow[];
  readonly traffic: Traffic;
  readonly opsUsd: number;
}): readonly Move[] {
  const paid = (call: PricedCall | null) => (call === null ? null : { model: call.name, usdPerCall: call.usdPerCall });
  const first = parts.hosts[0];
  return adoptionPath({
    baseline: { model: parts.baseline.name, usdPerCall: parts.baseline.usdPerCall },
    hostedSmall: paid(cheapest(parts.hosted, 'hosted-small')),
    hostedOpen: paid(cheapest(parts.hosted, 'hosted-open')),
    selfHosted: first === undefined ? null : { model: first.option.model, plan: first.plan },
    providerUsdPerMonth: PROVIDER_OPS_HOURS * parts.opsUsd,
    callsPerMonth: parts.traffic.volume,
  });
}

function assumptionsOf(parts: {
  readonly baseline: PricedCall;
  readonly hosted: readonly HostedRow[];
  readonly hosts: readonly HostRow[];
  readonly options: BreakevenOptions;
  readonly day: string;
}): readonly Assumption[] {
  const { options, day } = parts;
  const line = (name: string, value: number | string, source = 'command line') => ({ name, value, source, date: day });
  const setting = (name: string, value: number, option: string) => line(name, value, `${option}, which changes it`);
  const tuning =
    options.tuneUsd === undefined
      ? []
      : [
          line('fine-tune, once, $', options.tuneUsd),
          setting('dedicated endpoint, $ a month', options.endpointUsd, '--endpoint-usd'),
          setting('tasks that share the endpoint', options.endpointTasks, '--endpoint-tasks'),
          setting('months to pay back', options.tuneMonths, '--tune-months'),
        ];
  return [
    line('calls a month', options.volume),
    line('input tokens a call', options.inputTokens),
    line('of these from a cache', options.cachedTokens),
    line('output tokens a call', options.outputTokens),
    ...parts.baseline.assumptions,
    ...parts.hosted.flatMap(({ call }) => call.assumptions),
    ...parts.hosts.flatMap(hostAssumptions),
    setting('planned busy share of a host', options.utilisation, '--utilisation'),
    setting('spare hosts', options.spareHosts, '--spare-hosts'),
    setting('hours of people a month', options.opsHours, '--ops-hours'),
    setting('$ for such an hour', options.opsUsd, '--ops-usd'),
    setting('storage, egress, others, $ a month', options.otherUsd, '--other-usd'),
    setting('busiest hour over the average hour', options.peak, '--peak'),
    line('hours a month', HOURS_PER_MONTH, '365 · 24 / 12'),
    ...tuning,
  ];
}

function hostAssumptions({ offer, throughput, at }: HostRow): readonly Assumption[] {
  const mix = throughput.inputTokens === null ? 'output only' : `${throughput.inputTokens} in, ${throughput.outputTokens} out`;
  const benchmark = `${throughput.source}: ${throughput.precision}, ${throughput.concurrency} in flight, ${mix}`;
  return [
    { name: `${offer.name}: $ an hour`, value: offer.usdPerHour, source: offer.source, date: offer.date },
    { name: `${offer.name}: tokens/s, input and output`, value: throughput.totalTokensPerSecond, source: benchmark, date: throughput.date },
    { name: `${offer.name}: output tokens/s`, value: throughput.outputTokensPerSecond, source: benchmark, date: throughput.date },
    {
      name: `${offer.name}: hosts at this volume, spare ones included`,
      value: at.hosts,
      source: 'computed from the above',
      date: throughput.date,
    },
  ];
}
