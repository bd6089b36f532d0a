import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseLabel, parseJsonAnswer } from './output.ts';

describe('normaliseLabel', () => {
  const labels = ['billing', 'credit_card', 'Other'];

  it.each([
    ['billing', 'billing'],
    ['  BILLING.\n', 'billing'],
    ['"credit card"', 'credit_card'],
    ['**Credit-Card**', 'credit_card'],
    ['[other]', 'Other'],
    ['ｂｉｌｌｉｎｇ', 'billing'],
    ['billing or other', null],
    ['The label is billing', null],
    ['not billing', null],
    ['bill', null],
    ['', null],
    ['...', null],
  ])('reads %j as %j', (text, label) => {
    expect(normaliseLabel(text, labels)).toBe(label);
  });

  it('wants labels that differ only by what is tolerated written exactly', () => {
    const grades = ['A', 'A-', 'a'];
    expect(grades.map((grade) => normaliseLabel(grade, grades))).toEqual(grades);
    expect(normaliseLabel('"A"', grades)).toBe(null);
  });

  it('finds every label by itself, whatever the labels are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.string({ minLength: 1 }).filter((text) => text === text.trim()),
          { minLength: 1, maxLength: 8 },
        ),
        (list) => {
          expect(list.map((label) => normaliseLabel(label, list))).toEqual(list);
        },
      ),
    );
  });
});

describe('reading answers', () => {
  it('ends on long hostile runs, because it is linear in the text', () => {
    // Quadratic code would take minutes here and run into the test's time limit.
    const run = (text: string) => text.repeat(1_000_000);
    expect(normaliseLabel(`a${run('*')}b`, ['a'])).toBe(null);
    expect(normaliseLabel(`a${run(' -')}b`, ['a'])).toBe(null);
    expect(parseJsonAnswer(`\`\`\`json\n${run(' ')}x\`\`\``).ok).toBe(false);
    expect(parseJsonAnswer(`\`\`\`${run(' ')}\n1\`\`\``)).toEqual({ ok: true, value: 1 });
  });
});

describe('parseJsonAnswer', () => {
  it('reads back any JSON, bare or in one fence', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const parsed = { ok: true, value: JSON.parse(json) };
        expect(parseJsonAnswer(json)).toEqual(parsed);
        expect(parseJsonAnswer(` \`\`\`json\n${json}\n\`\`\`\n`)).toEqual(parsed);
        expect(parseJsonAnswer(`\`\`\`\n${json}\n\`\`\``)).toEqual(parsed);
      }),
    );
  });

  it.each([
    'Here you go: {"a":1}',
    '{"a":1} Hope this helps!',
    "{'a':1}",
    '{"a":1,}',
    'NaN',
    '```json\n{"a":1}',
    '```python\n1\n```',
    '1 2',
  ])('refuses %j', (text) => {
    expect(parseJsonAnswer(text).ok).toBe(false);
  });

  it('says why', () => {
    expect(parseJsonAnswer(' ')).toEqual({ ok: false, why: 'the answer is empty' });
    expect(parseJsonAnswer('{"a":')).toEqual({ ok: false, why: expect.stringMatching(/^not JSON: /) });
  });
});
