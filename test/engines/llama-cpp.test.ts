import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signalsOf, signalValue } from '../../src/confidence/index.ts';
import { type Answer, collect, type Json, type ModelEvent, type ModelRequest, type Output, textMessage } from '../../src/core/index.ts';
import { validateOutput } from '../../src/metrics/index.ts';
import type { CallContext, ModelClient } from '../../src/providers/index.ts';
import { ClientRegistry } from '../../src/providers/registry.ts';
import type { ModelSource } from '../../src/providers/types.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';
import { ENGINE_MODULES, isLlamaInstalled } from './installed.ts';
import { TINY_WORDS, tinyGguf, tinyLora } from './tiny-gguf.ts';

const LABELS = ['billing', 'refund', 'shipping'];
const LABEL: Output = { kind: 'label', labels: LABELS };

describe.skipIf(!isLlamaInstalled)('the provider llama-cpp', () => {
  let folder: string;
  let registry: ClientRegistry;
  const never = () => Promise.reject(new Error('not asked for here'));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smallfirst-local-'));
    await symlink(ENGINE_MODULES, join(folder, 'node_modules'));
    await writeFile(join(folder, 'tiny.gguf'), tinyGguf(7));
    registry = new ClientRegistry({
      folder,
      loadStudent: never,
      loadRecording: never,
      upstream: () => {
        throw new Error('not asked for here');
      },
    });
  });
  afterAll(async () => {
    await registry?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (name: string, parts: Partial<ModelSource> = {}): Promise<ModelClient> =>
    registry.client({
      name,
      provider: 'llama-cpp',
      model: name,
      data: null,
      path: join(folder, 'tiny.gguf'),
      contextWindow: 256,
      upstream: { concurrency: 1, queue: 1 },
      ...parts,
      local: { lora: parts.local?.lora ?? [], threads: 1, gpuLayers: 0 },
    });
  const context = (parts: Partial<CallContext> = {}): CallContext => ({
    itemId: null,
    input: null,
    signal: null,
    deadlineAt: null,
    ...parts,
  });
  const asking = (text: string, parts: Partial<ModelRequest> = {}): ModelRequest => ({
    messages: [textMessage('user', text)],
    maxTokens: 8,
    logprobs: { top: 5 },
    ...parts,
  });
  const said = async (client: ModelClient, request: ModelRequest, parts: Partial<CallContext> = {}): Promise<Answer> =>
    collect(client.call(request, context(parts)));

  it('gives the probabilities of its tokens, which spell the answer, and counts real tokens', async () => {
    const client = await open('tiny');
    const answer = await said(client, asking('refund or shipping?'));
    expect(answer).toMatchObject({ stop: 'length', usageSource: 'reported', refusal: null, servedModel: client.version });
    expect(answer.servedModel).toMatch(/^tiny\.gguf@[0-9a-f]{16}$/);
    expect(answer.usage).toMatchObject({ freshInput: 27, cacheRead: 0, output: 8 });
    const tokens = answer.logprobs ?? [];
    expect(
      tokens
        .map(({ token }) => token)
        .join('')
        .trim(),
    ).toBe(answer.text);
    expect(answer.text.split(' ').every((word) => (TINY_WORDS as readonly string[]).includes(word))).toBe(true);
    for (const { token, logprob, top } of tokens) {
      expect(top[0]).toEqual({ token, logprob });
      expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
    }
  });

  it('reads a prompt that it remembers only once, and says the same again', async () => {
    const client = await open('tiny');
    const first = await said(client, asking('a question that comes twice'));
    const again = await said(client, asking('a question that comes twice'));
    expect(again.text).toBe(first.text);
    expect(again.usage).toMatchObject({ freshInput: 1, output: 8 });
    expect((again.usage?.cacheRead ?? 0) + 1).toBe((first.usage?.freshInput ?? 0) + (first.usage?.cacheRead ?? 0));
  });

  it('answers a label task with a label, whatever it would rather say, and knows how sure it is among the labels', async () => {
    const client = await open('tiny');
    const sure: number[] = [];
    for (const text of ['where is my parcel?', 'money back!', 'hello', 'Zürich ist schön 🙂', '']) {
      const answer = await said(client, asking(text, { maxTokens: 32 }), { output: LABEL });
      expect(LABELS).toContain(answer.text);
      expect(answer.stop).toBe('done');
      const signals = signalsOf(answer, LABEL, validateOutput(answer.text, LABEL));
      expect(signalValue(signals, 'valid')).toBe(1);
      sure.push(signalValue(signals, 'token') ?? Number.NaN);
    }
    // Three labels: the most probable token leads to one of the likelier ones, though not always to the likeliest.
    expect(sure.every((value) => value > 0.2 && value <= 1)).toBe(true);
    expect(new Set(sure.map((value) => value.toFixed(6))).size).toBeGreaterThan(2);
  });

  it('weighs labels as the grammar of the labels does, token by token', async () => {
    const client = await open('tiny');
    const grammar = await open('by-grammar');
    for (const text of ['where is my parcel?', 'money back!', 'Zürich']) {
      const fast = await said(client, asking(text, { maxTokens: 32, logprobs: { top: 20 } }), { output: LABEL });
      // At a temperature above 0 the engine samples by itself, held by the grammar; at 1 what it samples from is the model's own distribution.
      const slow = await said(grammar, asking(text, { maxTokens: 32, temperature: 1, seed: 1, logprobs: { top: 20 } }), { output: LABEL });
      const first = (answer: Answer) => answer.logprobs?.[0]?.top.map(({ logprob }) => logprob.toFixed(3)).sort();
      expect(first(fast)).toEqual(first(slow));
      expect(LABELS).toContain(slow.text);
    }
  });

  it('leaves labels that only bytes can spell to the grammar', async () => {
    const client = await open('tiny');
    const output: Output = { kind: 'label', labels: ['größer', 'kleiner'] };
    expect(output.labels).toContain((await said(client, asking('was?', { maxTokens: 32 }), { output })).text);
  });

  it.each<[string, Json]>([
    ['an object', { type: 'object', properties: { kind: { enum: ['a', 'b'] }, count: { type: 'integer' } }, required: ['kind', 'count'] }],
    ['a list of booleans', { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 3 }],
    [
      'what refers to itself',
      {
        $ref: '#/$defs/node',
        $defs: {
          node: {
            type: 'object',
            properties: { leaf: { const: true }, kids: { type: 'array', items: { $ref: '#/$defs/node' }, maxItems: 1 } },
            required: ['leaf'],
          },
        },
      },
    ],
  ])('writes JSON that fits %s', async (_what, schema) => {
    const client = await open('tiny');
    const output: Output = { kind: 'json', schema };
    for (const seed of [1, 2, 3]) {
      const answer = await said(client, asking('{', { maxTokens: 200, temperature: 1, seed }), { output });
      // Random weights may go on for ever within a number or between two braces; what ended must fit.
      if (answer.stop === 'done') expect([answer.text, validateOutput(answer.text, output).valid]).toEqual([answer.text, true]);
      else expect(answer.stop).toBe('length');
    }
  });

  it('ends at a stop sequence of the caller', async () => {
    const client = await open('tiny');
    const whole = await said(client, asking('refund or shipping?'));
    const second = whole.text.split(' ')[1] as string;
    const cut = await said(client, asking('refund or shipping?', { stop: [` ${second}`] }));
    expect({ text: cut.text, stop: cut.stop }).toEqual({ text: whole.text.split(' ')[0], stop: 'stop-sequence' });
  });

  it('turns callers away when its line is full, and stops writing for one that goes', async () => {
    const client = await open('busy');
    const going = new AbortController();
    const first: ModelEvent[] = [];
    const begun = (async () => {
      for await (const event of client.call(asking('a long one', { maxTokens: 200 }), context({ signal: going.signal }))) {
        first.push(event);
        if (first.length === 3) going.abort();
      }
    })();
    const second = said(client, asking('the next'));
    const third = said(client, asking('one too many'));
    await expect(third).rejects.toMatchObject({ code: 'UPSTREAM_BUSY', retryAfterMs: 1000 });
    await expect(begun).rejects.toMatchObject({ code: 'ABORTED' });
    expect(first.length).toBeLessThan(10);
    expect((await second).usage?.output).toBe(8);
  });

  it('refuses what does not fit, and what it cannot do', async () => {
    const client = await open('tiny');
    await expect(said(client, asking('word '.repeat(300)))).rejects.toMatchObject({
      code: 'UPSTREAM_REJECTED',
      message: expect.stringMatching(/^The prompt has \d+ tokens and the context of tiny holds 256, the answer included/),
    });
    const tools = [{ name: 'look', description: null, parameters: {} }];
    await expect(said(client, asking('hello', { tools }))).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    await expect(said(client, asking('hello'), { deadlineAt: 1 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('puts LoRA adapters over the weights, and is another version with each', async () => {
    await writeFile(join(folder, 'zero.gguf'), tinyLora(3, 0));
    await writeFile(join(folder, 'some.gguf'), tinyLora(3, 4));
    const lora = (file: string, scale: number) => ({ lora: [{ path: join(folder, file), scale }], threads: 1, gpuLayers: 0 });
    const clients = {
      plain: await open('plain'),
      zero: await open('zero', { local: lora('zero.gguf', 1) }),
      some: await open('some', { local: lora('some.gguf', 1) }),
      half: await open('half', { local: lora('some.gguf', 0.5) }),
    };
    const sure: Record<string, string> = {};
    for (const [name, client] of Object.entries(clients)) {
      const answer = await said(client, asking('refund or shipping?', { maxTokens: 1 }));
      sure[name] = `${answer.text} ${answer.logprobs?.[0]?.logprob.toFixed(5)}`;
    }
    expect(sure.zero).toBe(sure.plain);
    expect(new Set(Object.values(sure)).size).toBe(3);
    expect(new Set(Object.values(clients).map(({ version }) => version)).size).toBe(4);
  });

  it('says which file it could not load', async () => {
    await writeFile(join(folder, 'broken.gguf'), Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(64)]));
    await expect(open('broken', { path: join(folder, 'broken.gguf') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^broken: llama\.cpp cannot load the model .*broken\.gguf: /),
    });
    await expect(
      open('other', { local: { lora: [{ path: join(folder, 'tiny.gguf'), scale: 1 }], threads: 1, gpuLayers: 0 } }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^other: llama\.cpp cannot load the LoRA adapters over the model: /),
    });
  });

  describe('behind the gateway', () => {
    let gateway: ServedGateway;
    beforeAll(async () => {
      gateway = await serveHere({
        modules: ENGINE_MODULES,
        config: [
          'models:',
          `  tiny: { provider: llama-cpp, path: "${join(folder, 'tiny.gguf')}", contextWindow: 256, threads: 1, gpuLayers: 0, hardware: { usdPerHour: 3.6, tokensPerSecond: 1000 } }`,
          `  free: { provider: llama-cpp, path: "${join(folder, 'tiny.gguf')}", contextWindow: 256, threads: 1, gpuLayers: 0 }`,
          'tasks:',
          '  sort:',
          `    output: { kind: label, labels: [${LABELS.join(', ')}] }`,
          '    ladder: [free]',
          '',
        ].join('\n'),
      });
    });
    afterAll(() => gateway?.remove());

    it('is served by name in every protocol, with its probabilities, and answers a task in its output form', async () => {
      const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
      const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'none', maxRetries: 0 });
      const messages = [{ role: 'user' as const, content: 'refund or shipping?' }];
      const chat = await openai.chat.completions.create({ model: 'tiny', messages, max_tokens: 4, logprobs: true, top_logprobs: 2 });
      const text = chat.choices[0]?.message.content ?? '';
      expect(text.split(' ').length).toBe(4);
      expect(chat.choices[0]?.logprobs?.content?.map(({ top_logprobs: top }) => top.length)).toEqual([2, 2, 2, 2]);
      let streamed = '';
      for await (const chunk of await openai.chat.completions.create({ model: 'tiny', messages, max_tokens: 4, stream: true })) {
        streamed += chunk.choices[0]?.delta.content ?? '';
      }
      expect(streamed).toBe(text);
      const response = await openai.responses.create({ model: 'tiny', input: 'refund or shipping?', max_output_tokens: 4 });
      expect(response.output_text).toBe(text);
      const message = await anthropic.messages.create({ model: 'tiny', messages, max_tokens: 4 });
      expect(message.content).toEqual([expect.objectContaining({ type: 'text', text })]);
      const schema = { type: 'object', properties: { urgent: { type: 'boolean' } }, required: ['urgent'], additionalProperties: false };
      const json = await openai.chat.completions.create({
        model: 'tiny',
        messages,
        max_tokens: 150,
        response_format: { type: 'json_schema', json_schema: { name: 'sort', schema, strict: true } },
      });
      expect([true, false]).toContain((JSON.parse(json.choices[0]?.message.content ?? '') as { urgent: unknown }).urgent);
      const task = await openai.chat.completions.create({ model: 'task/sort', messages, max_tokens: 20 });
      expect(LABELS).toContain(task.choices[0]?.message.content);
      await gateway.stop();
      const calls = await recordedCalls(gateway.dataDir);
      const rows = calls.map(({ model, provider, task: of, usage: used, cost }) => ({
        model,
        provider,
        task: of,
        // 3.6 $ an hour at 1,000 tokens a second is a dollar for a million: 1,000 nano-dollars for each.
        isRight: cost === (model === 'free' ? 0 : 1000 * (used.freshInput + used.output)) || used.cacheRead > 0,
      }));
      expect(rows.sort((a, b) => (a.model < b.model ? -1 : 1))).toEqual([
        { model: 'free', provider: 'llama-cpp', task: 'sort', isRight: true },
        ...Array.from({ length: 5 }, () => ({ model: 'tiny', provider: 'llama-cpp', task: null, isRight: true })),
      ]);
    });
  });
});
