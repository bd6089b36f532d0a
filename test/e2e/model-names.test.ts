import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../src/templates/index.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: ScriptedUpstream;
let gateway: ServedGateway;
const secret = (name: string) => `key-of-${name}`;
const digest = (name: string) => `sha256:${createHash('sha256').update(secret(name)).digest('hex')}`;
const template = fingerprintOf({ system: 'Sort this.', user: null, tools: [], responseFormat: null }).hash;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  const at = `url: "${upstream.origin}/v1", apiKey: k`;
  gateway = await serveHere({
    config: `models:
  small: { provider: openai, model: tiny, ${at} }
  big: { provider: openai, model: huge, ${at} }
tasks:
  sort/mail: { output: { kind: text }, ladder: [small, big], fingerprints: ["${template}"] }
  draft: { output: { kind: text }, ladder: [small] }
keys:
  - { name: all, key: "${digest('all')}" }
  - { name: models, key: "${digest('models')}", models: [small] }
  - { name: tasks, key: "${digest('tasks')}", tasks: [sort/mail] }
  - { name: both, key: "${digest('both')}", tasks: [sort/mail], models: [small] }
`,
  });
});
afterAll(async () => {
  await gateway?.remove();
  await upstream?.close();
});

async function get(who: string, path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${secret(who)}`, ...headers } });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

async function answeredBy(who: string, body: object): Promise<string> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret(who)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
  await answer.text();
  return answer.status === 200
    ? `${answer.headers.get('x-smallfirst-task')} ${answer.headers.get('x-smallfirst-model')}`
    : `${answer.status}`;
}

const ids = ({ json }: { readonly json: Record<string, unknown> }) => (json.data as readonly { readonly id: string }[]).map(({ id }) => id);
const older = { 'anthropic-version': '2023-06-01' };

describe('the list of models', () => {
  it('names models and tasks, those that the key may ask for and no others, in both shapes', async () => {
    const seen = await Promise.all(['all', 'models', 'tasks', 'both'].map(async (who) => [who, ids(await get(who, '/v1/models'))]));
    expect(Object.fromEntries(seen)).toEqual({
      all: ['small', 'big', 'task/sort/mail', 'task/draft'],
      // A task whose ladder goes beyond the key's models is none of its own.
      models: ['small', 'task/draft'],
      tasks: ['task/sort/mail'],
      both: ['task/sort/mail'],
    });
    expect(await get('models', '/v1/models', older)).toEqual({
      status: 200,
      json: {
        data: [
          { type: 'model', id: 'small', display_name: 'small', created_at: '1970-01-01T00:00:00Z' },
          { type: 'model', id: 'task/draft', display_name: 'task/draft', created_at: '1970-01-01T00:00:00Z' },
        ],
        has_more: false,
        first_id: 'small',
        last_id: 'task/draft',
      },
    });
  });

  it('shows one by its name, escaped or not, and 404 for what is not there or not for this key', async () => {
    const one = { id: 'task/sort/mail', object: 'model', created: 0, owned_by: 'smallfirst' };
    expect(await get('all', '/v1/models/task/sort/mail')).toEqual({ status: 200, json: one });
    expect(await get('all', '/v1/models/task%2Fsort%2Fmail')).toEqual({ status: 200, json: one });
    expect((await get('tasks', '/v1/models/task/sort/mail', older)).json).toMatchObject({ type: 'model', id: 'task/sort/mail' });
    for (const [who, name] of [
      ['models', 'task/sort/mail'],
      ['models', 'big'],
      ['tasks', 'small'],
      ['all', 'task/nope'],
    ] as const) {
      expect(await get(who, `/v1/models/${name}`)).toMatchObject({ status: 404, json: { error: { code: 'model_not_found' } } });
      expect(await get(who, `/v1/models/${name}`, older)).toMatchObject({ status: 404, json: { error: { type: 'not_found_error' } } });
    }
  });

  it('is what the gateway answers: every name of a list is served, and a task leads no key beyond its models', async () => {
    for (const who of ['all', 'models', 'tasks', 'both']) {
      for (const model of ids(await get(who, '/v1/models'))) expect(await answeredBy(who, { model })).not.toMatch(/^\d/);
    }
    expect(await answeredBy('models', { model: 'task/sort/mail' })).toBe('403');
    expect(await answeredBy('models', { model: 'small', metadata: { task: 'sort/mail' } })).toBe('403');
    // The template belongs to a task, but this key asked for a model: that one answers.
    const messages = [
      { role: 'system', content: 'Sort this.' },
      { role: 'user', content: 'hi' },
    ];
    expect(await answeredBy('models', { model: 'small', messages })).toBe('null small');
    expect(await answeredBy('all', { model: 'small', messages })).toBe('sort/mail big');
  });
});
