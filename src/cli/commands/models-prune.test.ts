import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../../../test/support/cascade-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { loadConfig } from '../../config/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo } from '../io.ts';
import { runModelsPrune } from './models-prune.ts';

const SYSTEM = 'You sort the tickets of a shop that sells lamps. Answer with one label and nothing else.';

let upstream: ScriptedUpstream;
let world: CascadeWorld;
let document: Record<string, unknown> = {};
let printed = '';

const io: CommandIo = {
  out: (text) => {
    printed += text;
  },
  json: (value) => {
    document = JSON.parse(JSON.stringify(value));
  },
  note: () => {},
  progress: () => ({ advance: () => {}, end: () => {} }),
  env: {},
  get cwd() {
    return world.folder;
  },
  signal: new AbortController().signal,
  width: 120,
};
const yaml = (more = '') => `
models:
  small@2: { provider: openai, model: tiny, url: "${upstream.origin}/v1", apiKey: k, price: { input: 2, output: 2 }${more} }
  frontier: { provider: openai, model: huge, url: "${upstream.origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
  by-messages: { provider: anthropic, model: other, url: "${upstream.origin}", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [small@2, frontier]
    capture: { mode: full, rate: 1 }
`;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  upstream.script('huge', { tokens: [{ text: 'billing' }] });
  world = await openCascadeWorld(yaml());
  printed = '';
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const options = { config: 'smallfirst.yaml', data: 'data', share: 0.99, days: 30, limit: 1_000, json: true } as const;
async function ask(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const chat = n % 2 === 0;
    const user = { role: 'user', content: `Here is what the customer wrote: lamp ${n * 37} flickers` };
    const headers = { 'x-smallfirst-task': 'classify' };
    const body = chat
      ? { model: 'frontier', messages: [{ role: 'system', content: SYSTEM }, user] }
      : { model: 'by-messages', system: SYSTEM, messages: [user], max_tokens: 5 };
    expect((await world.post(chat ? '/v1/chat/completions' : '/v1/messages', body, { headers })).status).toBe(200);
  }
  await world.rows();
}

describe('the static parts of recorded prompts', () => {
  it('are found whatever the protocol, priced at each model of the ladder, and frozen as a list that a config reads', async () => {
    await ask(24);
    expect(await runModelsPrune('classify', { ...options, out: 'parts.json' }, io)).toBe(0);
    expect(document).toMatchObject({
      task: 'classify',
      prompts: 24,
      parts: [
        { role: 'system', text: SYSTEM },
        { role: 'user', text: 'Here is what the customer wrote: lamp' },
      ],
    });
    const { parts, tokensPerRequest, models, hash } = document as {
      parts: readonly { tokens: number }[];
      tokensPerRequest: number;
      models: readonly object[];
      hash: string;
    };
    expect(tokensPerRequest).toBe(parts.reduce((sum, { tokens }) => sum + tokens, 0));
    expect(tokensPerRequest).toBeGreaterThan(20);
    expect(models).toEqual([
      { model: 'small@2', usdPerRequest: (tokensPerRequest * 2) / 1e6, usdPerMonth: expect.any(Number), isPruned: false },
      { model: 'frontier', usdPerRequest: (tokensPerRequest * 10) / 1e6, usdPerMonth: expect.any(Number), isPruned: false },
    ]);
    await writeFile(join(world.folder, 'pruned.yaml'), yaml(', prune: parts.json'));
    const config = await loadConfig(join(world.folder, 'pruned.yaml'), {}, { providers });
    expect(config.models.get('small@2')?.prune?.list?.hash).toBe(hash);
    const turn = (content: string) => ({ role: 'assistant', content });
    const row = {
      messages: [
        { role: 'system', content: SYSTEM },
        { role: 'user', content: 'Here is what the customer wrote: lamp 9' },
        turn('billing'),
      ],
      weight: 2,
    };
    const other = { messages: [{ role: 'user', content: 'hello' }, turn('refund')] };
    await writeFile(join(world.folder, 'rows.jsonl'), `${JSON.stringify(row)}\n${JSON.stringify(other)}\n`);
    await runModelsPrune('classify', { ...options, rows: 'rows.jsonl', rowsOut: 'pruned.jsonl' }, io);
    expect(document.rows).toEqual({ read: 2, pruned: 1 });
    const written = (await readFile(join(world.folder, 'pruned.jsonl'), 'utf8')).trim().split('\n');
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { messages: [{ role: 'user', content: ' 9' }, turn('billing')], weight: 2 },
      other,
    ]);
    await runModelsPrune('classify', { ...options, json: false }, io);
    expect(printed).toContain('by 24 recorded prompts');
    const file = join(world.folder, 'parts.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('lamps', 'shoes'));
    await expect(loadConfig(join(world.folder, 'pruned.yaml'), {}, { providers })).rejects.toThrow('their hash differs');
  });

  it('need prompts that were kept', async () => {
    await ask(2);
    await expect(runModelsPrune('classify', options, io)).rejects.toThrow('2 whole prompts of "classify" are on record, and it takes 20');
  });
});

describe('a config with a pruned model', () => {
  it('refuses fallbacks that would be asked without the parts, or with them', async () => {
    const load = async (text: string) => {
      const file = join(world.folder, 'other.yaml');
      await writeFile(file, text);
      return loadConfig(file, {}, { providers });
    };
    await expect(load(yaml(', prune: parts.json, fallbacks: [frontier]'))).rejects.toThrow('has both "prune" and "fallbacks"');
    const used = yaml(', prune: parts.json').replace('model: huge,', 'model: huge, fallbacks: [small@2],');
    await expect(load(used)).rejects.toThrow('is a fallback of models.frontier');
    await expect(load(yaml(', prune: parts.json'))).rejects.toThrow('No list of pruned parts');
  });
});
