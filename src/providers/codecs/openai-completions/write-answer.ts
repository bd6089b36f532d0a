import type { StopReason, TokenLogprob } from '../../../core/index.ts';
import { answerBlocks } from '../answer-blocks.ts';
import type { AnswerContext, ClientCodec, JsonObject } from '../types.ts';
import { chatUsage } from '../usage-json.ts';

/** The id of a text completion on the wire. */
export function completionId(context: AnswerContext): string {
  return `cmpl-${context.id}`;
}

/** Why a completion ended, in the three words that this wire has. */
export function finishReason(stop: Exclude<StopReason, 'cut'>): 'stop' | 'length' | 'content_filter' {
  if (stop === 'length') return 'length';
  return stop === 'content-filter' || stop === 'refusal' ? 'content_filter' : 'stop';
}

/** Log-probabilities as completions list them. `from`: how much of the text comes before. Null for none. */
export function writeTokens(tokens: readonly TokenLogprob[], top: number, from: number): JsonObject | null {
  if (tokens.length === 0) return null;
  const offsets: number[] = [];
  let offset = from;
  for (const { token } of tokens) {
    offsets.push(offset);
    offset += token.length;
  }
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs:
      top === 0 ? null : tokens.map((token) => Object.fromEntries(token.top.slice(0, top).map((one) => [one.token, one.logprob]))),
    text_offset: offsets,
  };
}

/** Writes a whole text completion: what was said or refused in words. Thinking has no place on this wire. */
export const writeResponse: ClientCodec['writeResponse'] = (events, context) => {
  const { start, blocks, end } = answerBlocks(events);
  const asked = context.client?.logprobs ?? null;
  let text = '';
  const tokens: TokenLogprob[] = [];
  for (const block of blocks) {
    if (block.type !== 'text' && block.type !== 'refusal') continue;
    text += block.text;
    for (const token of block.logprobs ?? []) tokens.push(token);
  }
  const logprobs = asked === null ? null : writeTokens(tokens, asked.top, 0);
  return {
    id: completionId(context),
    object: 'text_completion',
    created: context.created,
    model: context.model,
    choices: [{ text, index: 0, logprobs, finish_reason: finishReason(end.stop === 'cut' ? 'length' : end.stop) }],
    ...(end.usage === null ? {} : { usage: chatUsage(end.usage) }),
    ...(start?.fingerprint == null ? {} : { system_fingerprint: start.fingerprint }),
  };
};
