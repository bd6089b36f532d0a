import { describe, expect, it } from 'vitest';
import type { StopReason } from '../../core/index.ts';
import { finishReason } from './tracing.ts';

const STOPS: readonly (StopReason | null)[] = ['done', 'stop-sequence', 'length', 'tool-call', 'refusal', 'content-filter', 'cut', null];

describe('why a model stopped', () => {
  it.each([
    ['openai', ['stop', 'stop', 'length', 'tool_calls', 'stop', 'content_filter', null, null]],
    ['vllm', ['stop', 'stop', 'length', 'tool_calls', 'stop', 'content_filter', null, null]],
    ['student', ['stop', 'stop', 'length', 'tool_calls', 'stop', 'content_filter', null, null]],
    ['anthropic', ['end_turn', 'stop_sequence', 'max_tokens', 'tool_use', 'refusal', 'refusal', null, null]],
  ])('is told in the words of %s', (provider, words) => {
    expect(STOPS.map((stop) => finishReason({ stop, provider }))).toEqual(words);
  });
});
