import { describe, expect, it } from 'vitest';
import { parseConfig, type TaskConfig } from '../config/index.ts';
import type { Answer, Call, Message, StopReason } from '../core/index.ts';
import { agreement, inputText, isGradable, pairOf } from './live-pair.ts';

const config = parseConfig(
  `
models: { small: { provider: openai }, big: { provider: openai } }
tasks:
  label: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big] }
  fields: { output: { kind: json, schema: { type: object, required: [a, b] } }, ladder: [small, big] }
  text: { output: { kind: text }, ladder: [small, big], metric: rouge-l }
`,
  'smallfirst.yaml',
  {},
);

const answer = (text: string, parts: Partial<Answer> = {}): Answer => ({
  text,
  refusal: null,
  toolCalls: [],
  stop: 'done',
  usage: null,
  usageSource: 'reported',
  logprobs: null,
  recorded: null,
  servedModel: null,
  fingerprint: null,
  ...parts,
});

const graded = (task: string, small: Answer | null, big: Answer) => {
  const found = config.tasks.get(task);
  if (found === undefined) throw new Error(task);
  const qualities = agreement(found, small, big);
  return qualities && [qualities.small, qualities.big];
};

describe('quality by agreement', () => {
  it.each([
    ['the same label, written otherwise', ' "Billing". ', 'billing', [1, 1]],
    ['another label', 'refund', 'billing', [0, 1]],
    ['no label', 'it depends', 'billing', [0, 1]],
    ['no label on the side of the ceiling, which says nothing', 'billing', 'it depends', [0, 0]],
  ])('of labels: %s', (_what, small, big, expected) => {
    expect(graded('label', answer(small), answer(big))).toEqual(expected);
  });

  it('of JSON is the share of its fields', () => {
    expect(graded('fields', answer('{"b":2,"a":1}'), answer('{"a":1,"b":2}'))).toEqual([1, 1]);
    expect(graded('fields', answer('{"a":1,"b":3}'), answer('{"a":1,"b":2}'))).toEqual([0.5, 1]);
    expect(graded('fields', answer('{"a":1}'), answer('{"a":1,"b":2}'))).toEqual([0, 1]);
  });

  it.each<[StopReason, readonly [number, number]]>([
    ['length', [0, 1]],
    ['refusal', [0, 1]],
    ['content-filter', [0, 1]],
    ['cut', [0, 1]],
    ['stop-sequence', [1, 1]],
  ])('takes a small answer that ended by %s for what it is', (stop, expected) => {
    expect(graded('label', answer('billing', { stop }), answer('billing'))).toEqual(expected);
  });

  it('counts what was never asked as wrong, which only a skipped row holds', () => {
    expect(graded('label', null, answer('billing'))).toEqual([0, 1]);
  });

  it('says nothing of texts, nor of turns that call tools', () => {
    expect(graded('text', answer('hello'), answer('hello'))).toBeNull();
    expect(graded('label', answer('billing'), answer('', { stop: 'tool-call' }))).toBeNull();
  });
});

describe('the input of a request', () => {
  it('is the text of its last user message', () => {
    const text = (said: string) => [{ type: 'text' as const, text: said }];
    const messages = [
      { role: 'system' as const, content: text('Sort it.') },
      { role: 'user' as const, content: text('one') },
      { role: 'assistant' as const, content: text('billing') },
      { role: 'user' as const, content: [...text('two'), ...text(' three')] },
    ];
    expect([inputText({ messages }), inputText({ messages: messages.slice(0, 1) })]).toEqual(['two three', '']);
  });
});

const side = (model: string, servedModel: string | null) => ({
  row: { model, servedModel, provider: 'openai', cost: null, latencyMs: null } as Call,
  answer: answer('billing'),
});
const setting = {
  id: 'p',
  requestId: 'r',
  at: 1,
  task: config.tasks.get('label')!,
  small: 'small',
  big: 'big',
  drawn: 'uniform' as const,
  inclusion: 1,
  certificate: null,
  confidence: null,
  skip: false,
  fingerprint: null,
  request: { messages: [] },
  capture: config.capture,
  askedAs: (row: Call) => `asked:${row.provider}/${row.model}-1`,
};
const quality = { small: 1, big: 1, by: 'agreement' };

describe('the version that a side of a pair was served by', () => {
  it('is what the answer says, else what was asked, and none for a model that was left out', () => {
    const served = (small: ReturnType<typeof side> | null, big: ReturnType<typeof side>) => {
      const { servedSmall, servedBig } = pairOf(setting, small, big, quality);
      return [servedSmall, servedBig];
    };
    expect(served(side('small', 'tiny-v1'), side('big', 'huge-v1'))).toEqual(['tiny-v1', 'huge-v1']);
    expect(served(side('small', null), side('big', null))).toEqual(['asked:openai/small-1', 'asked:openai/big-1']);
    expect(served(null, side('big', 'huge-v1'))).toEqual([null, 'huge-v1']);
  });
});

describe('a request that shows an image or a PDF', () => {
  const pdf = { type: 'pdf', name: null, data: 'JVBERi0xLjQK' } as const;
  const image = { type: 'image', mediaType: 'image/*', source: { kind: 'url', url: 'https://a.example/x.png' } } as const;
  const text = { type: 'text', text: 'What is it?' } as const;
  const shown = { type: 'tool-result', id: 'c1', content: [pdf], isError: false } as const;
  const asking = (content: Message['content']) => ({ messages: [{ role: 'user' as const, content }] });

  it.each([
    ['an image', [image, text]],
    ['a PDF', [pdf, text]],
    ['a PDF from a tool', [shown, text]],
  ])('keeps no input that its text alone would stand for: %s', (_what, content) => {
    const kept = (of: Message['content']) =>
      pairOf({ ...setting, capture: { mode: 'full', rate: 1 }, request: asking(of) }, null, side('big', null), quality).input;
    expect([kept(content), kept([text])]).toEqual([null, 'What is it?']);
  });

  it('is graded by agreement, and never by a judge of texts', () => {
    const gradable = (task: string) =>
      [asking([pdf, text]), asking([text])].map((request) => isGradable(config.tasks.get(task) as TaskConfig, request));
    expect([gradable('label'), gradable('fields'), gradable('text')]).toEqual([
      [true, true],
      [true, true],
      [false, true],
    ]);
  });
});
