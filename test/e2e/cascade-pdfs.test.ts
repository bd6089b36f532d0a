import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type ModelScript, type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

const URL = 'data:application/pdf;base64,JVBERi0xLjQK';
const SOURCE = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQK' };

let upstream: ScriptedUpstream;
let world: CascadeWorld;

const yamlOf = (origin: string) => `
models:
  small: { provider: openai, model: tiny, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  reader: { provider: vllm, model: words, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: anthropic, model: huge, url: "${origin}", apiKey: k, price: { input: 10, output: 20 } }
  other: { provider: anthropic, model: great, url: "${origin}", apiKey: k, capabilities: [system, streaming], price: { input: 10, output: 20 } }
  own: { provider: vllm, model: own, url: "${origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  invoice: { output: { kind: label, labels: [billing, refund] }, ladder: [small, frontier], canary: false, audit: { share: 0 } }
  words: { output: { kind: label, labels: [billing, refund] }, ladder: [reader, frontier], canary: false, audit: { share: 0 } }
  letter: { output: { kind: text }, ladder: [small, frontier], metric: contains, canary: false, audit: { share: 0 } }
  watched: { output: { kind: text }, ladder: [small, frontier], metric: { judge: frontier, rubric: { text: Right? } }, mode: shadow, shadow: { share: 1 } }
  across: { output: { kind: label, labels: [billing, refund] }, ladder: [small, other], canary: false, audit: { share: 0 } }
  own: { output: { kind: label, labels: [billing, refund] }, ladder: [small, own], canary: false, audit: { share: 0 } }
`;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  world = await openCascadeWorld(yamlOf(upstream.origin));
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const label = (text: string, logprob = -0.01): ModelScript => ({ tokens: [{ text, logprob }] });

/** Asks what stands in a PDF, and returns who was asked, the answer and the content that the last one saw. */
async function ask(model: string) {
  const content = [
    { type: 'file', file: { filename: 'a.pdf', file_data: URL } },
    { type: 'text', text: 'What is it about?' },
  ];
  const response = await world.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }] });
  const json = (await response.json()) as { choices?: [{ message: { content: string } }]; error?: { message: string } };
  const last = upstream.calls.at(-1)?.body.messages as [{ content: unknown }] | undefined;
  return {
    status: response.status,
    why: response.headers.get('x-smallfirst-decision'),
    said: json.choices?.[0].message.content ?? json.error?.message,
    asked: upstream.calls.map((call) => call.model),
    seen: last?.[0].content,
    sent: content,
  };
}

describe('a PDF of a certified task', () => {
  it('is shown to the small model', async () => {
    await world.certify({ task: 'invoice' });
    upstream.script('tiny', label('billing'));
    const { status, said, asked, seen, sent } = await ask('task/invoice');
    expect([status, said, asked, seen]).toEqual([200, 'billing', ['tiny'], sent]);
  });

  it('is shown to the frontier in its own words where the small model was not sure', async () => {
    await world.certify({ task: 'invoice' });
    upstream.script('tiny', label('billing', -3));
    upstream.script('huge', label('refund'));
    const { said, asked, seen } = await ask('task/invoice');
    expect([said, asked]).toEqual(['refund', ['tiny', 'huge']]);
    expect(seen).toMatchObject([{ type: 'document', source: SOURCE, title: 'a.pdf' }, { type: 'text' }]);
  });

  it('is not shown to a small model of which nobody said that it reads any', async () => {
    await world.certify({ task: 'words' });
    upstream.script('huge', label('refund'));
    const { said, asked } = await ask('task/words');
    expect([said, asked]).toEqual(['refund', ['huge']]);
  });

  it('goes to a ceiling of which nobody said so as it came, as it did before there was a certificate', async () => {
    upstream.script('own', label('refund'));
    const before = await ask('task/own');
    await world.certify({ task: 'own' });
    const after = await ask('task/own');
    expect([before, after]).toMatchObject([
      { said: 'refund', asked: ['own'], seen: before.sent },
      { said: 'refund', asked: ['own', 'own'], seen: before.sent, why: 'undeclared' },
    ]);
  });

  it('goes down a ladder whose ceiling, of another protocol, could never be shown it', async () => {
    await world.certify({ task: 'across' });
    upstream.script('tiny', label('billing'));
    expect(await ask('task/across')).toMatchObject({ said: 'billing', asked: ['tiny'], why: 'certified' });
  });

  it('of free text goes to the ceiling: its certificate is about what a judge could read', async () => {
    await world.certify({ task: 'letter' });
    upstream.script('huge', label('Dear customer'));
    expect(await ask('task/letter')).toMatchObject({ said: 'Dear customer', asked: ['huge'], why: 'beyond-text' });
  });
});

it('a PDF of a text task in shadow mode is shown to no candidate, which nobody could grade', async () => {
  upstream.script('huge', label('Dear customer'));
  await ask('task/watched');
  const { rows, pairs } = await world.record();
  expect([rows.map(({ model, purpose }) => [model, purpose]), pairs]).toEqual([[['frontier', 'answer']], []]);
});

it('a PDF for a model of another protocol of which nobody said that it reads any is refused in words', async () => {
  const content = [{ type: 'document', source: SOURCE }];
  const response = await world.post('/v1/messages', { model: 'own', max_tokens: 9, messages: [{ role: 'user', content }] });
  expect([response.status, await response.text(), upstream.calls]).toEqual([
    400,
    expect.stringContaining('no model can answer: own (does not declare pdfs)'),
    [],
  ]);
});
