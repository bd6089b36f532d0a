import { type Usage, usage } from '../core/index.ts';
import type { ServiceTier } from './types.ts';

/** A vendor's counts in our classes, and what was odd about them: a flag is a sentence to log, and the usage is clamped, never negative. */
export interface NormalisedUsage {
  readonly usage: Usage;
  readonly flags: readonly string[];
}

/**
 * Reads the `usage` object of a chat completion. OpenAI counts cached and cache-written tokens inside `prompt_tokens`, and reasoning
 * inside `completion_tokens`; vendors that speak its protocol but count reasoning outside are told by their total. Null when there is no usage.
 */
export function usageFromOpenAiChat(json: unknown): NormalisedUsage | null {
  return fromOpenAi(json, CHAT_NAMES);
}

/** Reads the `usage` object of a Responses API answer. The same rules as for chat completions under other names. Null when there is no usage. */
export function usageFromOpenAiResponses(json: unknown): NormalisedUsage | null {
  return fromOpenAi(json, RESPONSES_NAMES);
}

/**
 * Reads the `usage` object of an Anthropic message. `input_tokens` are the fresh ones only: cache reads and writes come on top.
 * A write whose lifetime is not broken down lives five minutes, the default. Null when there is no usage.
 */
export function usageFromAnthropic(json: unknown): NormalisedUsage | null {
  const reader = UsageReader.of(json);
  if (!reader) return null;
  const freshInput = reader.count('input_tokens', true);
  const output = reader.count('output_tokens', true);
  const written = reader.count('cache_creation_input_tokens');
  const breakdown = reader.inside('cache_creation');
  let cacheWrite5m = breakdown?.count('ephemeral_5m_input_tokens') ?? written;
  const cacheWrite1h = breakdown?.count('ephemeral_1h_input_tokens') ?? 0;
  if (breakdown && cacheWrite5m + cacheWrite1h < written) {
    // Never drop tokens: what the breakdown does not name is booked at the default lifetime.
    reader.flag(`cache_creation names ${cacheWrite5m + cacheWrite1h} of ${written} written tokens; the rest counts as 5-minute writes`);
    cacheWrite5m = written - cacheWrite1h;
  } else if (breakdown && reader.has('cache_creation_input_tokens') && cacheWrite5m + cacheWrite1h > written) {
    reader.flag(
      `cache_creation names ${cacheWrite5m + cacheWrite1h} tokens, more than cache_creation_input_tokens ${written}; the breakdown counts`,
    );
  }
  const details = reader.inside('output_tokens_details');
  const reasoning = details ? details.count('thinking_tokens') || details.count('reasoning_tokens') : 0;
  return reader.result({
    freshInput,
    cacheRead: reader.count('cache_read_input_tokens'),
    cacheWrite5m,
    cacheWrite1h,
    output,
    reasoning: reader.atMost('reasoning', reasoning, 'output_tokens', output),
  });
}

/**
 * Merges the `usage` objects of one stream, oldest first. Every vendor's counts are cumulative (Anthropic's `message_start`
 * and `message_delta`, per-chunk usage of OpenAI-like servers), so the largest of each count stands: they are never added up.
 */
export function mergeStreamedUsage(earlier: unknown, later: unknown): unknown {
  if (!isObject(earlier)) return later ?? earlier;
  if (!isObject(later)) return earlier;
  const merged: Record<string, unknown> = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    const before = merged[key];
    if (value === null || value === undefined) continue;
    if (isObject(value)) merged[key] = mergeStreamedUsage(before, value);
    else merged[key] = typeof value === 'number' && typeof before === 'number' ? Math.max(before, value) : value;
  }
  return merged;
}

const tiers: Readonly<Record<string, ServiceTier>> = {
  default: 'default',
  standard: 'default',
  auto: 'default',
  on_demand: 'default',
  flex: 'flex',
  priority: 'priority',
  batch: 'batch',
};

/** The tier that a vendor says it served (`service_tier` of the answer or its usage): absent is default, an unknown word is null. */
export function serviceTierOf(word: unknown): ServiceTier | null {
  if (word === undefined || word === null) return 'default';
  return typeof word === 'string' ? (tiers[word.toLowerCase()] ?? null) : null;
}

interface OpenAiNames {
  readonly input: string;
  readonly output: string;
  readonly inputDetails: string;
  readonly outputDetails: string;
}

const CHAT_NAMES: OpenAiNames = {
  input: 'prompt_tokens',
  output: 'completion_tokens',
  inputDetails: 'prompt_tokens_details',
  outputDetails: 'completion_tokens_details',
};
const RESPONSES_NAMES: OpenAiNames = {
  input: 'input_tokens',
  output: 'output_tokens',
  inputDetails: 'input_tokens_details',
  outputDetails: 'output_tokens_details',
};

function fromOpenAi(json: unknown, names: OpenAiNames): NormalisedUsage | null {
  const reader = UsageReader.of(json);
  if (!reader) return null;
  const total = reader.count('total_tokens');
  let input = reader.count(names.input, true);
  let output = reader.count(names.output, !reader.has('total_tokens'));
  if (!reader.has(names.input) && total > output) {
    input = total - output;
    reader.flag(`${names.input} is missing; taken as the rest of total_tokens`);
  }
  if (!reader.has(names.output) && total > input) {
    output = total - input;
    reader.flag(`${names.output} is missing; taken as the rest of total_tokens`);
  }
  const details = reader.inside(names.inputDetails);
  // DeepSeek and Moonshot report cache hits at the top level.
  const hits = details?.has('cached_tokens')
    ? details.count('cached_tokens')
    : reader.count('prompt_cache_hit_tokens') || reader.count('cached_tokens');
  const cacheRead = reader.atMost('cached tokens', hits, names.input, input);
  const written = reader.atMost(
    'cache_write_tokens',
    details?.count('cache_write_tokens') ?? 0,
    `uncached ${names.input}`,
    input - cacheRead,
  );
  const freshInput = input - cacheRead - written;
  const audio = reader.atMost('audio_tokens', details?.count('audio_tokens') ?? 0, names.input, input);

  const outputDetails = reader.inside(names.outputDetails);
  let reasoning = outputDetails?.count('reasoning_tokens') ?? 0;
  if (reasoning > 0 && total === input + output + reasoning) {
    reader.flag(`reasoning_tokens are outside ${names.output} here, as the total shows; they are output and are added`);
    output += reasoning;
  }
  reasoning = reader.atMost('reasoning_tokens', reasoning, names.output, output);
  return reader.result({
    freshInput,
    cacheRead,
    cacheWrite5m: written,
    output,
    reasoning,
    // Audio that was read from the cache is already in `cacheRead`.
    audioInput: Math.min(audio, freshInput),
    audioOutput: reader.atMost('audio_tokens', outputDetails?.count('audio_tokens') ?? 0, names.output, output),
  });
}

/** Reads counts off untrusted JSON; nonsense counts as 0 and is flagged. */
class UsageReader {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #flags: string[];

  private constructor(json: Readonly<Record<string, unknown>>, flags: string[]) {
    this.#json = json;
    this.#flags = flags;
  }

  static of(json: unknown): UsageReader | null {
    return isObject(json) ? new UsageReader(json, []) : null;
  }

  has(name: string): boolean {
    return this.#json[name] !== undefined && this.#json[name] !== null;
  }

  count(name: string, needed = false): number {
    const value = this.#json[name];
    if (value === undefined || value === null) {
      if (needed) this.flag(`${name} is missing`);
      return 0;
    }
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    if (typeof value === 'number' && value > 0 && Number.isFinite(value) && value < Number.MAX_SAFE_INTEGER) {
      this.flag(`${name} is ${value}, not a whole count; rounded up`);
      return Math.ceil(value);
    }
    this.flag(`${name} is ${typeof value === 'number' ? value : typeof value}, not a count; taken as 0`);
    return 0;
  }

  inside(name: string): UsageReader | null {
    const value = this.#json[name];
    return isObject(value) ? new UsageReader(value, this.#flags) : null;
  }

  atMost(name: string, value: number, limitName: string, limit: number): number {
    if (value <= limit) return value;
    this.flag(`${name} ${value} exceeds ${limitName} ${limit}, which holds it; clamped`);
    return limit;
  }

  flag(sentence: string): void {
    this.#flags.push(sentence);
  }

  result(parts: Partial<Usage>): NormalisedUsage {
    return { usage: usage(parts), flags: this.#flags };
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
