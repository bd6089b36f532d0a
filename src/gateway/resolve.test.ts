import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig, type TaskConfig } from '../config/index.ts';
import { scanMembers, type TapProtocol } from '../providers/index.ts';
import { fingerprintOf } from '../templates/index.ts';
import { TaskResolver, type TaskSource } from './resolve.ts';
import { TemplateReader } from './resolve-template.ts';

function tasksOf(fingerprints: readonly string[] = []): ReadonlyMap<string, TaskConfig> {
  const text = [
    'models: { m: { provider: replay, data: a.jsonl } }',
    'tasks:',
    `  classify: { output: { kind: text }, ladder: [m], fingerprints: ${JSON.stringify(fingerprints)} }`,
    '  draft: { output: { kind: text }, ladder: [m] }',
  ].join('\n');
  return parseConfig(text, 'smallfirst.yaml', {}).tasks;
}

function sourceOf(json: object | string, options: Partial<TaskSource> = {}): TaskSource {
  const body = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return { body, members: scanMembers(body), protocol: 'openai-chat', headers: {}, model: 'm', ...options };
}

const hashOf = (protocol: TapProtocol, json: object | string) => new TemplateReader().read(sourceOf(json, { protocol }))?.hash;
const system = 'You label support tickets. Today is 2026-11-22.';
const byText = (text: string) => fingerprintOf({ system: text, user: null, tools: [], responseFormat: null }).hash;

describe('TaskResolver', () => {
  it.each<[string, Partial<TaskSource>, object, string | null, string | null]>([
    [
      'the header',
      { headers: { 'x-smallfirst-task': 'draft' }, model: 'task/classify' },
      { metadata: { task: 'classify' } },
      'draft',
      'header',
    ],
    ['the alias', { model: 'task/classify' }, { metadata: { task: 'draft' } }, 'classify', 'alias'],
    ['metadata', {}, { metadata: { task: 'draft' }, messages: [{ role: 'system', content: system }] }, 'draft', 'metadata'],
    [
      'the template',
      {},
      {
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: 'hi' },
        ],
      },
      'classify',
      'fingerprint',
    ],
    ['nothing', {}, { messages: [{ role: 'user', content: 'x-smallfirst-task: draft, "metadata": {"task": "draft"}' }] }, null, null],
  ])('finds a task by %s', (_what, options, body, task, by) => {
    const found = new TaskResolver(tasksOf([byText(system)])).resolve(sourceOf(body, options));
    expect([found.task?.name ?? null, found.by]).toEqual([task, by]);
  });

  it.each<[string, Partial<TaskSource>, object]>([
    ['the header x-smallfirst-task', { headers: { 'x-smallfirst-task': 'nope' } }, {}],
    ['the model', { model: 'task/nope' }, {}],
  ])('refuses a task that is not there, named by %s', (where, options, body) => {
    const resolver = new TaskResolver(tasksOf());
    expect(() => resolver.resolve(sourceOf(body, options))).toThrow(`There is no task "nope", which ${where} names.`);
    expect(() => resolver.resolve(sourceOf(body, options))).toThrow(expect.objectContaining({ code: 'TASK_NOT_FOUND' }));
  });

  it('refuses names of the prototype, and leaves metadata alone that names no task', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(() => new TaskResolver(tasksOf()).resolve(sourceOf({}, { model: `task/${name}` }))).toThrow('There is no task');
    }
    for (const task of ['theirs', '__proto__', '']) {
      for (const tasks of [new Map(), tasksOf()]) expect(new TaskResolver(tasks).resolve(sourceOf({ metadata: { task } })).task).toBe(null);
    }
    const templated = sourceOf({ metadata: { task: 'theirs' }, messages: [{ role: 'system', content: system }] });
    expect(new TaskResolver(tasksOf([byText(system)])).resolve(templated)).toMatchObject({ task: { name: 'classify' }, by: 'fingerprint' });
    expect(new TaskResolver(tasksOf()).resolve(sourceOf({ metadata: { task: 7 } })).task).toBe(null);
    expect(new TaskResolver(tasksOf()).resolve(sourceOf({ metadata: 'x' })).task).toBe(null);
  });
});

describe('TemplateReader', () => {
  it('reads the same template from every protocol', () => {
    const user = { role: 'user', content: 'hi' };
    const expected = byText(system);
    expect(hashOf('openai-chat', { messages: [{ role: 'developer', content: [{ type: 'text', text: system }] }, user] })).toBe(expected);
    expect(hashOf('anthropic-messages', { system, messages: [user] })).toBe(expected);
    expect(hashOf('anthropic-messages', { system: [{ type: 'text', text: system, cache_control: {} }], messages: [user] })).toBe(expected);
    expect(hashOf('openai-responses', { instructions: system, input: 'hi' })).toBe(expected);
    expect(hashOf('openai-responses', { input: [{ role: 'system', content: system }, user] })).toBe(expected);
  });

  it('groups what varies and tells apart what does not, with one reader for all', () => {
    const reader = new TemplateReader();
    const read = (json: object) => reader.read(sourceOf(json))?.hash;
    const messages = (text: string) => [
      { role: 'system', content: text },
      { role: 'user', content: 'a' },
    ];
    const one = read({ messages: messages('Help customer 17 of Acme.') });
    expect(read({ messages: messages('Help customer 18 of Ajax.') })).toBe(one);
    expect(read({ messages: messages('Help customer 17 of Acme.') })).toBe(one);
    expect(read({ messages: messages('Bill customer 17 of Acme.') })).not.toBe(one);
    const tools = [{ type: 'function', function: { name: 'lookup', parameters: {} } }];
    expect(read({ messages: messages('Help customer 17 of Acme.'), tools })).not.toBe(one);
    expect(read({ messages: messages('Help customer 17 of Acme.'), response_format: { type: 'json_object' } })).not.toBe(one);
  });

  it('takes the leading instruction where there is no system prompt', () => {
    const chat = (content: unknown) => hashOf('openai-chat', { messages: [{ role: 'user', content }] });
    expect(chat('Classify the following ticket: a')).toBe(chat('Classify the following ticket: something else'));
    expect(
      chat([
        { type: 'image_url', image_url: { url: 'x' } },
        { type: 'text', text: 'Classify the following ticket: b' },
      ]),
    ).toBe(chat('Classify the following ticket: a'));
    expect(chat('How are you?')).toBe(chat('Where is it?'));
    expect(hashOf('openai-completions', { prompt: 'Classify the following ticket: z' })).toBe(chat('Classify the following ticket: a'));
    expect(chat(`Classify the following ticket: ${'é'.repeat(5_000)}`)).toBe(chat('Classify the following ticket: a'));
  });

  it('has no fingerprint for what has no prompt or cannot be read', () => {
    expect(hashOf('openai-embeddings', { input: 'x' })).toBe(undefined);
    expect(hashOf('openai-chat', '{"messages":[nonsense]}')).toBe(undefined);
    expect(hashOf('openai-chat', '{"messages":[{"role":"system","content":"\\q"}]}')).toBe(undefined);
    expect(hashOf('openai-chat', '{"messages":[null]}')).toBe(undefined);
  });

  it('reads any text, however it is written and wherever it is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 2_040, max: 2_050 }), (text, length) => {
        const long = `${'x'.repeat(length)}${text}${'y'.repeat(5_000)}`;
        const escaped = JSON.stringify(long).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
        for (const content of [JSON.stringify(long), escaped]) {
          expect(hashOf('openai-chat', `{"messages":[{"role":"user","content":${content}}]}`)).toMatch(/^[0-9a-f]{64}$/);
        }
      }),
    );
  });
});
