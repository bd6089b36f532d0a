import type { Json, ScoredToken, TokenLogprob } from '../../core/index.ts';
import { isList, isObject } from './shape.ts';
import type { JsonObject } from './types.ts';

const utf8 = new TextEncoder();

/** Reads a list of OpenAI token log-probabilities. Null when there is none or any value is no finite number: then there are no logprobs. */
export function readLogprobs(value: unknown): TokenLogprob[] | null {
  if (!isList(value) || value.length === 0) return null;
  const read: TokenLogprob[] = [];
  for (const item of value) {
    const token = scored(item);
    if (token === null) return null;
    const alternatives = isObject(item) && isList(item.top_logprobs) ? item.top_logprobs : [];
    const top: ScoredToken[] = [];
    for (const alternative of alternatives) {
      const one = scored(alternative);
      if (one !== null) top.push(one);
    }
    read.push({ ...token, top });
  }
  return read;
}

function scored(item: unknown): ScoredToken | null {
  if (!isObject(item)) return null;
  const token = item.token;
  const logprob = item.logprob;
  if (typeof token !== 'string' || typeof logprob !== 'number' || !Number.isFinite(logprob)) return null;
  const bytes = item.bytes;
  if (!isList(bytes) || isUtf8Of(token, bytes)) return { token, logprob };
  return { token, logprob, bytes: bytes.filter((byte): byte is number => typeof byte === 'number') };
}

function isUtf8Of(token: string, bytes: readonly unknown[]): boolean {
  const encoded = utf8.encode(token);
  return encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
}

/** Writes log-probabilities as OpenAI does, with at most `top` alternatives: what was asked for other reasons stays hidden. */
export function writeLogprobs(items: readonly TokenLogprob[], top: number): JsonObject[] {
  return items.map((item) => ({ ...written(item), top_logprobs: item.top.slice(0, top).map(written) }));
}

function written(token: ScoredToken): { token: string; logprob: number; bytes: Json } {
  return { token: token.token, logprob: token.logprob, bytes: token.bytes ?? [...utf8.encode(token.token)] };
}
