import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCache, fingerprintOf, type PromptTemplate } from './index.ts';

const base: PromptTemplate = { system: null, user: null, tools: [], responseFormat: null };
const hashOf = (parts: Partial<PromptTemplate>) => fingerprintOf({ ...base, ...parts }).hash;

/** Makers of variable parts: two draws differ, and a template must not. */
const variable = {
  number: fc.integer({ min: 0, max: 1e9 }).map(String),
  decimal: fc.double({ min: 0.01, max: 9999, noNaN: true }).map((value) => value.toFixed(2)),
  uuid: fc.uuid(),
  hex: fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 16, maxLength: 64 }).map((list) => list.join('')),
  date: fc
    .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
  dateInWords: fc
    .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((date) => date.toLocaleDateString('en-US', { dateStyle: 'full', timeZone: 'UTC' })),
  time: fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 10, max: 59 })).map(([hour, minute]) => `${hour}:${minute}`),
  email: fc.emailAddress().filter((address) => /^[\w.+-]+@[\w.-]+$/.test(address)),
  // What ends in punctuation cannot be told from the end of a sentence.
  url: fc.webUrl({ withQueryParameters: true }).filter((url) => /[A-Za-z0-9/]$/.test(url)),
  quoted: fc.array(fc.constantFrom(...'abcXYZ 019,.;:!?-'), { minLength: 1, maxLength: 60 }).map((list) => `"${list.join('')}"`),
  name: fc.constantFrom('Alice', 'Bob Smith', 'Ludwig van Beethoven', 'Anna-Maria O’Neil', 'Günther Öz'),
  path: fc.constantFrom('/home/ann/work', '/srv/data/run-17', '~/notes', 'C:\\Users\\Bob\\file.txt'),
} as const;

const kinds = Object.keys(variable) as (keyof typeof variable)[];
const literal = fc.constantFrom(
  'You are an agent that',
  'sorts requests for',
  'answers with',
  'helps about',
  'and never invents',
  'with respect to',
);

describe('fingerprintOf', () => {
  it('stays when only variable parts change', () => {
    const slots = fc.array(fc.tuple(literal, fc.constantFrom(...kinds)), { minLength: 1, maxLength: 6 });
    const filled = slots.chain((list) =>
      fc.tuple(
        ...list.map(([words, kind]) =>
          fc.tuple(fc.constant(words), variable[kind] as fc.Arbitrary<string>, variable[kind] as fc.Arbitrary<string>),
        ),
      ),
    );
    fc.assert(
      fc.property(filled, (parts) => {
        const first = parts.map(([words, value]) => `${words} ${value}`).join(', ');
        const second = parts.map(([words, , value]) => `${words} ${value}`).join(', ');
        expect(fingerprintOf({ ...base, system: second })).toEqual(fingerprintOf({ ...base, system: first }));
      }),
      { numRuns: 300 },
    );
  });

  it('differs between templates whose words differ', () => {
    const words = fc.array(fc.constantFrom('sort', 'the', 'ticket', 'summarise', 'label', 'refund', 'draft', 'score'), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(hashOf({ system: a.join(' ') }) === hashOf({ system: b.join(' ') })).toBe(a.join(' ') === b.join(' '));
      }),
    );
  });

  it('tells tools and response formats apart, whatever the order of the tools and of members', () => {
    const system = 'You label tickets.';
    expect(hashOf({ system, tools: ['b', 'a', 'b'] })).toBe(hashOf({ system, tools: ['a', 'b'] }));
    expect(hashOf({ system, tools: ['a'] })).not.toBe(hashOf({ system }));
    expect(hashOf({ system, responseFormat: { type: 'json', a: 1 } })).toBe(hashOf({ system, responseFormat: { a: 1, type: 'json' } }));
    expect(hashOf({ system, responseFormat: { type: 'json' } })).not.toBe(hashOf({ system }));
  });

  it('ignores what users say as long as there is a system prompt', () => {
    const system = 'You label tickets.';
    expect(hashOf({ system, user: 'Classify this: a' })).toBe(hashOf({ system, user: 'Something else' }));
  });

  it('takes the leading instruction of the first user message where there is no system prompt', () => {
    const masked = (user: string) => fingerprintOf({ ...base, user }).masked;
    expect(masked('Classify the following ticket: my card was stolen')).toBe('Classify the following ticket:');
    expect(masked('Translate into French:\n\nGood day')).toBe('Translate into {name}:');
    expect(masked('Summarise this text for a child\n\nOnce upon a time')).toBe('Summarise this text for a child');
    expect(masked('  What is the capital of France?')).toBe('');
    expect(masked('What is the capital of France?\n')).toBe('');
    expect(masked('Hi:\nthere')).toBe('');
    expect(hashOf({ user: 'How are you?' })).toBe(hashOf({ user: 'Where is my parcel' }));
  });
});

describe('ByteCache', () => {
  const span = (text: string, start = 0, end = Buffer.byteLength(text)) => [Buffer.from(text), [{ start, end }]] as const;

  it('makes a value once for equal bytes, wherever they stand', () => {
    const cache = new ByteCache<number>();
    let made = 0;
    const value = () => ++made;
    expect(cache.get(...span('xxhellox', 2, 7), value)).toBe(1);
    expect(cache.get(...span('hello'), value)).toBe(1);
    expect(cache.get(...span('hellp'), value)).toBe(2);
    expect(made).toBe(2);
  });

  it('never confuses spans that differ anywhere, or in where they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', 'b') }), fc.string({ unit: fc.constantFrom('a', 'b') }))),
        (pairs) => {
          const cache = new ByteCache<string>({ maxBytes: 40 });
          for (const [a, b] of pairs) {
            const spans = [
              { start: 0, end: a.length },
              { start: a.length, end: a.length + b.length },
            ];
            expect(cache.get(Buffer.from(a + b), spans, () => `${a}|${b}`)).toBe(`${a}|${b}`);
          }
        },
      ),
    );
  });

  it('keeps no more bytes than it may, what was not asked for going first', () => {
    const cache = new ByteCache<number>({ maxBytes: 1_000, maxKeyBytes: 400 });
    for (let i = 0; i < 200; i += 1) cache.get(...span(`${i}`.padEnd(90, 'x')), () => i);
    expect(cache.size).toBeLessThanOrEqual(1_000);
    expect(cache.size).toBeGreaterThan(500);
    cache.get(...span('y'.repeat(500)), () => -1);
    expect(cache.get(...span('y'.repeat(500)), () => -2)).toBe(-2);
    expect(cache.get(...span('199'.padEnd(90, 'x')), () => -3)).toBe(199);
    expect(cache.get(...span('0'.padEnd(90, 'x')), () => -4)).toBe(-4);
  });

  it('keeps nothing of what could not be made', () => {
    const cache = new ByteCache<number>();
    const fail = () => {
      throw new Error('no');
    };
    expect(() => cache.get(...span('a'), fail)).toThrow('no');
    expect(cache.get(...span('a'), () => 1)).toBe(1);
  });
});
