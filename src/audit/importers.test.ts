import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PriceBook } from '../pricing/index.ts';
import { readAudit } from './read.ts';
import type { AuditCall, ReadReport } from './types.ts';

const now = Date.UTC(2026, 8, 10);
const fixtures = fileURLToPath(new URL('../../test/fixtures/audit/', import.meta.url));

async function read(...files: readonly string[]): Promise<{ readonly calls: readonly AuditCall[]; readonly report: ReadReport }> {
  const calls: AuditCall[] = [];
  const report = await readAudit({
    files: files.map((file) => fixtures + file),
    book: new PriceBook({ warn: () => {} }),
    now,
    onCalls: (batch) => {
      calls.push(...batch);
    },
  });
  return { calls, report };
}

/** Id, nano-dollars and status of every call. */
const booked = (calls: readonly AuditCall[]) => calls.map(({ callId, cost, status }) => [callId, cost, status]);
const skipped = (report: ReadReport) => report.rows.skipped.map(({ reason, count }) => [reason, count]);

describe('logs of OpenAI', () => {
  it('joins stored completions with their messages, cached tokens inside the input', async () => {
    const { calls, report } = await read('openai-stored.completions.json', 'openai-stored.messages.json');
    // 500 × $2.50 + 500 × $1.25 + 100 × $10 per million
    expect(booked(calls)).toEqual([['req_ded8ab984ec4bf840f37566c1011c417', 2_875_000, 'ok']]);
    expect(calls[0]).toMatchObject({
      system: 'Classify the ticket of Anna Example.',
      userTexts: ['Where is my parcel 4711?'],
      output: 'shipping',
    });
    expect(calls[0]?.hints.tag).toBe('triage');
    expect(report.rows).toEqual({ read: 3, kept: 1, joined: 2, skipped: [] });
  });

  it('makes one call of an input and an output line, at batch prices, in either order of the files', async () => {
    for (const files of [
      ['openai-batch.input.jsonl', 'openai-batch.output.jsonl'],
      ['openai-batch.output.jsonl', 'openai-batch.input.jsonl'],
    ]) {
      const { calls, report } = await read(...files);
      // 600 × $0.075 + 400 × $0.0375 + 200 × $0.30 per million; an expired request is not charged
      expect(booked(calls)).toEqual([
        ['row-1', 120_000, 'ok'],
        ['row-2', 0, 'error'],
      ]);
      expect(calls.map(({ model, serviceTier, system }) => [model, serviceTier, system])).toEqual([
        ['gpt-4o-mini', 'batch', 'Classify the ticket of Anna Example.'],
        ['gpt-4o-mini', 'batch', 'Classify the ticket of Anna Example.'],
      ]);
      expect([report.rows.read, report.rows.kept, report.rows.joined]).toEqual([5, 2, 2]);
      expect(skipped(report)).toEqual([['a batch request without a line in an output or error file', 1]]);
    }
  });

  it('reads request and response of chat completions and of Responses', async () => {
    const { calls } = await read('openai.jsonl');
    expect(booked(calls)).toEqual([
      ['req_9', 3_000_000, 'ok'],
      ['resp_1', 270_000, 'ok'],
    ]);
    expect(calls.map(({ system, userTexts, output }) => [system, userTexts.length, output])).toEqual([
      ['Classify the ticket of Anna Example.', 1, 'shipping'],
      ['Reply.', 1, 'Hi'],
    ]);
    expect(calls[0]?.responseFormat).toEqual({ type: 'json_object' });
  });

  it('takes usage and cost reports as totals, priced and charged', async () => {
    const { report } = await read('openai-usage.json', 'openai-costs.json');
    expect(report.calls).toBe(0);
    expect(report.totals.map(({ model, serviceTier, cost, charged, requests }) => [model, serviceTier, cost, charged, requests])).toEqual([
      // 600,000 × $2.50 + 400,000 × $1.25 + 100,000 × $10 per million, and the batch at half the price
      ['gpt-4o-2024-08-06', 'default', 3_000_000_000, null, 500],
      ['gpt-4o-mini-2024-07-18', 'batch', 105_000_000, null, 300],
      ['gpt-4o-2024-08-06', 'default', null, 3_100_000_000, null],
      [null, 'default', null, 135_000_000, null],
    ]);
  });

  it('takes evals as definitions of tasks', async () => {
    const { report } = await read('openai-evals.json');
    expect(report.definitions).toMatchObject([
      {
        name: 'Ticket topics',
        system: 'Is the answer a topic?',
        graders: ['label_model', 'string_check'],
        labels: ['billing', 'shipping'],
      },
    ]);
  });
});

describe('logs of Anthropic', () => {
  it('books cached tokens beside the input, streams once, and long prompts at their step', async () => {
    const { calls } = await read('anthropic.jsonl');
    expect(booked(calls)).toEqual([
      // 100 × $3 + 1,000 × $0.30 + 200 × $3.75 + 50 × $6 + 80 × $15 per million
      ['req_011', 2_850_000, 'ok'],
      // 50 × $3 + 40 × $15: the 1 of message_start is not added
      ['msg_2', 750_000, 'ok'],
      // more than 200,000 tokens: 250,000 × $6 + 10 × $22.50
      ['msg_3', 1_500_225_000, 'ok'],
    ]);
    expect(calls[0]).toMatchObject({ tools: ['look_up'], toolCalls: ['look_up'], output: 'Let me look.', provider: 'anthropic' });
    expect(calls[1]?.output).toBe('Hello');
  });

  it('books batch results at half the price and what failed at nothing', async () => {
    const { calls } = await read('anthropic-batch.results.jsonl');
    expect(booked(calls)).toEqual([
      ['a-1', 750_000, 'ok'],
      ['a-2', 0, 'error'],
      ['a-3', 0, 'error'],
    ]);
    expect(calls.map(({ error }) => error)).toEqual([null, 'max_tokens: field required', 'expired']);
  });

  it('reads the amounts of the cost report as cents', async () => {
    const { report } = await read('anthropic-usage.json', 'anthropic-costs.json');
    expect(report.totals.map(({ cost, charged }) => [cost, charged])).toEqual([
      [1_600_000_000, null],
      [null, 1_650_000_000],
    ]);
  });
});

describe('logs of tools', () => {
  it('reads LiteLLM spend logs: cached tokens inside for every vendor, own cache free, unknown models unpriced', async () => {
    const { calls, report } = await read('litellm-spend.csv');
    expect(booked(calls)).toEqual([
      ['l-1', 3_000_000, 'ok'],
      // 100 × $1 + 1,000 × $0.10 + 200 × $1.25 + 50 × $5 per million
      ['l-2', 700_000, 'ok'],
      ['l-3', 0, 'cached'],
      ['l-4', null, 'ok'],
      ['l-5', 0, 'error'],
    ]);
    expect(report.unpriced).toMatchObject([{ reason: 'no-price', provider: 'hosted-vllm', model: 'support', calls: 1 }]);
    expect(skipped(report)).toEqual([['a row that was read already', 1]]);
    expect(calls[0]).toMatchObject({
      line: 2,
      key: 'bot',
      team: 'care',
      latencyMs: 2_500,
      firstTokenMs: 500,
      model: 'support',
      hints: { tag: 'triage' },
    });
  });

  it('reads the same row as JSON, and the payload of its loggers', async () => {
    const json = await read('litellm-spend.json');
    const payload = await read('litellm-payload.json');
    expect(booked(json.calls)).toEqual([['l-1', 3_000_000, 'ok']]);
    expect(booked(payload.calls)).toEqual([['call-1', 3_000_000, 'ok']]);
    expect(payload.calls[0]).toMatchObject({
      tools: ['look_up'],
      output: 'shipping',
      latencyMs: 2_500,
      firstTokenMs: null,
      hints: { tag: 'triage' },
    });
  });

  it('reads Langfuse in both cases, disjoint or overlapping counts alike, and each row once', async () => {
    const { calls, report } = await read('langfuse.snake.jsonl', 'langfuse.camel.json');
    expect(booked(calls)).toEqual([
      ['o-1', 3_000_000, 'ok'],
      ['o-2', 3_000_000, 'ok'],
      ['c-1', 450_000, 'error'],
    ]);
    expect(calls[0]).toMatchObject({
      usage: { output: 100, reasoning: 20 },
      firstTokenMs: 400,
      reportedCost: 3_000_000,
      conversation: 't-1',
    });
    expect(calls.map(({ hints }) => [hints.tag, hints.functionId, hints.promptName])).toEqual([
      [null, 'triage', 'triage-prompt'],
      [null, 'triage', 'triage-prompt'],
      ['triage', null, null],
    ]);
    expect(skipped(report)).toEqual([
      ['no model call (SPAN)', 1],
      ['a row that was read already', 1],
    ]);
    expect(report.flags.map(({ count }) => count)).toEqual([1]);
  });

  it('reads Helicone by the habit of each vendor', async () => {
    const { calls } = await read('helicone.jsonl');
    expect(booked(calls)).toEqual([
      ['h-1', 3_000_000, 'ok'],
      ['h-2', 450_000, 'ok'],
      ['h-3', 0, 'cached'],
      ['h-4', 0, 'error'],
    ]);
    expect(calls[0]).toMatchObject({ hints: { tag: 'triage' }, conversation: 's-9', provider: 'openai' });
  });

  it('reads spans of every dialect and leaves those around calls out', async () => {
    const { calls, report } = await read('otlp.json');
    expect(booked(calls)).toEqual([
      ['chatcmpl-o1', 3_000_000, 'ok'],
      ['eee19b7ec3c1b003', 450_000, 'ok'],
      ['aitxt-1', 270_000, 'ok'],
      ['eee19b7ec3c1b007', 270_000, 'ok'],
    ]);
    expect(calls.map(({ system, userTexts, output, toolCalls }) => [system, userTexts, output, toolCalls])).toEqual([
      ['Classify the ticket.', ['Where is my parcel?'], 'shipping', ['look_up']],
      ['Classify the ticket.', ['Where is it?'], 'shipping', ['look_up']],
      ['Reply.', ['Hello?'], 'Hello!', []],
      ['Sum up.', ['Notes'], 'Sum', []],
    ]);
    expect(calls.map(({ hints }) => hints.functionId ?? hints.route)).toEqual(['inbox', null, 'reply', 'openai']);
    expect(report.rows.read).toBe(9);
    expect(report.rows.skipped.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  });

  it('reads TensorZero, OpenPipe and promptfoo', async () => {
    const tensorzero = await read('tensorzero.jsonl');
    // 100 × $2 + 500 × $8 per million: reasoning is a part of the output, not on top
    expect(booked(tensorzero.calls)).toEqual([['0199f0a0-0000-7000-8000-000000000001', 4_200_000, 'ok']]);
    expect(tensorzero.calls[0]).toMatchObject({ usage: { output: 500, reasoning: 400 }, hints: { functionId: 'triage' } });
    const openpipe = await read('openpipe.jsonl');
    expect(openpipe.calls.map(({ cost, status, error }) => [cost, status, error])).toEqual([
      [270_000, 'ok', null],
      [0, 'error', 'Invalid key'],
    ]);
    const promptfoo = await read('promptfoo.json');
    expect(booked(promptfoo.calls)).toEqual([
      ['pf-1', 270_000, 'ok'],
      ['pf-2', 0, 'cached'],
    ]);
    expect(promptfoo.calls[0]?.hints.promptName).toBe('triage');
  });
});
