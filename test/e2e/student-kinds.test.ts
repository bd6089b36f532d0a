import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runEval } from '../../src/cli/commands/eval.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { systemClock } from '../../src/core/index.ts';
import { createEmbedder, Upstreams } from '../../src/providers/index.ts';
import { type StudentKind, type TrainingRow, trainStudent } from '../../src/student/index.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type EmbeddingServer, startEmbeddingServer } from '../support/embedding-server.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

const cities = ['Bonn', 'Paris', 'Rome', 'Oslo', 'Lima'];
const rows: Readonly<Record<'multilabel' | 'extractor' | 'scorer', readonly TrainingRow[]>> = {
  multilabel: Array.from({ length: 48 }, (_, i) => ({
    text: `case ${i % 7}${i % 2 === 0 ? ' the invoice is wrong' : ' hello'}${i % 3 === 0 ? ' answer me right now' : ''}`,
    labels: [...(i % 2 === 0 ? ['billing'] : []), ...(i % 3 === 0 ? ['urgent'] : [])],
  })),
  extractor: Array.from({ length: 60 }, (_, i) => ({
    text: `a table in ${cities[i % 5]} for ${(i % 4) + 2} people please`,
    fields: { city: cities[i % 5]!, seats: String((i % 4) + 2) },
  })),
  scorer: Array.from({ length: 48 }, (_, i) => ({
    text: `${['this is terrible and broken', 'it is okay I guess', 'great product love it'][i % 3]} ${i % 5}`,
    value: (i % 3) + 1,
  })),
};

const folder = join(tmpdir(), `smallfirst-kinds-${process.pid}-${Date.now()}`);
let upstream: ScriptedUpstream;
let embeddings: EmbeddingServer;
let world: CascadeWorld;

beforeAll(async () => {
  [upstream, embeddings] = [await startScriptedUpstream(), await startEmbeddingServer()];
  for (const [kind, given] of Object.entries(rows)) {
    await trainStudent({ kind: kind as StudentKind, rows: given, outDir: join(folder, kind), seed: 1, clock: systemClock });
  }
  await trainOverEmbeddings();
});
afterEach(() => world.remove());
afterAll(async () => {
  await Promise.all([upstream.close(), embeddings.close(), rm(folder, { recursive: true, force: true })]);
});

async function trainOverEmbeddings(): Promise<void> {
  const upstreams = new Upstreams({ allowPrivate: true }, { clock: systemClock, random: Math.random, environment: {} });
  upstreams.add([{ name: 'e', provider: 'vllm', model: 'words', url: embeddings.url, keys: [] }]);
  const given = rows.scorer.map(({ text, value }) => ({ text, label: value === 3 ? 'happy' : 'unhappy' }));
  await trainStudent({
    rows: given,
    outDir: join(folder, 'mood'),
    seed: 1,
    clock: systemClock,
    candidates: [{ mode: 'default', reads: 'embeddings' }],
    embeddings: { embedder: createEmbedder(upstreams.get('e')), url: embeddings.url, apiKeyEnv: null },
  });
  await upstreams.destroy();
}

const config = () => `
models:
  frontier: { provider: anthropic, model: huge, url: "${upstream.origin}", apiKey: k, price: { input: 10, output: 20 } }
students:
  topics: { path: "${folder}/multilabel", costUsd: 0.00002 }
  booking: { path: "${folder}/extractor" }
  stars: { path: "${folder}/scorer" }
  mood: { path: "${folder}/mood", embeddings: { url: "${embeddings.url}", model: words, apiKey: key-of-words, usdPerMillion: 1000 } }
tasks:
  topics: { output: { kind: json, schema: { type: array, items: { type: string } } }, ladder: [student/topics, frontier], threshold: 0 }
  booking:
    output: { kind: json, schema: { type: object, required: [city], properties: { city: { type: string }, seats: { type: integer } } } }
    ladder: [student/booking, frontier]
    threshold: 0
  stars: { output: { kind: json, schema: { type: object, properties: { stars: { type: integer } } } }, ladder: [student/stars, frontier], threshold: 0 }
  mood: { output: { kind: label, labels: [happy, unhappy] }, ladder: [student/mood, frontier], threshold: 0 }
`;

async function ask(task: string, content: string, extra: object = {}): Promise<string | undefined> {
  const response = await world.post('/v1/chat/completions', { model: `task/${task}`, messages: [{ role: 'user', content }], ...extra });
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  return body.choices?.[0]?.message.content;
}

describe('a student through the gateway', () => {
  it('answers in the form of its task, at its price', async () => {
    world = await openCascadeWorld(config());
    expect(await ask('topics', 'the invoice is wrong answer me right now')).toBe('["billing","urgent"]');
    const format = { response_format: { type: 'json_schema', json_schema: { name: 'booking', schema: { type: 'object' } } } };
    expect(await ask('booking', 'a table in Oslo for 4 people please', format)).toBe('{"city":"Oslo","seats":4}');
    expect(await ask('stars', 'great product love it')).toBe('{"stars":3}');
    const named = { model: 'student/booking', max_tokens: 9, messages: [{ role: 'user', content: 'a table in Rome for 3 people please' }] };
    const message = await world.post('/v1/messages', named, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(await message.json()).toMatchObject({ content: [{ type: 'text', text: '{"city":"Rome","seats":3}' }] });
    const before = embeddings.requests.length;
    expect(await ask('mood', 'great product love it')).toBe('happy');
    expect(embeddings.requests.slice(before)).toEqual([{ texts: ['great product love it'], key: 'key-of-words', model: 'words' }]);
    // 0.00002 dollars a call, nothing three times, and four tokens embedded at 1,000 dollars a million.
    expect((await world.rows()).map(({ model, cost, usage }) => [model, cost, usage.freshInput])).toEqual([
      ['student/topics', 20_000, 0],
      ['student/booking', 0, 0],
      ['student/stars', 0, 0],
      ['student/booking', 0, 0],
      ['student/mood', 4_000_000, 4],
    ]);
  });

  it('leaves the answer to the next model where its endpoint fails', async () => {
    world = await openCascadeWorld(config());
    embeddings.failures.push(400);
    expect(await ask('mood', 'great product love it')).toBe('ok');
    expect((await world.rows()).map(({ model, outcome }) => [model, outcome])).toEqual([
      ['student/mood', 'escalated'],
      ['frontier', 'accepted'],
    ]);
  });

  it('is scored by eval like any model', async () => {
    world = await openCascadeWorld(config());
    const set = [
      { id: '1', input: 'a table in Rome for 2 people please', expected: { city: 'Rome', seats: 2 } },
      { id: '2', input: 'a table in Lima for 5 people please', expected: { city: 'Lima', seats: 4 } },
    ];
    await writeFile(join(world.folder, 'set.jsonl'), set.map((row) => JSON.stringify(row)).join('\n'));
    const documents: { models?: unknown }[] = [];
    const io: CommandIo = {
      out: () => {},
      json: (document) => void documents.push(JSON.parse(JSON.stringify(document))),
      note: () => {},
      progress: () => ({ advance: () => {}, end: () => {} }),
      env: {},
      cwd: world.folder,
      signal: new AbortController().signal,
      width: 120,
    };
    await runEval(
      { set: 'set.jsonl', task: 'booking', models: ['student/booking'], config: 'smallfirst.yaml', data: 'eval', json: true },
      io,
    );
    expect(documents[0]?.models).toContainEqual(
      expect.objectContaining({ model: 'student/booking', quality: 0.75, errors: 0, invalid: 0, costPer1000Usd: 0 }),
    );
  });
});
