import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/index.ts';
import { checkRows } from '../../src/finetune/check-rows.ts';
import { type FineTuneAdapter, type FineTuneRow, hostedTrainers, localAdapter, type Method, readRows } from '../../src/finetune/index.ts';

const count = (text: string) => Math.ceil(text.length / 4);
const access = { baseUrl: 'http://127.0.0.1:1', key: 'k', account: 'acme' };
const adapters: readonly FineTuneAdapter[] = [
  ...Object.values(hostedTrainers).map(({ open }) => open(access)),
  localAdapter({ folderOf: () => '/nowhere', tool: null, environment: {} }),
];
const prompt = { system: null, user: '{{input}}' };
const read = (text: string, method: Method = 'sft') => readRows(text, { method, file: 'rows.jsonl', prompt, target: 'label' });

type Wire = Readonly<Record<string, unknown>>;
interface WireMessage extends Wire {
  readonly role: string;
  readonly content: string | null;
  readonly weight?: number;
  readonly tool_calls?: readonly Wire[];
}

/** The rules as the providers' pages state them, written a second time and another way: an oracle for the checker. */
const documented: Readonly<Record<string, { sft: (rows: readonly Wire[]) => boolean; dpo?: (rows: readonly Wire[]) => boolean }>> = {
  openai: { sft: (rows) => rows.length >= 10 && rows.every(chat), dpo: (rows) => rows.length >= 10 && rows.every(pair) },
  together: {
    sft: (rows) => rows.length >= 1 && rows.every((row) => chat(row) && takesTurns(row)),
    dpo: (rows) => rows.every((row) => pair(row) && takesTurns(row.input as Wire)),
  },
  fireworks: {
    sft: (rows) =>
      rows.length >= 3 && rows.every((row) => chat(row) && messagesOf(row).every(({ tool_calls }) => (tool_calls?.length ?? 0) <= 1)),
    dpo: (rows) => rows.length >= 3 && rows.every(pair),
  },
  mistral: { sft: (rows) => rows.length >= 1 && rows.every(chat) },
  local: { sft: (rows) => rows.length >= 1 && rows.every(chat), dpo: (rows) => rows.every(pair) },
};

function messagesOf(row: Wire): readonly WireMessage[] {
  return (row.messages as readonly WireMessage[] | undefined) ?? [];
}

function chat(row: Wire): boolean {
  const messages = messagesOf(row);
  return messages.at(-1)?.role === 'assistant' && messages.every((message, index) => sound(message, index));
}

function sound({ role, content, tool_calls, weight }: WireMessage, index: number): boolean {
  const speaks = (typeof content === 'string' && content.trim() !== '') || (tool_calls?.length ?? 0) > 0;
  return (
    ['system', 'user', 'assistant', 'tool'].includes(role) &&
    speaks &&
    (role !== 'system' || index === 0) &&
    (weight === undefined || (role === 'assistant' && weight === 0))
  );
}

function takesTurns(row: Wire): boolean {
  const roles = messagesOf(row)
    .map(({ role }) => role)
    .filter((role) => role !== 'system' && role !== 'tool');
  const called = messagesOf(row).some(({ tool_calls }) => tool_calls !== undefined);
  return called || (roles[0] === 'user' && roles.every((role, index) => index === 0 || role !== roles[index - 1]));
}

function pair({ input, preferred_output, non_preferred_output }: Wire): boolean {
  const messages = messagesOf(input as Wire);
  const answers = [preferred_output, non_preferred_output] as readonly (readonly WireMessage[])[];
  return (
    messages.length > 0 &&
    messages.at(-1)!.role !== 'assistant' &&
    messages.every(sound) &&
    answers.every((list) => list.length === 1 && list[0]!.role === 'assistant')
  );
}

const text = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).filter((value) => value.trim() !== '');
const anyText = fc.oneof({ weight: 9, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom('', '  ', '$&', '\u2028') });
const call = fc.record({
  id: fc.constantFrom('c1', 'c2', 'c3'),
  type: fc.constant('function' as const),
  function: fc.record({ name: fc.constantFrom('look_up', 'refund'), arguments: fc.constant('{"order":1}') }),
});

/** Conversations as traffic has them: sound ones, or ones that break a rule here and there. */
const conversationOf = (words: fc.Arbitrary<string>, isSound: boolean) =>
  fc
    .record({
      system: fc.option(words, { nil: undefined }),
      turns: fc.array(
        fc.record({
          user: words,
          assistant: words,
          weight: fc.constantFrom(...(isSound ? [undefined, 1 as const] : [undefined, 0 as const, 1 as const])),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      calls: fc.option(fc.array(call, { minLength: 1, maxLength: isSound ? 1 : 2 }), { nil: undefined, freq: 4 }),
      unanswered: fc.integer({ min: isSound ? 1 : 0, max: 9 }),
    })
    .map(({ system, turns, calls, unanswered }) => {
      const messages: WireMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
      for (const { user, assistant, weight } of turns) {
        messages.push({ role: 'user', content: user });
        if (calls !== undefined) {
          messages.push({ role: 'assistant', content: null, tool_calls: calls });
          for (const { id } of calls) messages.push({ role: 'tool', content: 'found', tool_call_id: id });
        }
        messages.push({ role: 'assistant', content: assistant, ...(weight === undefined ? {} : { weight }) });
      }
      // One in ten ends with a question.
      if (unanswered === 0) messages.push({ role: 'user', content: 'and?' });
      return calls === undefined
        ? { messages }
        : { messages, tools: [{ type: 'function', function: { name: 'look_up', parameters: {} } }] };
    });
const files = (row: fc.Arbitrary<unknown>) =>
  fc.array(row, { minLength: 1, maxLength: 14 }).map((rows) => rows.map((one) => JSON.stringify(one)).join('\n'));
const preferenceOf = (words: fc.Arbitrary<string>) =>
  fc
    .record({ system: fc.option(text, { nil: undefined }), user: text, chosen: words, rejected: words })
    .map(({ system, user, chosen, rejected }) => ({
      prompt: [...(system === undefined ? [] : [{ role: 'system', content: system }]), { role: 'user', content: user }],
      chosen: [{ role: 'assistant', content: chosen }],
      rejected: [{ role: 'assistant', content: rejected }],
    }));
const anyFile = {
  sft: fc.oneof(files(conversationOf(text, true)), files(conversationOf(anyText, false))),
  dpo: fc.oneof(files(preferenceOf(text)), files(preferenceOf(anyText))),
};

/** Rows as they are sent, by the lines of the exported file. */
function exported(adapter: FineTuneAdapter, rows: readonly FineTuneRow[]): readonly Json[] {
  return rows.map((row) => JSON.parse(JSON.stringify(adapter.encode(row))) as Json);
}

describe.each(adapters.map((adapter) => [adapter.name, adapter] as const))('a file for %s', (name, adapter) => {
  it.each(['sft', 'dpo'] as const)('passes its documented rules by %s whenever the checker finds nothing', (method) => {
    const rules = adapter.rules[method];
    const oracle = documented[name]![method];
    if (rules === undefined || oracle === undefined) {
      expect({ rules, oracle }).toEqual({ rules: undefined, oracle: undefined });
      return;
    }
    const seen = { good: 0, bad: 0 };
    fc.assert(
      fc.property(anyFile[method], (lines) => {
        const rows = exported(adapter, read(lines, method).training);
        const { issues } = checkRows(rows, method, rules, count);
        if (issues.length === 0) {
          seen.good += 1;
          expect(oracle(rows as unknown as readonly Wire[])).toBe(true);
        } else {
          seen.bad += 1;
          expect(issues.every(({ line, message }) => line >= 0 && line <= rows.length && message !== '')).toBe(true);
        }
      }),
      { numRuns: 120 },
    );
    expect(seen.good).toBeGreaterThan(0);
    expect(seen.bad).toBeGreaterThan(0);
  });

  it('takes what is plainly sound', () => {
    const rows = Array.from({ length: 12 }, (_, index) => ({ text: `text ${index}`, label: 'yes', rejected: 'no' }));
    for (const [method, rules] of Object.entries(adapter.rules) as [Method, NonNullable<FineTuneAdapter['rules']['sft']>][]) {
      const lines = exported(adapter, read(rows.map((row) => JSON.stringify(row)).join('\n'), method).training);
      expect(checkRows(lines, method, rules, count).issues).toEqual([]);
    }
  });
});

describe('what a checker says', () => {
  const fireworks = adapters.find(({ name }) => name === 'fireworks')!;
  it('names the line and the rule', () => {
    const lines = [
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
        ],
      },
      { messages: [{ role: 'user', content: 'a' }] },
      {
        messages: [
          { role: 'user', content: 'a' },
          {
            role: 'assistant',
            content: null,
            tool_calls: ['c1', 'c2'].map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
          },
          { role: 'tool', content: 'x', tool_call_id: 'c9' },
          { role: 'assistant', content: ' ' },
        ],
      },
    ];
    expect(checkRows(lines, 'sft', fireworks.rules.sft!, count).issues).toEqual([
      { line: 2, message: "the last message has the role user; it must be the assistant's" },
      { line: 2, message: 'no message of the assistant is learnt from' },
      { line: 3, message: 'message 2 calls 2 tools at once; one at a time is taken' },
      { line: 3, message: 'message 3 answers a tool call that was not made' },
      { line: 3, message: 'message 4 is empty' },
    ]);
  });

  it('counts rows, bytes and tokens', () => {
    const rules = { ...fireworks.rules.sft!, minRows: 3, maxRows: 1, maxFileBytes: 10, maxRowTokens: 5 };
    const row = {
      messages: [
        { role: 'user', content: 'x'.repeat(40) },
        { role: 'assistant', content: 'yes' },
      ],
    };
    expect(checkRows([row, row], 'sft', rules, count)).toEqual({
      tokens: 38,
      issues: [
        { line: 1, message: 'the row has about 19 tokens; at most 5 are taken' },
        { line: 2, message: 'the row has about 19 tokens; at most 5 are taken' },
        { line: 0, message: 'the file has 2 rows; at least 3 are needed' },
        { line: 0, message: 'the file has 2 rows; at most 1 are taken' },
        { line: 0, message: 'the file has 242 bytes; at most 10 are taken' },
      ],
    });
  });
});

describe('rows that are read', () => {
  it.each([
    ['{"text":"hi"', 'this line is not JSON'],
    ['[1]', 'a row must be a JSON object'],
    ['{"text":"hi"}', 'the row has no answer'],
    ['{"messages":[{"role":"bot","content":"x"}]}', 'message 1 has the role "bot"'],
    ['{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}', 'must hold text'],
    ['{"messages":[{"role":"assistant","content":"x","weight":2}]}', 'weight of message 1'],
  ])('names the line of %s', (line, message) => {
    expect(() => read(`\uFEFF{"text":"a","label":"b"}\n\n${line}`)).toThrow(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        position: { file: 'rows.jsonl', line: 3 },
        message: expect.stringContaining(message),
      }),
    );
  });

  it('keep golden rows out of training, out-of-scope rows out of language models, and splits apart', () => {
    const rows = [
      { text: 'a', output: 'x', split: 'train', conversation: 'c1' },
      { text: 'b', output: 'y', split: 'validation' },
      { text: 'c', output: 'z', split: 'golden' },
      { text: 'd', output: null, split: 'train' },
    ];
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    const all = readRows(lines, { method: 'sft', file: 'f', prompt: { system: 'S', user: 'Q: {{input}} $&' }, target: 'label' });
    expect(all).toEqual({
      training: [
        {
          kind: 'sft',
          line: 1,
          group: 'c1',
          messages: [
            { role: 'system', content: 'S' },
            { role: 'user', content: 'Q: a $&' },
            { role: 'assistant', content: 'x' },
          ],
        },
      ],
      validation: [
        {
          kind: 'sft',
          line: 2,
          group: null,
          messages: [
            { role: 'system', content: 'S' },
            { role: 'user', content: 'Q: b $&' },
            { role: 'assistant', content: 'y' },
          ],
        },
      ],
      golden: 1,
      skipped: 1,
    });
  });
});

describe('pairs for DPO', () => {
  it('come from rows of a data set: what was escalated or corrected is the worse answer', () => {
    const lines = [
      { text: 'q', output: 'right', rejected: 'wrong', conversation: 'c1' },
      { text: 'q2', output: 'right', rejected: null },
      { messages: [{ role: 'user', content: 'm' }], text: 'm', output: 'right', rejected: 'wrong' },
    ].map((row) => JSON.stringify(row));
    const dpo = (line: number, group: string | null, content: string) => ({
      kind: 'dpo',
      line,
      group,
      input: { messages: [{ role: 'user', content }] },
      preferred: { role: 'assistant', content: 'right' },
      rejected: { role: 'assistant', content: 'wrong' },
    });
    expect(read(lines.join('\n'), 'dpo')).toEqual({
      training: [dpo(1, 'c1', 'q'), dpo(3, null, 'm')],
      validation: [],
      golden: 0,
      skipped: 1,
    });
  });
});
