import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from './index.ts';
import type { ModelUpstream } from './types.ts';

const upstreamOf = (keys: string): ModelUpstream | undefined =>
  parseConfig(`models:\n  m: { provider: openai${keys} }\n  b: { provider: openai }\n`, 's.yaml', { A: 'sk-a', B: 'sk-b' }).models.get('m')
    ?.upstream;

const problems = (text: string): readonly string[] => {
  try {
    parseConfig(text, 's.yaml', {});
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => `${problem.position.line}:${problem.position.column} ${problem.message}`);
  }
};

const rest: ModelUpstream = {
  keys: [],
  protocols: null,
  retries: null,
  breaker: true,
  concurrency: null,
  queue: null,
  timeoutMs: null,
  hedgeMs: null,
  fallbacks: [],
};

describe('how a config says that a model is called', () => {
  it('leaves what is not written to the upstream', () => {
    expect(upstreamOf('')).toEqual(rest);
  });

  it('takes one key, or a pool with weights', () => {
    expect(upstreamOf(', apiKey: "${A}"')?.keys).toEqual([{ key: 'sk-a', weight: 1 }]);
    expect(upstreamOf(', apiKey: ["${A}", { key: "${B}", weight: 3 }]')?.keys).toEqual([
      { key: 'sk-a', weight: 1 },
      { key: 'sk-b', weight: 3 },
    ]);
  });

  it('reads every other key', () => {
    const text =
      ', retries: 0, breaker: off, concurrency: 4, queue: 0, timeoutMs: 5000, hedgeMs: 800, fallbacks: [b], protocols: [openai-chat, anthropic-messages]';
    expect(upstreamOf(text)).toEqual({
      ...rest,
      protocols: ['openai-chat', 'anthropic-messages'],
      retries: 0,
      breaker: false,
      concurrency: 4,
      queue: 0,
      timeoutMs: 5000,
      hedgeMs: 800,
      fallbacks: ['b'],
    });
    expect([upstreamOf(', breaker: false')?.breaker, upstreamOf(', breaker: on')?.breaker]).toEqual([false, true]);
  });

  it('knows the models that a fallback may name, and suggests one', () => {
    expect(problems('models:\n  small: { provider: openai, fallbacks: [smal, small] }\n')).toEqual([
      '2:42 models.small.fallbacks names "smal", which is no model of this file. Did you mean "small"?',
      '2:48 models.small.fallbacks names the model itself; use retries.',
    ]);
  });

  it.each([
    'retries: -1',
    'retries: 1.5',
    'concurrency: 0',
    'apiKey: []',
    'apiKey: [{ key: x, weight: 0 }]',
    'breaker: maybe',
    'protocols: []',
  ])('refuses %s', (member) => {
    expect(problems(`models:\n  m: { provider: openai, ${member} }\n`).length).toBe(1);
  });
});
