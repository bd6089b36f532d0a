import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Output } from '../core/index.ts';
import { labelMembers } from '../metrics/index.ts';
import { PRIVATE_KINDS } from '../privacy/index.ts';
import { jaccard, shinglesOf } from '../similarity/index.ts';
import type { Feedback } from '../store/index.ts';
import { distinctRows } from './distinct-rows.ts';
import type { DraftRow } from './draft.ts';
import { type FilterSettings, filterRows } from './filter-rows.ts';
import { reviewRows } from './review-rows.ts';
import { scrubRows } from './scrub-rows.ts';
import { balanceRows, splitRows } from './split-rows.ts';

const row = (parts: Partial<DraftRow> & { readonly id: string }): DraftRow => ({
  conversation: null,
  at: null,
  text: `text of ${parts.id}`,
  messages: null,
  output: 'card',
  rejected: null,
  provenance: 'log',
  drawn: 'traffic',
  teacher: { model: 'big', provider: 'anthropic', served: null },
  flags: [],
  ...parts,
});

const LABELS: Output = { kind: 'label', labels: ['card', 'loan'] };
const words = (text: string) => text.split(' ').length;
const ids = (rows: readonly DraftRow[]) => rows.map(({ id }) => id);

describe('filterRows', () => {
  const all: FilterSettings = {
    minCharacters: 1,
    maxTokens: null,
    flagTokens: null,
    labels: null,
    match: null,
    since: null,
    teachers: null,
  };

  it('leaves out what the settings say and counts why', () => {
    const rows = [
      row({ id: 'blank', text: '  ' }),
      row({ id: 'old', at: 5 }),
      row({ id: 'long', text: 'a b c d e f' }),
      row({ id: 'other', output: 'loan' }),
      row({ id: 'scope', output: null }),
      row({ id: 'odd', text: 'nothing' }),
      row({ id: 'kept', text: 'my CARD', at: 20 }),
    ];
    const { rows: kept, counts } = filterRows(rows, { ...all, since: 10, maxTokens: 6, labels: ['card'], match: 'card|text' }, words);
    expect(ids(kept)).toEqual(['kept']);
    expect(counts).toEqual({ 'too-short': 1, 'too-old': 1, 'too-long': 1, 'other-label': 2, unmatched: 1 });
  });

  it("takes away the answers of other models, and leaves people's", () => {
    const rows = [
      row({ id: 'big' }),
      row({ id: 'small', teacher: { model: 'small', provider: 'vllm', served: null } }),
      row({ id: 'ann', teacher: null }),
    ];
    const { rows: kept, counts } = filterRows(rows, { ...all, teachers: ['big'] }, words);
    expect(kept.map(({ id, output }) => [id, output])).toEqual([
      ['big', 'card'],
      ['small', undefined],
      ['ann', 'card'],
    ]);
    expect(counts).toEqual({ 'other-teacher': 1 });
  });

  it('flags what is long, and counts messages where there are some', () => {
    const messages = [
      { role: 'system', content: 'a b c' },
      { role: 'user', content: 'd' },
    ] as const;
    const { rows, counts } = filterRows(
      [row({ id: 'a', text: 'd', messages }), row({ id: 'b', text: 'd' })],
      { ...all, flagTokens: 4 },
      words,
    );
    expect(rows.map(({ flags }) => flags)).toEqual([['long'], []]);
    expect(counts).toEqual({ long: 1 });
  });
});

describe('reviewRows', () => {
  let next = 0;
  const said = (
    requestId: string,
    parts: { label?: string; score?: number; answer?: string; sample?: string; state?: 'skipped' | 'withdrawn' },
  ): Feedback => {
    next += 1;
    const { label = null, score = null, answer = null, sample = 'uniform', state } = parts;
    const members = labelMembers({ requestId, by: 'ann', answer, score, label, sample, ...(state === undefined ? {} : { state }) });
    return { id: `id-${String(next).padStart(4, '0')}`, at: next, ...members };
  };

  it("puts people's answers in place of the recorded one, the newest usable one first", () => {
    const feedback: Feedback[] = [
      said('a', { label: 'card' }),
      { id: 'x', at: 99, requestId: 'a', key: 'client', label: 'Loan', score: null, comment: null },
      said('b', { label: 'card', sample: 'active' }),
      said('c', { label: 'gibberish' }),
      said('d', { state: 'skipped' }),
    ];
    const { rows, counts } = reviewRows(
      ['a', 'b', 'c', 'd', 'e'].map((id) => row({ id })),
      feedback,
      LABELS,
    );
    expect(rows).toEqual([
      row({ id: 'a', output: 'loan', rejected: 'card', provenance: 'human', teacher: null, drawn: 'feedback' }),
      row({ id: 'b', provenance: 'human', teacher: null, drawn: 'active' }),
      row({ id: 'c' }),
      row({ id: 'd' }),
      row({ id: 'e' }),
    ]);
    expect(counts).toEqual({ reviewed: 2, corrected: 1, 'unusable-label': 1 });
  });

  it('does not count a label that was taken back', () => {
    const feedback = [said('a', { label: 'loan' }), said('a', { state: 'withdrawn' })];
    expect(reviewRows([row({ id: 'a' })], feedback, LABELS)).toEqual({ rows: [row({ id: 'a' })], counts: {} });
  });

  it('leaves out texts of the teacher that people scored low, and no others', () => {
    const feedback = [
      said('a', { score: 0.25, answer: 'big' }),
      said('b', { score: 0.75, answer: 'big' }),
      said('c', { score: 0, answer: 'small' }),
    ];
    const { rows, counts } = reviewRows(
      ['a', 'b', 'c'].map((id) => row({ id })),
      feedback,
      { kind: 'text' },
    );
    expect(ids(rows)).toEqual(['b', 'c']);
    expect(counts).toEqual({ 'scored-low': 1, reviewed: 1 });
  });
});

describe('scrubRows', () => {
  const secret = row({
    id: 'a',
    text: 'I am john.doe@mail.example',
    messages: [
      { role: 'system', content: 'Call +49 30 1234567.' },
      { role: 'user', content: 'I am john.doe@mail.example' },
    ],
    output: '{"email":"john.doe@mail.example","n":1}',
  });

  it('replaces private texts in inputs and answers and counts each once', () => {
    const { rows, counts } = scrubRows([secret, row({ id: 'b' })], { mode: 'scrub', kinds: PRIVATE_KINDS });
    expect(rows[0]).toEqual({
      ...secret,
      text: 'I am [EMAIL]',
      messages: [
        { role: 'system', content: 'Call [PHONE].' },
        { role: 'user', content: 'I am [EMAIL]' },
      ],
      output: '{"email":"[EMAIL]","n":1}',
    });
    expect(rows[1]).toEqual(row({ id: 'b' }));
    expect(counts).toEqual({ email: 2, phone: 1, rows: 1 });
  });

  it('flags rows instead where that is asked for', () => {
    const { rows, counts } = scrubRows([secret], { mode: 'flag', kinds: ['email'] });
    expect(rows).toEqual([{ ...secret, flags: ['private'] }]);
    expect(counts).toEqual({ email: 2, rows: 1 });
  });
});

describe('distinctRows', () => {
  const twin = (id: string, parts: Partial<DraftRow> = {}) =>
    row({ id, text: `where is the card that I ordered last week, please (${id})`, ...parts });
  const near = { threshold: 0.8 };

  it('keeps one row of those that are alike, a person’s before a model’s and the newest first', () => {
    const rows = [
      twin('1', { at: 1 }),
      twin('2', { at: 2 }),
      twin('3', { at: 3, provenance: 'human' }),
      row({ id: '4', text: 'how do I get a loan', at: 4 }),
    ];
    const { rows: kept, counts } = distinctRows(rows, [], near);
    expect(ids(kept)).toEqual(['3', '4']);
    expect(counts).toEqual({ duplicate: 2 });
  });

  it('keeps rows that are alike and have different answers, flags them, and puts them in one group', () => {
    const { rows, groups, counts } = distinctRows([twin('1', { at: 1 }), twin('2', { at: 2, output: 'loan' })], [], near);
    expect(rows.map(({ id, flags }) => [id, flags])).toEqual([
      ['1', ['label-conflict']],
      ['2', ['label-conflict']],
    ]);
    expect(groups[0]).toBe(groups[1]);
    expect(counts).toEqual({ 'label-conflict': 2 });
  });

  it('refuses what is in the golden set, or nearly', () => {
    const golden = [twin('g'), row({ id: 'same-id', text: 'something else' })];
    const { rows, counts } = distinctRows(
      [twin('1'), row({ id: 'same-id', text: 'altogether different words' }), row({ id: '2' })],
      golden,
      near,
    );
    expect(ids(rows)).toEqual(['2']);
    expect(counts).toEqual({ 'near-golden': 2 });
  });

  it('compares whole conversations, without their system prompt', () => {
    const turns = (about: string, system: string) => [
      { role: 'system' as const, content: system },
      { role: 'user' as const, content: about },
      { role: 'assistant' as const, content: 'Shall I go on?' },
      { role: 'user' as const, content: 'yes' },
    ];
    const rows = [
      row({ id: '1', text: 'yes', at: 1, messages: turns('cancel the order of the green umbrella', 'A') }),
      row({ id: '2', text: 'yes', at: 2, messages: turns('book me a hotel in the mountains', 'A') }),
      row({ id: '3', text: 'yes', at: 3, messages: turns('cancel the order of the green umbrella', 'Another prompt') }),
    ];
    expect(ids(distinctRows(rows, [], near).rows)).toEqual(['2', '3']);
  });

  it('leaves no two rows of one answer alike, and removes none that no kept row is like', () => {
    const texts = fc
      .array(fc.constantFrom('pay', 'the', 'bill', 'now', 'card', 'lost', 'my'), { minLength: 3, maxLength: 9 })
      .map((list) => list.join(' '));
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 25 }), (all) => {
        const rows = all.map((text, i) => row({ id: String(i), text, at: i }));
        const { rows: kept } = distinctRows(rows, [], near);
        const sets = new Map(rows.map(({ id, text }) => [id, shinglesOf(text)]));
        const alike = (a: DraftRow, b: DraftRow) => jaccard(sets.get(a.id)!, sets.get(b.id)!) >= near.threshold;
        for (const a of kept) for (const b of kept) expect(a.id === b.id || !alike(a, b)).toBe(true);
        for (const one of rows) expect(kept.some((other) => alike(one, other))).toBe(true);
      }),
      { seed: 3 },
    );
  });
});

describe('splitRows', () => {
  const rows = Array.from({ length: 2_000 }, (_, i) => row({ id: `r${i}`, conversation: i % 2 === 0 ? `c${i % 300}` : null, at: i }));
  const groups = rows.map((_, i) => (i % 7 === 0 ? 7 * (i % 49) : 10_000 + i));
  const settings = { by: 'conversation', validation: 0.2, golden: 0.1 } as const;

  it.each(['conversation', 'time'] as const)('by %s puts no conversation and no group of near-duplicates into two splits', (by) => {
    const { rows: split } = splitRows(rows, groups, { settings: { ...settings, by }, isFrozen: false });
    const places = new Map<string, Set<unknown>>();
    for (const [i, { conversation, split: to }] of split.entries()) {
      for (const key of [`g${groups[i]}`, ...(conversation === null ? [] : [conversation])])
        places.set(key, (places.get(key) ?? new Set()).add(to));
    }
    expect([...places.values()].filter(({ size }) => size !== 1)).toEqual([]);
  });

  it('gives each split its share of units, and none to golden once that is frozen', () => {
    const own = rows.map((_, i) => i);
    const free = rows.map((one) => ({ ...one, conversation: null }));
    const { counts } = splitRows(free, own, { settings, isFrozen: false });
    // 2,000 draws: three standard deviations are 54 and 41.
    expect(Math.abs(counts.validation! - 400)).toBeLessThan(54);
    expect(Math.abs(counts.golden! - 200)).toBeLessThan(41);
    expect(splitRows(free, own, { settings, isFrozen: true }).counts.golden).toBe(undefined);
  });

  it('does not move rows when others come', () => {
    const own = (n: number) => Array.from({ length: n }, (_, i) => i);
    const free = rows.map((one) => ({ ...one, conversation: null }));
    const first = splitRows(free.slice(0, 500), own(500), { settings, isFrozen: false }).rows;
    const later = splitRows(free, own(2_000), { settings, isFrozen: false }).rows;
    expect(later.slice(0, 500)).toEqual(first);
  });

  it('by time trains on the oldest and keeps the newest golden', () => {
    const four = [3, 1, 4, 2].map((at) => row({ id: String(at), at }));
    const { rows: split } = splitRows(four, [0, 1, 2, 3], { settings: { by: 'time', validation: 0.25, golden: 0.25 }, isFrozen: false });
    expect(split.map(({ id, split: to }) => [id, to])).toEqual([
      ['3', 'validation'],
      ['1', 'train'],
      ['4', 'golden'],
      ['2', 'train'],
    ]);
  });
});

describe('balanceRows', () => {
  it('thins what is trained on and nothing else', () => {
    const rows = Array.from({ length: 30 }, (_, i) =>
      row({ id: String(i), output: i < 20 ? 'card' : 'loan', split: i % 2 === 0 ? 'train' : 'validation' }),
    );
    const { rows: kept, counts } = balanceRows(rows, 6);
    const of = (split: string, output: string) => kept.filter((one) => one.split === split && one.output === output).length;
    expect([of('train', 'card'), of('train', 'loan'), of('validation', 'card'), of('validation', 'loan')]).toEqual([6, 5, 10, 5]);
    expect(counts).toEqual({ 'balanced-away': 4 });
  });
});
