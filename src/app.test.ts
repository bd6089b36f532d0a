import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openApp, stepWorld } from './app.ts';
import { parseConfig } from './config/index.ts';
import { collect, type ModelEvent } from './core/index.ts';

const YAML = `models: { m: { provider: openai, model: x, url: "http://127.0.0.1:9/v1", apiKey: k } }
tasks: { t: { output: { kind: text }, ladder: [m] } }
`;

it('counts all that a model wrote where its answer tells no usage', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'smallfirst-app-'));
  const config = parseConfig(YAML, join(folder, 'smallfirst.yaml'), {});
  const app = await openApp(config, join(folder, 'data'));
  try {
    const task = config.tasks.get('t');
    const model = config.models.get('m');
    if (task === undefined || model === undefined) throw new Error('the config holds a task and a model');
    const world = await stepWorld(app, task, { confidence: new Map(), record: () => {} });
    const request = { messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'hello' }] }] };
    const output = async (...events: ModelEvent[]) => world.countUsage(model, request, await collect(events))?.output;
    expect(await output()).toBe(0);
    expect(await output({ type: 'text', text: 'one two three' })).toBe(3);
    expect(await output({ type: 'refusal', text: 'one two three' })).toBe(3);
    expect(await output({ type: 'thinking', text: 'one two three', signature: null })).toBe(3);
    expect(await output({ type: 'tool-call', index: 0, id: 'c', name: 'one', arguments: 'two three' })).toBe(3);
  } finally {
    await app.close();
    await rm(folder, { recursive: true });
  }
});
