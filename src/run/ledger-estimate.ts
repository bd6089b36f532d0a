import { type EpochMs, type NanoUsd, type Usage, usage } from '../core/index.ts';
import type { ModelRef, PriceBook, ServiceTier } from '../pricing/index.ts';

/** What a request may use at its worst. */
export interface WorstCase {
  readonly inputTokens: number;
  /** Of all choices together. */
  readonly outputTokens: number;
  /** The request asks for a prompt cache that lives an hour, whose writes cost most. */
  readonly longCache: boolean;
  readonly serviceTier: ServiceTier;
}

/** The most that a request can cost at a model; null when the model, or a class of its tokens, has no known price. */
export function worstCost(prices: Pick<PriceBook, 'price'>, model: ModelRef, worst: WorstCase, at: EpochMs): NanoUsd | null {
  const { inputTokens, outputTokens } = worst;
  const options = { serviceTier: worst.serviceTier };
  const fresh = prices.price(model, usage({ freshInput: inputTokens, output: outputTokens }), at, options);
  if (fresh === null) return null;
  // Writes to a prompt cache cost more than fresh input, and some vendors write without being asked.
  const written: Partial<Usage> = worst.longCache ? { cacheWrite1h: inputTokens } : { cacheWrite5m: inputTokens };
  const cached = prices.price(model, usage({ ...written, output: outputTokens, reasoning: outputTokens }), at, options);
  return cached !== null && cached.cost > fresh.cost ? cached.cost : fresh.cost;
}

/** Tokens that a byte is counted as, by what it is. */
const weights = new Float64Array(256);
/** Bytes that base64 is made of. */
const solid = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte);
  if (byte >= 0x80 || byte <= 0x20) weights[byte] = 0.5;
  else weights[byte] = /[A-Za-z]/.test(char) ? 0.4 : 1;
  solid[byte] = /[A-Za-z0-9+/=]/.test(char) && byte < 0x80 ? 1 : 0;
}

/** A run of base64 characters this long is a picture, a sound or a file, whose tokens do not follow from its bytes. */
const BINARY_RUN = 2048;

/**
 * An upper estimate of the tokens of a request body, from its bytes alone and without decoding: a token for every digit and punctuation
 * mark, for two bytes of other scripts, two spaces, or two and a half letters. Natural text, code and JSON stay below it by the public
 * tokenizers; noise can exceed it by a fifth. A base64 payload counts as 5,000 tokens and one for every 16 bytes, which is more than
 * a picture or the pages of a document take.
 */
export function estimateInputTokens(body: Uint8Array): number {
  let tokens = 0;
  let from = 0;
  for (let at = BINARY_RUN / 2; at < body.length; at += BINARY_RUN / 2) {
    if (solid[body[at] as number] === 0) continue;
    let start = at;
    while (start > from && solid[body[start - 1] as number] === 1) start -= 1;
    let end = at + 1;
    while (end < body.length && solid[body[end] as number] === 1) end += 1;
    if (end - start < BINARY_RUN) continue;
    tokens += weigh(body, from, start) + Math.min(end - start, 5000 + (end - start) / 16);
    from = end;
    at = end;
  }
  return Math.ceil(tokens + weigh(body, from, body.length));
}

function weigh(body: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += weights[body[i] as number] as number;
  return sum;
}
