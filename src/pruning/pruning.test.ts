import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, type ModelRequest, textMessage, textOf } from '../core/index.ts';
import { findStaticParts, formatPruneList, parsePruneList, promptTexts, pruneListOf, pruneRequest, pruneText } from './index.ts';

const SYSTEM = 'You sort tickets of a shop.\nAnswer with one label and nothing else.\n';
const GUIDE = '\nThe labels mean what the handbook of the shop says.';
const prompt = (n: number) => ({ system: `${SYSTEM}Today is day ${n}.${GUIDE}`, user: `Here is the ticket to sort: parcel ${n} is late` });

const request = (system: string | null, user: string, more: readonly Message[] = []): ModelRequest => ({
  messages: [...(system === null ? [] : [textMessage('system', system)]), ...more, textMessage('user', user)],
});

describe('static parts of prompts', () => {
  it('are the whole lines and the ends of changing lines that every request has, in order', () => {
    expect(findStaticParts(Array.from({ length: 200 }, (_, n) => prompt(n)))).toEqual([
      { role: 'system', text: `${SYSTEM}Today is day` },
      { role: 'system', text: GUIDE },
      { role: 'user', text: 'Here is the ticket to sort: parcel' },
    ]);
  });

  it('may be missing in one request of a hundred, and not in two', () => {
    const prompts = Array.from({ length: 98 }, (_, n) => prompt(n));
    const other = { system: 'Say something nice to the customer please', user: 'hello' };
    expect(findStaticParts([...prompts, prompt(98), other])).toHaveLength(3);
    expect(findStaticParts([...prompts, other, other])).toEqual([]);
  });

  it('are a whole prompt that never changes, and nothing where every prompt is another', () => {
    const same = Array.from({ length: 20 }, (_, n) => ({ system: SYSTEM, user: `${n} ${'x'.repeat(n)}` }));
    expect(findStaticParts(same)).toEqual([{ role: 'system', text: SYSTEM }]);
    expect(findStaticParts([])).toEqual([]);
  });

  it('never cut a word that changes', () => {
    const prompts = Array.from({ length: 50 }, (_, n) => ({ system: null, user: `Please classify the message of customer-${n * 7}` }));
    expect(findStaticParts(prompts)).toEqual([{ role: 'user', text: 'Please classify the message of' }]);
  });

  it('that are found can be removed from at least the share of the requests that was asked for', () => {
    const words = fc.array(fc.constantFrom('alpha', 'beta', 'gamma', 'delta', 'epsilon', '\n', 'zeta eta theta iota kappa'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(words, fc.array(words, { minLength: 1, maxLength: 30 }), words, (before, inputs, after) => {
        const texts = inputs.map((input) => `${before.join(' ')} ${input.join(' ')} ${after.join(' ')}`);
        const parts = findStaticParts(
          texts.map((user) => ({ system: null, user })),
          { least: 5 },
        ).map(({ text }) => text);
        const removed = texts.filter((text) => pruneText(text, parts).length === text.length - parts.join('').length);
        expect(removed.length).toBeGreaterThanOrEqual(Math.ceil(0.99 * texts.length));
      }),
      { numRuns: 200 },
    );
  });
});

describe('pruning a request', () => {
  const list = pruneListOf([
    { role: 'system', text: SYSTEM },
    { role: 'user', text: 'Ticket: ' },
  ]);

  it('removes the parts and leaves every other text, message and member as it is', () => {
    const earlier = [textMessage('user', 'Ticket: earlier'), textMessage('assistant', SYSTEM)];
    const whole: ModelRequest = { ...request(`${SYSTEM}Be brief.`, `Ticket: late Ticket: again`, earlier), maxTokens: 5 };
    expect(pruneRequest(whole, list)).toEqual({ ...request('Be brief.', 'late Ticket: again', earlier), maxTokens: 5 });
  });

  it('leaves no empty system message behind, and keeps a user message of which nothing would be left', () => {
    expect(pruneRequest(request(SYSTEM, 'late'), list)).toEqual(request(null, 'late'));
    expect(pruneRequest(request(null, 'Ticket: '), list)).toEqual(request(null, 'Ticket: '));
  });

  it('removes exactly the texts of the list, in order, once each, and never twice', () => {
    const piece = fc.constantFrom('aa', 'ab', 'b a', 'Ticket: ', 'x', '\n');
    const text = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), fc.array(text, { minLength: 1, maxLength: 6 }), (parts, around) => {
        const random = pruneListOf(parts.map((part) => ({ role: 'user' as const, text: part })));
        // A prompt made of the parts with other text around them, which may hold the parts itself.
        const user = `?${around.map((other, i) => `${other}${parts[i] ?? ''}`).join('|')}?`;
        const whole = request('system stays', user);
        const once = pruneRequest(whole, random);
        const left = promptTexts(once);
        expect(left.system).toBe('system stays');
        expect(left.user).toBe(pruneText(user, parts));
        // What is gone is a sequence of whole parts: putting them back in order gives the text again.
        expect(isRestorable(left.user ?? '', user, parts)).toBe(true);
        expect(pruneRequest(once, random)).toBe(once);
        expect(textOf(whole.messages[1] as Message)).toBe(user);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the file of a list', () => {
  it('gives the list back, and refuses one whose texts were changed', () => {
    const list = pruneListOf([{ role: 'system', text: SYSTEM }]);
    const file = formatPruneList(list);
    expect(parsePruneList(file)).toEqual(list);
    expect(() => parsePruneList(file.replace('tickets', 'letters'))).toThrow('their hash differs');
    expect(() => parsePruneList('[]')).toThrow('no JSON object');
    expect(() => pruneListOf([{ role: 'user', text: '' }])).toThrow('empty');
  });
});

/** Whether `whole` is `left` with some of the parts inserted, in their order. */
function isRestorable(left: string, whole: string, parts: readonly string[]): boolean {
  if (parts.length === 0) return left === whole;
  const [first = '', ...rest] = parts;
  if (isRestorable(left, whole, rest)) return true;
  for (let at = 0; at <= left.length && left.slice(0, at) === whole.slice(0, at); at += 1) {
    if (whole.startsWith(first, at) && isRestorable(left.slice(at), whole.slice(at + first.length), rest)) return true;
  }
  return false;
}
