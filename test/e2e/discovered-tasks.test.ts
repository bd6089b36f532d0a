import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TasksDocument } from '../../src/cli/commands/tasks.ts';
import { documentIn, smallfirst } from '../support/cli.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServeProcess, serveProcess } from '../support/serve.ts';

let upstream: FakeUpstream;
let gateway: ServeProcess | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

async function ask(system: string, user: string): Promise<void> {
  const body = {
    model: 'm',
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
  };
  const answer = await fetch(`${gateway?.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
}

describe('traffic that names no task', () => {
  it('is grouped by its prompt template, with the template masked, and can be named from what `tasks` shows', async () => {
    gateway = await serveProcess({ config: `models: { m: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: k } }\n` });
    for (let order = 1; order <= 3; order += 1)
      await ask(`You sort complaints of order ${order}0${order}77. Answer with one word.`, `text ${order}`);
    await ask('You translate to French.', 'hello');
    expect(await gateway.stop()).toBe(0);
    const run = await smallfirst(gateway.dataDir, ['tasks', '--data', gateway.dataDir, '--json']);
    const { requests, discovered } = documentIn<TasksDocument & Record<string, unknown>>(run);
    expect({ requests, groups: discovered.map((group) => group.requests) }).toEqual({ requests: 4, groups: [3, 1] });
    expect(discovered[0]?.template).toContain('You sort complaints of order');
    expect(discovered[0]?.template).not.toMatch(/\d/);
    expect(gateway.output()).not.toContain('templates wait');
  });

  it('keeps its template when the gateway is killed at once', async () => {
    const config = `models: { m: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: k } }\n`;
    const killed = await serveProcess({ config });
    gateway = killed;
    await ask('You sort complaints.', 'text');
    await killed.kill('SIGKILL');
    gateway = await serveProcess({ config, dataDir: killed.dataDir });
    expect(await gateway.stop()).toBe(0);
    const run = await smallfirst(killed.dataDir, ['tasks', '--data', killed.dataDir, '--json']);
    expect(documentIn<TasksDocument & Record<string, unknown>>(run).discovered.map(({ template }) => template)).toEqual([
      expect.stringContaining('You sort complaints'),
    ]);
    await killed.remove();
  });
});
