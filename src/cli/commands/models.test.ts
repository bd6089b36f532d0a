import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { type ModelRow, type ModelsOptions, runModels } from './models.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-models-'));
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: vllm, model: llama-8b, url: "http://127.0.0.1:8000/v1", boundary: internal, hardware: { usdPerHour: 0.36, tokensPerSecond: 1000, utilisation: 0.5 } }
  mystery: { provider: acme, model: who-knows }
  frontier: { provider: anthropic, model: claude-opus-5-20260701 }
tasks:
  classify:
    output: { kind: label, labels: [a, b] }
    prompt: { user: "{{input}}" }
    ladder: [small, mystery, frontier]
    metric: exact
`,
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function models(options: Partial<ModelsOptions>) {
  const documents: { models: ModelRow[]; unpricedModels: number; at: string }[] = [];
  const notes: string[] = [];
  let text = '';
  const io: CommandIo = {
    out: (part) => {
      text += part;
    },
    json: (value) => documents.push(value as (typeof documents)[number]),
    note: (line) => notes.push(line),
    progress: () => ({ advance() {}, end() {} }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  expect(await runModels({ json: false, at: '2026-11-15', ...options }, io)).toBe(0);
  return { document: documents[0], text, notes };
}

describe('smallfirst models', () => {
  it("lists a config's models with their prices, and says loudly which has none", async () => {
    const { document, notes } = await models({ config: 'smallfirst.yaml', json: true });
    expect(document?.models.map(({ name, tier, price }) => [name, tier, price?.source ?? null, price?.usdPerMillion ?? null])).toEqual([
      ['small', 'small', 'declared', { input: 0.2, output: 0.2 }],
      ['mystery', 'mid', null, null],
      ['frontier', 'frontier', 'genai-prices', { input: 5, cacheRead: 0.5, cacheWrite5m: 6.25, cacheWrite1h: 10, output: 25 }],
    ]);
    expect(document?.unpricedModels).toBe(1);
    expect(notes).toEqual(['WARNING: mystery has no known price: its calls count as unpriced, never as free.']);
  });

  it('draws them as a table', async () => {
    const { text } = await models({ config: 'smallfirst.yaml' });
    expect(text).toMatch(/frontier +anthropic\/claude-opus-5-20260701 +frontier +5\.00 +0\.50 +6\.25 \/ 10\.00 +25\.00/);
    expect(text).toMatch(/mystery +acme\/who-knows +mid +UNPRICED/);
    expect(text).toMatch(/2\.50→12\.50 \/ – \/ –/);
  });

  it('searches the price list, at a day', async () => {
    const today = await models({ provider: 'openai', filter: 'gpt-5.6-luna' });
    expect(today.text).toMatch(/gpt-5\.6-luna +0\.20 +0\.02 +0\.25 +1\.20 +>271,999: 0\.40 in, 1\.80 out .*genai-prices 2026-07-30/);
    const before = await models({ provider: 'openai', filter: 'gpt-5.6-luna', at: '2026-07-29', json: true });
    expect(before.document?.models[0]?.price?.usdPerMillion.input).toBe(1);
    expect(before.document?.at).toBe('2026-07-29T00:00:00.000Z');
  });

  it('gives an overview of the whole list, and says how to look closer', async () => {
    const { text, notes } = await models({});
    expect(text).toMatch(/openrouter +\d+ +\d+/);
    expect(text).toContain('Look closer with --provider NAME');
    expect(notes).toEqual([]);
  });

  it('says when nothing fits, and refuses a day that is none', async () => {
    expect((await models({ filter: 'no-such-model' })).text).toContain('No model fits.');
    await expect(models({ at: 'yesterday' })).rejects.toThrow('--at takes a day such as 2026-10-01, not "yesterday".');
    await expect(models({ config: 'missing.yaml' })).rejects.toThrow('No config at');
  });
});
