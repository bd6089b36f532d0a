import type { ModelConfig } from '../../config/index.ts';
import {
  type Answer,
  AnswerCollector,
  addUsd,
  type Capability,
  type Clock,
  inputTotal,
  type ModelRequest,
  type NanoUsd,
  SmallfirstError,
  toUsd,
  usage,
  ZERO_USD,
} from '../../core/index.ts';
import type { CountTokens, PriceBook } from '../../pricing/index.ts';
import { createHttpClient, type Upstream, vendorOf } from '../../providers/index.ts';
import { alternativesOf, PROBE_MAX_TOKENS, PROBED, type Probe, type Probed, probes, type Sight } from './probe-requests.ts';

/** Longest wait for one answer. */
const DEADLINE_MS = 60_000;
/** What a protocol's own framing may add to the prompt that we count, in tokens: templates, and the schema of a tool. */
const PROMPT_SLACK = 400;

/** What one request brought. */
export interface ProbedRequest {
  readonly name: Probe['name'];
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Whether the provider told the tokens that it counted; null where no answer came. */
  readonly usageReported: boolean | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** Null for a model without a price. Where no usage came, the most that it can have cost. */
  readonly costUsd: number | null;
}

/** Where what came differs from what is declared. */
export interface Difference {
  readonly kind: 'missing' | 'unconfirmed' | 'undeclared';
  readonly capability: Probed;
  readonly message: string;
}

/** What a model really returned, beside what its config or its vendor's row declares. */
export interface ProbedModel {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  readonly url: string | null;
  /** When it was asked, as an ISO date. */
  readonly at: string;
  readonly declared: readonly Capability[];
  readonly reachable: boolean;
  readonly servedModel: string | null;
  readonly systemFingerprint: string | null;
  readonly usage: { readonly plain: boolean | null; readonly streamed: boolean | null };
  readonly observed: Readonly<Record<Probed, Sight>>;
  /** Alternatives per token that came; null without logprobs. */
  readonly alternatives: number | null;
  readonly differences: readonly Difference[];
  readonly requests: readonly ProbedRequest[];
  readonly costUsd: number | null;
  readonly stopped: 'aborted' | 'max-cost' | null;
}

/** What probing needs of the world. */
export interface ProbeWorld {
  readonly upstream: (name: string) => Upstream;
  readonly prices: PriceBook;
  readonly countTokens: CountTokens;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly purse: Purse;
}

/** What a run may spend, and has. */
export class Purse {
  readonly #cap: NanoUsd;
  #spent = ZERO_USD;

  constructor(cap: NanoUsd) {
    this.#cap = cap;
  }

  get spent(): NanoUsd {
    return this.#spent;
  }

  /** Whether a request that costs at most this fits the rest. What has no price is not held: nobody knows what it costs. */
  allows(atMost: NanoUsd | null): boolean {
    return atMost === null || this.#spent + atMost <= this.#cap;
  }

  book(cost: NanoUsd): void {
    this.#spent = addUsd(this.#spent, cost);
  }
}

/** Why log-probabilities are never asked of a model, so that none can come; null where they are. */
export function whyNoLogprobs(model: Pick<ModelConfig, 'provider' | 'upstream'>): string | null {
  const vendor = vendorOf(model.provider);
  const protocol = model.upstream.protocols?.[0] ?? vendor?.protocols[0];
  if (protocol === 'anthropic-messages') return 'never asked for: the protocol has none';
  const quirks: { readonly noLogprobs?: boolean } = vendor?.quirks ?? {};
  return quirks.noLogprobs === true ? `never asked for: ${vendor?.title ?? model.provider} gives none in this protocol` : null;
}

/** The requests that a model is asked. */
export function probesOf(model: ModelConfig): readonly Probe[] {
  return probes.filter(({ shows }) => shows !== 'logprobs' || whyNoLogprobs(model) === null);
}

/** The most that a request can cost; null for a model without a price. */
export function dearest(
  model: ModelConfig,
  request: ModelRequest,
  world: Pick<ProbeWorld, 'prices' | 'countTokens' | 'clock'>,
): NanoUsd | null {
  const tokens = usage({ freshInput: world.countTokens(JSON.stringify(request)) + PROMPT_SLACK, output: PROBE_MAX_TOKENS });
  return world.prices.price({ provider: model.provider, model: model.model }, tokens, world.clock.now())?.cost ?? null;
}

interface Heard {
  readonly probe: Probe;
  readonly row: ProbedRequest;
  readonly answer: Answer | null;
  readonly sight: Sight;
}

/** Asks a model. One that does not answer the plain request is asked nothing else. Throws nothing that an upstream does. */
export async function probeModel(model: ModelConfig, world: ProbeWorld): Promise<ProbedModel> {
  const heard: Heard[] = [];
  let stopped: ProbedModel['stopped'] = null;
  for (const probe of probesOf(model)) {
    if (world.signal.aborted) stopped = 'aborted';
    else if (!world.purse.allows(dearest(model, probe.request, world))) stopped = 'max-cost';
    if (stopped !== null) break;
    const one = await ask(model, probe, world);
    heard.push(one);
    if (probe.name === 'plain' && one.answer === null) break;
  }
  if (world.signal.aborted) stopped = 'aborted';
  return reportOf(model, heard, stopped, world.clock);
}

async function ask(model: ModelConfig, probe: Probe, world: ProbeWorld): Promise<Heard> {
  const client = createHttpClient(world.upstream(model.name), { stream: probe.stream });
  const { temperature, topP, seed } = model.parameters;
  const request = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...probe.request,
  };
  const context = { itemId: null, input: null, signal: world.signal, deadlineAt: world.clock.now() + DEADLINE_MS };
  const collector = new AnswerCollector();
  let pieces = 0;
  try {
    for await (const event of client.call(request, context)) {
      if (event.type !== 'start' && event.type !== 'end') pieces += 1;
      collector.add(event);
    }
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    const { code, message } = error;
    // A refusal says that it cannot; anything else says nothing about what it can.
    const sight: Sight = { seen: code === 'UPSTREAM_REJECTED' ? 'no' : 'unknown', detail: message };
    // What was called off may have been generated all the same.
    const cost = code === 'DEADLINE_EXCEEDED' || code === 'ABORTED' ? dearest(model, probe.request, world) : ZERO_USD;
    if (cost !== null) world.purse.book(cost);
    const none = { usageReported: null, inputTokens: null, outputTokens: null, costUsd: cost === null ? null : toUsd(cost) };
    return { probe, answer: null, sight, row: { name: probe.name, error: { code, message }, ...none } };
  }
  const answer = collector.answer();
  const { usage: used } = answer;
  const ref = { provider: model.provider, model: model.model };
  const cost = used === null ? dearest(model, probe.request, world) : (world.prices.price(ref, used, world.clock.now())?.cost ?? null);
  if (cost !== null) world.purse.book(cost);
  const row: ProbedRequest = {
    name: probe.name,
    error: null,
    usageReported: used !== null,
    inputTokens: used === null ? null : inputTotal(used),
    outputTokens: used?.output ?? null,
    costUsd: cost === null ? null : toUsd(cost),
  };
  return { probe, answer, row, sight: probe.read(answer, pieces) };
}

function reportOf(model: ModelConfig, heard: readonly Heard[], stopped: ProbedModel['stopped'], clock: Clock): ProbedModel {
  const answers = heard.flatMap(({ answer }) => answer ?? []);
  const usageOf = (name: Probe['name']) => heard.find(({ probe }) => probe.name === name)?.row.usageReported ?? null;
  const costs = heard.map(({ row }) => row.costUsd);
  const observed = Object.fromEntries(PROBED.map((shows) => [shows, sightOf(shows, model, heard)])) as Record<Probed, Sight>;
  const scored = answers.map(alternativesOf).filter((count) => count !== null);
  return {
    name: model.name,
    provider: model.provider,
    model: model.model,
    url: model.url,
    at: new Date(clock.now()).toISOString(),
    declared: [...model.capabilities],
    reachable: answers.length > 0,
    servedModel: answers.findLast(({ servedModel }) => servedModel !== null)?.servedModel ?? null,
    systemFingerprint: answers.findLast(({ fingerprint }) => fingerprint !== null)?.fingerprint ?? null,
    usage: { plain: usageOf('plain'), streamed: usageOf('streamed') },
    observed,
    alternatives: scored.length === 0 ? null : Math.max(...scored),
    differences: PROBED.flatMap((capability) => differenceOf(capability, model, observed[capability])),
    requests: heard.map(({ row }) => row),
    costUsd: costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    stopped,
  };
}

function sightOf(shows: Probed, model: ModelConfig, heard: readonly Heard[]): Sight {
  const why = shows === 'logprobs' ? whyNoLogprobs(model) : null;
  if (why !== null) return { seen: 'no', detail: why };
  return heard.find(({ probe }) => probe.shows === shows)?.sight ?? { seen: 'unknown', detail: 'it was not asked' };
}

function differenceOf(capability: Probed, { name, capabilities }: ModelConfig, { seen, detail }: Sight): readonly Difference[] {
  const declared = capabilities.has(capability);
  if (declared && seen === 'no') {
    return [{ kind: 'missing', capability, message: `${name} declares ${capability}, and does not give it: ${detail}` }];
  }
  if (declared && seen === 'unknown') {
    return [{ kind: 'unconfirmed', capability, message: `${name} declares ${capability}, which could not be seen: ${detail}` }];
  }
  if (!declared && seen === 'yes') {
    return [{ kind: 'undeclared', capability, message: `${name} gives ${capability} (${detail}), and does not declare it` }];
  }
  return [];
}
