import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, TokenLogprob } from '../core/index.ts';
import { signalBound, signalsOf, signalValue } from './index.ts';

const token = fc.record({
  token: fc.constantFrom('a', ' b', ' ', '\n', ' the', ','),
  logprob: fc.double({ min: -9, max: 0.001, noNaN: true }),
  top: fc.constant([]),
}) as fc.Arbitrary<TokenLogprob>;

function answerOf(tokens: readonly TokenLogprob[]): Answer {
  return {
    text: tokens.map((item) => item.token).join(''),
    refusal: null,
    toolCalls: [],
    stop: 'done',
    usage: null,
    usageSource: 'reported',
    logprobs: tokens,
    recorded: null,
    servedModel: null,
    fingerprint: null,
  };
}

describe('signalBound', () => {
  it('never lies below what the signal turns out to be', () => {
    fc.assert(
      fc.property(
        fc.array(token, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('min-logprob', 'mean-logprob'),
        fc.nat({ max: 5 }),
        (tokens, signal, spare) => {
          const final = signalValue(signalsOf(answerOf(tokens), { kind: 'text' }), signal);
          const bound = signalBound(signal, tokens.length + spare);
          for (const item of tokens) {
            bound?.add(item.token, [item]);
            const value = bound?.value() ?? null;
            if (value !== null && final !== null) expect(value).toBeGreaterThanOrEqual(final - 1e-9);
          }
        },
      ),
    );
  });

  it('is the signal itself at the end of a text without spaces', () => {
    const tokens = [-0.1, -2, -0.3].map((logprob, i) => ({ token: 'abc'[i] ?? '', logprob, top: [] }));
    const value = (signal: 'min-logprob' | 'mean-logprob') => {
      const bound = signalBound(signal, 3);
      for (const item of tokens) bound?.add(item.token, [item]);
      return bound?.value();
    };
    expect(value('min-logprob')).toBe(-2);
    expect(value('mean-logprob')).toBeCloseTo(-0.8, 12);
  });

  it('knows nothing without tokens, without a limit for a mean, or of other signals', () => {
    const bound = signalBound('min-logprob', null);
    expect(bound?.value()).toBe(null);
    bound?.add('a', [{ token: 'a', logprob: -1, top: [] }]);
    expect(bound?.value()).toBe(-1);
    bound?.add('b', null);
    expect(bound?.value()).toBe(null);
    expect(signalBound('mean-logprob', null)).toBe(null);
    expect(signalBound('token', 10)).toBe(null);
  });
});
