import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatPruneList, pruneListOf } from '../../src/pruning/index.ts';
import { type CascadeWorld, certificateFor, openCascadeWorld } from '../support/cascade-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

const SYSTEM = 'You sort tickets of a shop. Answer with one label.';
const list = pruneListOf([
  { role: 'system', text: SYSTEM },
  { role: 'user', text: 'The ticket: ' },
]);

let upstream: ScriptedUpstream;
let world: CascadeWorld;
let folder: string;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-prune-'));
  const file = join(folder, 'list.json');
  await writeFile(file, formatPruneList(list));
  world = await openCascadeWorld(`
models:
  small@2: { provider: openai, model: tiny, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 }, prune: "${file}" }
  frontier: { provider: openai, model: huge, url: "${upstream.origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [small@2, frontier]
    canary: false
    audit: { share: 1 }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (model: string) =>
  world.post('/v1/chat/completions', {
    model,
    messages: [
      { role: 'system', content: SYSTEM },
      { role: 'user', content: 'The ticket: my card was charged twice' },
    ],
  });
const messagesOf = (model: string) => upstream.calls.filter((call) => call.model === model).map(({ body }) => body.messages);
const bare = [{ role: 'user', content: 'my card was charged twice' }];
const whole = [
  { role: 'system', content: SYSTEM },
  { role: 'user', content: 'The ticket: my card was charged twice' },
];

describe('a model that was trained without parts of the prompt', () => {
  it('is asked without them on its rung, and the ceiling that it escalates to, or is audited by, with them', async () => {
    upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -2 }] });
    upstream.script('huge', { tokens: [{ text: 'billing' }] });
    await world.certify({});
    expect((await ask('task/classify')).headers.get('x-smallfirst-model')).toBe('frontier');
    upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -0.001 }] });
    expect((await ask('task/classify')).headers.get('x-smallfirst-model')).toBe('small@2');
    await expect.poll(() => messagesOf('huge').length, { timeout: 5_000 }).toBe(2);
    expect(messagesOf('tiny')).toEqual([bare, bare]);
    expect(messagesOf('huge')).toEqual([whole, whole]);
  });

  it('is asked without them by its own name too, where a model beside it gets the very bytes of the client', async () => {
    expect((await ask('small@2')).status).toBe(200);
    expect((await ask('frontier')).status).toBe(200);
    expect(messagesOf('tiny')).toEqual([bare]);
    expect(messagesOf('huge')).toEqual([whole]);
  });

  it('voids a certificate that knew it with the whole prompt, and one of another list', async () => {
    upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -0.001 }] });
    const { pins } = certificateFor(world.config, {});
    expect(pins['small.prune']).toBe(list.hash);
    const { 'small.prune': _gone, ...unpruned } = pins;
    await world.certify({ id: 'certificate-2', pins: unpruned });
    expect((await ask('task/classify')).headers.get('x-smallfirst-model')).toBe('frontier');
    await world.certify({ id: 'certificate-3', pins: { ...pins, 'small.prune': 'ab'.repeat(32) } });
    expect((await ask('task/classify')).headers.get('x-smallfirst-model')).toBe('frontier');
    await world.certify({ id: 'certificate-4' });
    expect((await ask('task/classify')).headers.get('x-smallfirst-model')).toBe('small@2');
  });
});
