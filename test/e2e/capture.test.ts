import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDataDir, openSqliteStore } from '../../src/store/index.ts';
import { openStoreToRead } from '../../src/store-location.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

const EMAIL = 'jane.doe@example.com';
let upstream: FakeUpstream;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

async function served(parts: string): Promise<ServedGateway> {
  gateway = await serveHere({
    config: `models:
  gpt: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: sk-upstream, price: { input: 1, output: 10 } }
  claude: { provider: anthropic, model: c, url: ${upstream.origin}, apiKey: sk-upstream, price: { input: 1, output: 10 } }
tasks:
  whole: { output: { kind: text }, ladder: [gpt], capture: { mode: full } }
  private: { output: { kind: text }, ladder: [gpt], capture: { mode: redacted } }
  routed: { output: { kind: label, labels: [billing, refund] }, ladder: [gpt, claude], threshold: 0.5, capture: { mode: full } }
${parts}`,
  });
  return gateway;
}

interface Asked {
  readonly id: string;
  readonly sent: string;
  readonly got: string;
}

async function ask(at: ServedGateway, body: object, headers: Record<string, string> = {}): Promise<Asked> {
  const sent = JSON.stringify({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content: `Write to ${EMAIL}.` }], ...body });
  const answer = await fetch(`${at.url}/v1/chat/completions`, { method: 'POST', headers, body: sent });
  return { id: answer.headers.get('x-smallfirst-request-id') ?? '', sent, got: await answer.text() };
}

interface Shown {
  readonly request: string | null;
  readonly calls: readonly { readonly model: string; readonly bodyHash: string | null; readonly answer: string | null }[];
  readonly feedback: readonly object[];
}

/** What the admin API shows of a request, once that is in the store. */
async function shown(at: ServedGateway, id: string): Promise<Shown> {
  let found: Shown | null = null;
  const look = async () => {
    const answer = await fetch(`${at.url}/admin/requests/${id}`);
    if (answer.status === 200) found = (await answer.json()) as Shown;
    return answer.status;
  };
  await expect.poll(look, { timeout: 20_000 }).toBe(200);
  return found as unknown as Shown;
}

/** The reply, with a text in place of its own. */
function saying(text: string): void {
  upstream.always({
    kind: 'rewrite',
    rewrite: (reply) =>
      'json' in reply.body
        ? { ...reply, body: { json: { ...(reply.body.json as object), choices: [choice(text)] } } }
        : { ...reply, body: { frames: framesOf(text) } },
  });
}

const choice = (content: string) => ({ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' });

/** Two characters a frame, so that nothing worth finding is in one of them. */
function framesOf(text: string): readonly string[] {
  const chunk = (parts: object) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'x', ...parts })}\n\n`;
  const pieces = text.match(/.{1,2}/gs) ?? [];
  return [
    ...pieces.map((content) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 } }),
    'data: [DONE]\n\n',
  ];
}

describe('texts of requests and answers', () => {
  it('are not kept unless the config says so', async () => {
    const at = await served('');
    const { id } = await ask(at, {});
    expect(await shown(at, id)).toMatchObject({ request: null, calls: [{ bodyHash: null, answer: null }] });
  });

  it('are kept byte for byte, plain and streamed, and found by the row', async () => {
    const at = await served('capture: { mode: full }');
    const plain = await ask(at, {});
    const streamed = await ask(at, { stream: true, stream_options: { include_usage: true } });
    const kept = await shown(at, plain.id);
    expect(kept).toMatchObject({ request: plain.sent, calls: [{ answer: plain.got, bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/) }] });
    const stream = await shown(at, streamed.id);
    expect(stream.request).toBe(streamed.sent);
    // What follows the frame that closes the answer is not waited for.
    expect(stream.calls[0]?.answer?.length).toBeGreaterThan(100);
    expect(streamed.got.startsWith(stream.calls[0]?.answer ?? '-')).toBe(true);
  });

  it('are kept redacted, also where a stream splits what is to be found', async () => {
    const at = await served('');
    saying(`Dear ${EMAIL}, hello`);
    const task = { 'x-smallfirst-task': 'private' };
    const plain = await shown(at, (await ask(at, {}, task)).id);
    expect(JSON.parse(plain.request ?? '')).toMatchObject({ messages: [{ content: 'Write to [EMAIL].' }] });
    expect(JSON.parse(plain.calls[0]?.answer ?? '')).toMatchObject({ choices: [{ message: { content: 'Dear [EMAIL], hello' } }] });
    const tokens = {
      content: [
        { token: 'jane', logprob: 0, bytes: null, top_logprobs: [] },
        { token: '.doe', logprob: 0, bytes: null, top_logprobs: [] },
      ],
    };
    upstream.next({
      kind: 'rewrite',
      rewrite: (reply) => ({
        ...reply,
        body: {
          json: { choices: [{ ...choice('Dear [EMAIL], hello'), logprobs: tokens }], usage: { prompt_tokens: 1, completion_tokens: 1 } },
        },
      }),
    });
    const spelt = await shown(at, (await ask(at, { logprobs: true }, task)).id);
    expect(JSON.parse(spelt.calls[0]?.answer ?? '')).toMatchObject({ choices: [{ logprobs: null }] });
    const stream = await shown(at, (await ask(at, { stream: true }, task)).id);
    expect(stream.calls[0]?.answer).toBe('Dear [EMAIL], hello');
    expect(JSON.stringify([plain, stream])).not.toContain(EMAIL);
  });

  it('are kept of a task although not of the rest', async () => {
    const at = await served('');
    const whole = await ask(at, {}, { 'x-smallfirst-task': 'whole' });
    const other = await ask(at, {});
    expect((await shown(at, whole.id)).request).toBe(whole.sent);
    expect((await shown(at, other.id)).request).toBeNull();
  });

  it('are kept of a share of the requests: request and answer of the same', async () => {
    const at = await served('capture: { mode: full, rate: 0.5 }');
    const ids = await Promise.all(Array.from({ length: 40 }, async () => (await ask(at, {})).id));
    const kept = await Promise.all(ids.map(async (id) => shown(at, id)));
    const withRequest = kept.map(({ request }) => request !== null);
    expect(kept.map(({ calls }) => calls[0]?.answer !== null)).toEqual(withRequest);
    const share = withRequest.filter(Boolean).length;
    // The chance of an honest half to leave this range is one in 10^7.
    expect(share).toBeGreaterThan(3);
    expect(share).toBeLessThan(37);
  });

  it('are kept of models of another protocol, and of every attempt of a ladder', async () => {
    const at = await served('capture: { mode: full }');
    const translated = await ask(at, { model: 'claude' });
    const one = await shown(at, translated.id);
    expect(one.request).toBe(translated.sent);
    const { choices } = JSON.parse(translated.got) as { choices: [{ message: { content: string } }] };
    expect(one.calls).toMatchObject([{ model: 'claude', answer: choices[0].message.content }]);
    const routed = await ask(at, { model: 'task/routed' });
    const two = await shown(at, routed.id);
    expect(two.calls.map(({ model }) => model).sort()).toEqual(['claude', 'gpt']);
    for (const call of two.calls) expect(call.answer).toEqual(expect.any(String));
    expect(new Set(two.calls.map(({ bodyHash }) => bodyHash)).size).toBe(1);
    expect(two.request).toBe(routed.sent);
  });

  it('are not kept where they are too long, and the answer comes all the same', async () => {
    const at = await served('capture: { mode: full }');
    const long = await ask(at, { messages: [{ role: 'user', content: 'x'.repeat(1_100_000) }] });
    expect(JSON.parse(long.got)).toHaveProperty('choices');
    const { request, calls } = await shown(at, long.id);
    expect([request, calls[0]?.bodyHash]).toEqual([null, null]);
    expect(calls[0]?.answer).toBe(long.got);
  });

  it('leave no trace of what an upstream says when it refuses', async () => {
    const at = await served('capture: { mode: full }');
    upstream.always({ kind: 'status', status: 400, body: JSON.stringify({ error: { message: 'no', type: 'invalid_request_error' } }) });
    const refused = await shown(at, (await ask(at, {})).id);
    expect(refused.calls).toMatchObject([{ answer: null }]);
  });
});

describe('feedback', () => {
  const KEYS = 'keys: [{ name: app, key: the-clients-key }]\nadmin: { token: an-admin-token-that-is-long }\n';
  const send = (at: ServedGateway, body: string, key: string) =>
    fetch(`${at.url}/v1/feedback`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body });

  it('joins the call that it is about, under the name of the key that sent it', async () => {
    const at = await served(KEYS);
    const { id } = await ask(at, {}, { authorization: 'Bearer the-clients-key' });
    const answer = await send(at, JSON.stringify({ requestId: id, label: 'wrong', score: 0.25, comment: 'not polite' }), 'the-clients-key');
    expect(answer.status).toBe(201);
    const { id: feedbackId } = (await answer.json()) as { id: string };
    const expected = { id: feedbackId, key: 'app', label: 'wrong', score: 0.25, comment: 'not polite' };
    await at.stop();
    const store = await openStoreToRead(at.dataDir);
    expect(await store.feedback.ofRequest(id)).toMatchObject([{ ...expected, requestId: id }]);
    expect(await store.feedback.list({}, { limit: 10 })).toMatchObject([{ feedback: expected, call: { requestId: id, model: 'gpt' } }]);
    await store.close();
  });

  it('is shown with its request', async () => {
    const at = await served('');
    const { id } = await ask(at, {});
    await send(at, JSON.stringify({ requestId: id, score: 1 }), 'anybody');
    await expect
      .poll(async () => (await shown(at, id)).feedback, { timeout: 20_000 })
      .toMatchObject([{ key: null, label: null, score: 1, comment: null }]);
  });

  it.each([
    ['{"label":"right"}', '"requestId" is missing'],
    ['{"requestId":"r"}', 'At least one of'],
    ['{"requestId":"r","score":"1"}', '"score" must be a number'],
    ['{"requestId":"r","label":""}', '"label" must be a text'],
    ['[]', 'not a JSON object'],
    ['{', 'not JSON'],
  ])('is refused where it says nothing: %s', async (body, words) => {
    const at = await served(KEYS);
    const refused = await send(at, body, 'the-clients-key');
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(words.replaceAll('"', '\\"'))]);
  });

  it('needs a key where requests do', async () => {
    const at = await served(KEYS);
    expect((await send(at, '{"requestId":"r","score":1}', 'another-key')).status).toBe(401);
  });
});

describe('retention', () => {
  it('removes texts and rows that are older than the config allows, and changes no bill by it', async () => {
    const first = await served('capture: { mode: full }');
    const { id, sent } = await ask(first, {});
    await first.stop();
    const data = await openDataDir(first.dataDir);
    const store = await openSqliteStore(data.database);
    const [row] = await store.calls.ofRequest(id);
    if (row === undefined) throw new Error('no row');
    const longAgo = Date.now() - 3 * 3_600_000;
    await store.calls.append([{ ...row, id: 'old', requestId: 'old', at: longAgo }]);
    await store.bodies.put([{ hash: 'of-old', at: longAgo, body: 'an old text' }]);
    await store.close();
    await data.release();
    const second = await serveHere({
      config: `passthrough: { openai: { url: "${upstream.origin}/v1" } }\nretention: { bodies: 2h, calls: 2h }\n`,
      dataDir: first.dataDir,
    });
    const later = await ask(second, {});
    await expect.poll(async () => (await fetch(`${second.url}/admin/requests/old`)).status, { timeout: 20_000 }).toBe(404);
    expect(await shown(second, later.id)).toMatchObject({ request: null });
    expect((await shown(second, id)).request).toBe(sent);
    await second.stop();
    const after = await openStoreToRead(first.dataDir);
    expect(await after.bodies.get('of-old')).toBeNull();
    const hour = (at: number) => Math.floor(at / 3_600_000) * 3_600_000;
    const bill = await after.calls.bill({ from: hour(longAgo), to: hour(Date.now()) + 3_600_000 }, []);
    expect(bill).toMatchObject([{ calls: 3 }]);
    await after.close();
  });
});
