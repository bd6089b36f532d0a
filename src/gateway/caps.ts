import type { CapsConfig } from '../config/index.ts';
import { formatUsd, type NanoUsd, SmallfirstError } from '../core/index.ts';
import type { CountTokens, ServiceTier } from '../pricing/index.ts';
import { type Edit, lastMember, type Quirks, setMember } from '../providers/index.ts';
import { estimateInputTokens, type WorstCase } from '../run/index.ts';
import type { Exchange } from './exchange.ts';

/** Tokens that an answer is taken to need at most where neither the request nor the config says. */
export const DEFAULT_OUTPUT_LIMIT = 4096;

/** Bodies longer than this are never counted exactly: that would hold everybody else up. */
const MAX_COUNTED_BYTES = 64 * 1024;

/** The part of an exchange that says how much it can use. */
export type Request = Pick<Exchange, 'body' | 'members' | 'route'>;

/** What a request asks for. */
export interface Demand {
  /** An upper estimate from the body's bytes. What a provider adds from elsewhere, such as an earlier response, is not in it. */
  readonly inputTokens: number;
  /** What the request itself sets as its output limit; null where it sets none. */
  readonly outputLimit: number | null;
  readonly choices: number;
  readonly longCache: boolean;
  readonly serviceTier: ServiceTier;
}

const LIMITS = ['max_completion_tokens', 'max_output_tokens', 'max_tokens'] as const;
const TIERS: ReadonlySet<string> = new Set<ServiceTier>(['flex', 'priority']);

/** Reads what a request asks for from its top-level members, without parsing the rest. */
export function demandOf({ body, members, route }: Request): Demand {
  const limits = LIMITS.flatMap((name) => positives(body, members, name));
  const tier = tierOf(body, members);
  return {
    inputTokens: estimateInputTokens(body),
    // An embedding has no output to limit.
    outputLimit: route.tap === 'openai-embeddings' ? 0 : limits.length === 0 ? null : Math.max(...limits),
    choices: Math.max(1, ...positives(body, members, 'n'), ...positives(body, members, 'best_of')),
    longCache: body.includes('"ttl"'),
    serviceTier: TIERS.has(tier) ? (tier as ServiceTier) : 'default',
  };
}

function tierOf(body: Buffer, members: Exchange['members']): string {
  const member = lastMember(members, 'service_tier');
  return member === undefined ? '' : body.toString('latin1', member.valueStart + 1, Math.min(member.valueEnd, member.valueStart + 32) - 1);
}

/** Every value of a member that is a positive number: which of two duplicates an upstream reads is its own business. */
function positives(body: Buffer, members: Exchange['members'], name: string): readonly number[] {
  const values: number[] = [];
  for (const member of members) {
    if (member.key !== name || member.valueEnd - member.valueStart > 32) continue;
    const value = Number(body.toString('latin1', member.valueStart, member.valueEnd));
    if (Number.isSafeInteger(Math.ceil(value)) && value > 0) values.push(Math.ceil(value));
  }
  return values;
}

/** The output limit that holds where the request sets none: the key's cap or the task's limit, whichever is less, else 4,096. */
export function assumedOutputLimit(caps: CapsConfig | null, taskLimit: number | null): number {
  const limits = [caps?.outputTokens ?? null, taskLimit].filter((limit) => limit !== null);
  return limits.length === 0 ? DEFAULT_OUTPUT_LIMIT : Math.min(...limits);
}

/** A demand as what it can cost at its worst. */
export function worstCaseOf(demand: Demand, assumed: number): WorstCase {
  const { inputTokens, longCache, serviceTier, choices } = demand;
  return { inputTokens, longCache, serviceTier, outputTokens: (demand.outputLimit ?? assumed) * choices };
}

/** Refuses a request that asks for more tokens than its key may. Throws REQUEST_TOO_LARGE or REQUEST_CAP_EXCEEDED. */
export function checkTokenCaps(caps: CapsConfig, demand: Demand, body: Buffer, countTokens: CountTokens | null): void {
  const { inputTokens, outputTokens } = caps;
  if (inputTokens !== null && demand.inputTokens > inputTokens) {
    // The estimate is high on purpose; what it refuses is counted before it is refused.
    const counted = countTokens === null || body.length > MAX_COUNTED_BYTES ? demand.inputTokens : countTokens(body.toString('utf8'));
    if (counted > inputTokens) {
      throw new SmallfirstError(
        'REQUEST_TOO_LARGE',
        `The request holds about ${counted} input tokens; this key may send ${inputTokens} at once.`,
      );
    }
  }
  if (outputTokens !== null && demand.outputLimit !== null && demand.outputLimit > outputTokens) {
    throw new SmallfirstError(
      'REQUEST_CAP_EXCEEDED',
      `The request asks for up to ${demand.outputLimit} output tokens; this key may ask for ${outputTokens}.`,
    );
  }
}

/** Refuses a request that can cost more than its key may spend at once. Throws REQUEST_CAP_EXCEEDED. */
export function checkCostCap(caps: CapsConfig, worst: NanoUsd): void {
  if (caps.cost === null || worst <= caps.cost) return;
  throw new SmallfirstError(
    'REQUEST_CAP_EXCEEDED',
    `The request can cost up to ${formatUsd(worst)}; this key may spend ${formatUsd(caps.cost)} at once. Ask for fewer output tokens.`,
  );
}

/** The edit that tells an upstream an output limit, in its protocol's words; none where the protocol has no such limit. */
export function limitOutput({ body, members, route }: Request, quirks: Quirks, limit: number): readonly Edit[] {
  switch (route.tap) {
    case 'openai-chat':
      return setMember(body, members, quirks.maxTokensField ?? 'max_tokens', String(limit));
    case 'openai-responses':
      return setMember(body, members, 'max_output_tokens', String(limit));
    case 'openai-completions':
    case 'anthropic-messages':
      return setMember(body, members, 'max_tokens', String(limit));
    default:
      return [];
  }
}
