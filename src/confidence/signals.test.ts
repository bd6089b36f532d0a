import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, Output, StopReason, TokenLogprob } from '../core/index.ts';
import { agreementOf } from './agreement.ts';
import { valueSpans } from './decision-tokens.ts';
import { preferredSignal, signalsOf, signalValue, signalValues } from './signals.ts';

const BILLING: Output = { kind: 'label', labels: ['billing', 'billing dispute', 'refund', 'shipping'] };
const JSON_OUTPUT: Output = { kind: 'json', schema: {} };
const TEXT: Output = { kind: 'text' };

/** A token with its probability and the listed alternatives, itself included when any are given. */
function token(text: string, p: number, others: Readonly<Record<string, number>> = {}): TokenLogprob {
  const entries = Object.entries(others);
  const top = entries.length === 0 ? [] : [[text, p] as const, ...entries].map(([name, q]) => ({ token: name, logprob: Math.log(q) }));
  return { token: text, logprob: Math.log(p), top };
}

function answer(text: string, logprobs: readonly TokenLogprob[] | null, rest: Partial<Answer> = {}): Answer {
  return {
    text,
    logprobs,
    refusal: null,
    toolCalls: [],
    stop: 'done',
    usage: null,
    usageSource: 'reported',
    recorded: null,
    servedModel: null,
    fingerprint: null,
    ...rest,
  };
}

const spelled = (tokens: readonly TokenLogprob[], rest: Partial<Answer> = {}) =>
  answer(tokens.map((item) => item.token).join(''), tokens, rest);
const value = (of: Answer, output: Output, name: 'token' | 'margin') => signalValue(signalsOf(of, output), name);
const why = (of: Answer, output: Output, name: 'token' | 'margin' | 'valid' | 'mean-logprob') => {
  const signal = signalsOf(of, output)[name];
  return signal.available ? null : signal.why;
};

describe('the token signal of a label', () => {
  it('counts only the tokens that decide between labels', () => {
    // "f" and "und" are certain once "re" is there, however unlikely they look.
    expect(value(spelled([token('re', 0.9), token('f', 0.5), token('und', 0.5)]), BILLING, 'token')).toBeCloseTo(0.9, 12);
  });

  it('multiplies decisions: first "bill", then that a dispute follows', () => {
    const tokens = [token('bill', 0.8), token('ing', 0.7), token(' disp', 0.6), token('ute', 0.9)];
    expect(value(spelled(tokens), BILLING, 'token')).toBeCloseTo(0.8 * 0.6, 12);
  });

  it('renormalises over labels: what leads to none is left out, what was not listed counts against', () => {
    const tokens = [token('refund', 0.5, { Sure: 0.3, shipping: 0.1 })];
    expect(value(spelled(tokens), BILLING, 'token')).toBeCloseTo(0.5 / (0.5 + 0.1 + 0.1), 12);
    expect(value(spelled(tokens), BILLING, 'margin')).toBeCloseTo(0.4 / 0.7, 12);
  });

  it('adds up the spellings of one label and leaves out what decides nothing', () => {
    const tokens = [token('refund', 0.5, { ' Refund': 0.2, re: 0.1, '"': 0.1, ship: 0.1 })];
    expect(value(spelled(tokens), BILLING, 'token')).toBeCloseTo(0.8 / 0.9, 12);
    expect(value(spelled(tokens), BILLING, 'margin')).toBeCloseTo(0.7 / 0.9, 12);
  });

  it('weighs ending here against going on where one label begins another', () => {
    const tokens = [token('billing', 1, { refund: 0 }), token(' dispute', 0.75, { '<|eot_id|>': 0.25 })];
    expect(value(spelled(tokens), BILLING, 'token')).toBeCloseTo(0.75, 12);
    expect(value(spelled(tokens), BILLING, 'margin')).toBeCloseTo(0.5, 12);
  });

  it('sees through quotes, white space, reasoning before and markers after', () => {
    const tokens = [
      token('Hm, refund?</think>', 0.1),
      token('\n"', 0.3),
      token('Ship', 0.8),
      token('ping', 0.9),
      token('"', 0.5),
      token('<|eot_id|>', 0.2),
    ];
    expect(value(answer('"Shipping"', tokens), BILLING, 'token')).toBeCloseTo(0.8, 12);
  });

  it('is declared absent, with the reason, where there is none', () => {
    expect(why(answer('refund', null), BILLING, 'token')).toBe('the provider gave no logprobs');
    expect(why(answer('refund', []), BILLING, 'token')).toBe('the provider gave an empty list of logprobs');
    expect(why(answer('refund', [token('re', 0.9), token('?', 0.9)]), BILLING, 'token')).toBe('the tokens do not spell the answer');
    expect(why(spelled([token('I think refund', 0.9)]), BILLING, 'token')).toBe('the answer is not one of the labels');
    expect(why(spelled([token('refund', 0.9)]), { kind: 'label', labels: ['refund'] }, 'token')).toBe('no token decides between labels');
    expect(why(spelled([token('refund', 0.9)]), BILLING, 'margin')).toBe('the provider listed no alternatives');
    expect(why(spelled([token('Dear', 0.9)]), TEXT, 'token')).toBe('free text has no deciding tokens');
  });
});

describe('the token signal of JSON', () => {
  const tokens = [
    token('{"', 0.1),
    token('city', 0.1),
    token('":"', 0.1),
    token('Ber', 0.9, { Bon: 0.05 }),
    token('lin', 0.8, { n: 0.1 }),
    token('","', 0.1),
    token('n', 0.1),
    token('":', 0.1),
    token(' 4', 0.5, { ' 5': 0.4 }),
    token('2', 1, { '3': 1e-9 }),
    token('}', 0.1),
  ];

  it('is the product over the tokens of values; structure and keys count for nothing', () => {
    expect(value(spelled(tokens), JSON_OUTPUT, 'token')).toBeCloseTo(0.9 * 0.8 * 0.5, 12);
    expect(value(spelled(tokens), JSON_OUTPUT, 'margin')).toBeCloseTo(0.1, 12);
  });

  it('finds the values inside a fence too', () => {
    const fenced = [token('```json\n', 0.2), ...tokens, token('\n```', 0.2)];
    expect(value(spelled(fenced), JSON_OUTPUT, 'token')).toBeCloseTo(0.36, 12);
  });

  it('is absent for what is not JSON', () => {
    expect(why(spelled([token('{"a":', 0.9)]), JSON_OUTPUT, 'token')).toBe('the answer is not JSON');
    expect(why(spelled([token('{}', 0.9)]), JSON_OUTPUT, 'token')).toBe('the answer holds no values');
  });

  it('knows exactly where scalar values stand in any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const found = valueSpans(json).map(({ from, to }) => json.slice(from, to));
        const expected: string[] = [];
        const walk = (item: unknown): void => {
          if (Array.isArray(item)) item.forEach(walk);
          else if (typeof item === 'object' && item !== null) Object.values(item).forEach(walk);
          else if (typeof item === 'string' && item !== '') expected.push(JSON.stringify(item).slice(1, -1));
          else expected.push(JSON.stringify(item));
        };
        walk(JSON.parse(json));
        expect(found.sort()).toEqual(expected.sort());
      }),
    );
  });
});

describe('signalsOf', () => {
  it('gives a truncated, cut, refused or filtered answer no confidence at all', () => {
    const stops: StopReason[] = ['length', 'cut', 'content-filter', 'refusal'];
    for (const stop of stops) {
      const signals = signalsOf(
        spelled([token('refund', 0.99, { shipping: 0.01 })], { stop, recorded: { probability: 0.99, stated: 1 } }),
        BILLING,
      );
      expect(signalValues(signals)).toEqual({});
      expect(preferredSignal(signals)).toBe(null);
    }
    expect(signalValues(signalsOf(answer('refund', null, { refusal: 'I cannot' }), BILLING))).toEqual({});
  });

  it('takes a recorded token probability where there are no logprobs', () => {
    expect(signalValue(signalsOf(answer('refund', null, { recorded: { token: 0.73 } }), BILLING), 'token')).toBe(0.73);
  });

  it('reads what the provider recorded, and declares what it did not', () => {
    const signals = signalsOf(answer('Refund.', null, { recorded: { probability: 0.8, margin: 0.3, stated: 1.2 } }), BILLING);
    expect(signals).toEqual({
      probability: { available: true, value: 0.8 },
      token: { available: false, why: 'the provider gave no logprobs' },
      margin: { available: true, value: 0.3 },
      'mean-logprob': { available: false, why: 'the provider gave no logprobs' },
      'min-logprob': { available: false, why: 'the provider gave no logprobs' },
      stated: { available: false, why: 'the recorded value is outside 0 to 1' },
      valid: { available: true, value: 1 },
      agreement: { available: false, why: 'one answer has nothing to agree with' },
    });
    expect(preferredSignal(signals)).toEqual({ name: 'probability', value: 0.8 });
  });

  it('takes mean and minimum over the tokens of the answer only', () => {
    const signals = signalsOf(answer('Dear you', [token('<think>', 0.01), token('Dear', 0.5), token(' you', 0.25)]), TEXT);
    expect(signalValue(signals, 'mean-logprob')).toBeCloseTo((Math.log(0.5) + Math.log(0.25)) / 2, 12);
    expect(signalValue(signals, 'min-logprob')).toBeCloseTo(Math.log(0.25), 12);
  });

  it('says whether the answer is valid: by the check that was made, else as far as can be told', () => {
    const valid = (text: string, output: Output) => signalsOf(answer(text, null), output).valid;
    expect(valid('nonsense', BILLING)).toEqual({ available: true, value: 0 });
    expect(valid('{', JSON_OUTPUT)).toEqual({ available: true, value: 0 });
    expect(valid('{}', JSON_OUTPUT)).toEqual({ available: false, why: 'the answer was not checked against its schema' });
    expect(valid(' ', TEXT)).toEqual({ available: true, value: 0 });
    const failed = { valid: false, value: null, why: 'must have a total' };
    expect(signalsOf(answer('{}', null), JSON_OUTPUT, failed).valid).toEqual({ available: true, value: 0 });
  });

  it('never holds a value that is not finite, and keeps probabilities within 0 and 1', () => {
    const logprob = fc.oneof(fc.double({ max: 0.01, noNaN: true }), fc.constantFrom(Number.NEGATIVE_INFINITY, Number.NaN, -9999));
    const tokens = fc.array(
      fc.record({
        token: fc.constantFrom('re', 'fund', 'ship', 'ping', '"', ' ', '{', '1', ''),
        logprob,
        top: fc.array(fc.record({ token: fc.constantFrom('re', 'ship', 'bill', '', 'x'), logprob }), { maxLength: 4 }),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(tokens, fc.constantFrom(BILLING, JSON_OUTPUT, TEXT), (list, output) => {
        const values = signalValues(signalsOf(spelled(list), output));
        for (const [name, number] of Object.entries(values)) {
          expect(Number.isFinite(number)).toBe(true);
          if (!name.endsWith('logprob')) expect(number >= 0 && number <= 1).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('agreementOf', () => {
  const answers = (...texts: string[]) => texts.map((text) => answer(text, null));

  it('is the share of all answers that say what most say', () => {
    expect(agreementOf(answers('refund', 'shipping', 'Shipping.'), BILLING)).toEqual({
      signal: { available: true, value: 2 / 3 },
      winner: 1,
      votes: 2,
    });
  });

  it('counts invalid and incomplete answers among the k without giving them a vote', () => {
    const list = [answer('shipping', null, { stop: 'length' }), ...answers('no idea', 'refund', 'refund')];
    expect(agreementOf(list, BILLING)).toEqual({ signal: { available: true, value: 0.5 }, winner: 2, votes: 2 });
  });

  it('gives a draw to the answer that came first', () => {
    expect(agreementOf(answers('refund', 'shipping'), BILLING)).toEqual({ signal: { available: true, value: 0.5 }, winner: 0, votes: 1 });
  });

  it('compares JSON by value, not by text', () => {
    expect(agreementOf(answers('{"a":1,"b":2}', '```json\n{"b":2.0, "a":1}\n```'), JSON_OUTPUT).votes).toBe(2);
  });

  it('declares itself absent for one answer, for free text and when nobody can vote', () => {
    const absent = (because: string) => ({ signal: { available: false, why: because }, winner: null, votes: 0 });
    expect(agreementOf(answers('refund'), BILLING)).toEqual(absent('agreement needs at least two answers'));
    expect(agreementOf(answers('a', 'a'), TEXT)).toEqual(absent('free text has no equality to vote by'));
    expect(agreementOf(answers('x', 'y'), BILLING)).toEqual(absent('no answer is complete and valid'));
  });
});
