import {
  type Call,
  type ErrorCode,
  FINGERPRINT_TAG,
  NO_USAGE,
  type Outcome,
  type StopReason,
  type Usage,
  ZERO_USD,
} from '../core/index.ts';
import type { ServiceTier } from '../pricing/index.ts';
import type { TapReport, UpstreamTarget } from '../providers/index.ts';
import { endpointName, endpointPrice } from './endpoint-price.ts';
import type { Exchange } from './exchange.ts';
import { type RequestTags, requestTags } from './request-tags.ts';
import type { GatewayDeps } from './types.ts';

/** Who answered, as a row says it. */
export type Answerer = Pick<UpstreamTarget, 'name' | 'provider' | 'model'>;

/** How a relayed call ended. */
export interface Ending {
  readonly outcome: Outcome;
  readonly error: ErrorCode | null;
  /** What the answer said about itself; null where there was none, or nothing that we can read. */
  readonly report: TapReport | null;
  /** Counted, where the answer did not say, or said what cannot be; null where its own counts hold, or nothing is known. */
  readonly counted: Usage | null;
  readonly stop: StopReason | null;
  readonly firstByteAt: number | null;
  readonly attempts: number;
}

/** Whether an exchange is a request that an upstream (or we in its place) answered, and so in every bill. */
export function isRecorded({ route }: Exchange): boolean {
  return route.kind === 'call' || route.kind === 'count' || route.kind === 'endpoint';
}

const TIERS: ReadonlySet<string> = new Set<ServiceTier>(['batch', 'flex', 'priority']);
const NO_TAGS: Readonly<Record<string, string>> = {};

/** The row of a call that was relayed. `renames` is false for models that the config does not name. */
export function relayedRow(exchange: Exchange, deps: GatewayDeps, answerer: Answerer, renames: boolean, ending: Ending): Call {
  const { report } = ending;
  // A call that failed before an answer began used nothing, and costs nothing whatever its model's price.
  const isFree = ending.outcome === 'failed' && report?.usage == null && ending.counted === null;
  const used = ending.counted ?? report?.usage ?? null;
  const isCall = exchange.route.kind === 'call';
  const fixed = isCall ? null : endpointPrice(exchange, answerer.provider);
  // A request that names no model is booked to its endpoint.
  const wireModel = renames ? answerer.model : exchange.model || endpointName(exchange.path);
  const tier = report?.serviceTier ?? null;
  const priced =
    used === null
      ? null
      : deps.prices.price(
          { provider: answerer.provider, model: wireModel },
          used,
          exchange.at,
          tier !== null && TIERS.has(tier) ? { serviceTier: tier as ServiceTier } : undefined,
        );
  return {
    // A relayed request has one row, so that the request's own id is as unique.
    id: exchange.id,
    requestId: exchange.id,
    at: exchange.at,
    task: exchange.task?.name ?? null,
    step: null,
    pipeline: null,
    key: exchange.caller.key,
    team: exchange.caller.team,
    model: renames ? answerer.name : wireModel,
    provider: answerer.provider,
    servedModel: report?.servedModel ?? null,
    // A model that the config does not name counts as frontier: nothing is then claimed to be saved by it.
    tier: deps.directory.models.get(answerer.name)?.tier ?? 'frontier',
    purpose: renames && isCall ? 'answer' : 'passthrough',
    outcome: ending.outcome,
    error: ending.error,
    stop: ending.stop,
    usage: used ?? NO_USAGE,
    usageSource: ending.counted === null && report?.usage != null ? 'reported' : 'counted',
    priceId: fixed?.priceId ?? priced?.priceId ?? null,
    cost: isFree ? ZERO_USD : (fixed?.cost ?? priced?.cost ?? null),
    latencyMs: milliseconds(deps.clock.monotonic() - exchange.startedAt),
    firstTokenMs: ending.firstByteAt === null ? null : milliseconds(ending.firstByteAt - exchange.startedAt),
    streamed: exchange.isStreamed,
    confidence: null,
    decision: exchange.decision,
    fingerprint: exchange.fingerprint,
    bodyHash: exchange.capture?.requestHash ?? null,
    tags: tagsOf(requestTags(exchange), ending.attempts, report?.fingerprint ?? null),
  };
}

function tagsOf(asked: RequestTags, attempts: number, fingerprint: string | null): Call['tags'] {
  if (attempts <= 1 && fingerprint === null) return asked;
  return {
    ...asked,
    ...(attempts > 1 ? { attempts: String(attempts) } : NO_TAGS),
    ...(fingerprint === null ? NO_TAGS : { [FINGERPRINT_TAG]: fingerprint }),
  };
}

/** To a hundredth: more digits would be noise, and longer lines. */
function milliseconds(value: number): number {
  return Math.round(value * 100) / 100;
}
