import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LlamaCppServer, OllamaServer, VllmServer } from '../../../../test/support/lora-servers.ts';
import { type Answer, collect, systemClock, textMessage } from '../../../core/index.ts';
import { createHttpClient } from '../http-client.ts';
import { type UpstreamSettings, Upstreams } from '../index.ts';

const CHAT = 'POST /v1/chat/completions';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening<Made extends VllmServer | LlamaCppServer | OllamaServer>(server: Made): Promise<Made> {
  await server.listen();
  closing.push(() => server.close());
  return server;
}

/** Asks a model of these settings. */
function asking(
  settings: Partial<UpstreamSettings> & Pick<UpstreamSettings, 'provider' | 'url' | 'lora'>,
  now?: () => number,
): () => Promise<Answer> {
  const clock = now === undefined ? systemClock : { ...systemClock, now: () => systemClock.now(), monotonic: now };
  const upstreams = new Upstreams({ allowPrivate: true }, { clock, random: () => 0, environment: {} });
  upstreams.add([{ name: 'm', model: 'base', keys: [], retries: 0, ...settings }]);
  closing.push(() => upstreams.destroy());
  const client = createHttpClient(upstreams.get('m'), { stream: false });
  const context = { itemId: null, input: null, signal: null, deadlineAt: null };
  return () => collect(client.call({ messages: [textMessage('user', 'hello')] }, context));
}

describe('an adapter of vLLM', () => {
  const adapter = { path: '/adapters/intent', scale: 1, name: 'intent-v3' };

  it('is loaded before the first request and asked by its name; requests at the same time wait for one loading', async () => {
    const server = await listening(new VllmServer('base', ['/adapters/intent']));
    const ask = asking({ provider: 'vllm', url: server.url, lora: [adapter] });
    const answers = await Promise.all([ask(), ask()]);
    expect(answers.map(({ text }) => text)).toEqual(['said by intent-v3', 'said by intent-v3']);
    expect((await ask()).text).toBe('said by intent-v3');
    expect(server.seen).toEqual(['GET /v1/models', 'POST /v1/load_lora_adapter', CHAT, CHAT, CHAT]);
  });

  it('is loaded again after the server was restarted, without the client noticing', async () => {
    const server = await listening(new VllmServer('base', ['/adapters/intent']));
    const ask = asking({ provider: 'vllm', url: server.url, lora: [adapter] });
    await ask();
    server.restart();
    server.seen.length = 0;
    expect((await ask()).text).toBe('said by intent-v3');
    expect(server.seen).toEqual([CHAT, 'GET /v1/models', 'POST /v1/load_lora_adapter', CHAT]);
  });

  it('is left alone where it is there, and replaced where another file has its name', async () => {
    const server = await listening(new VllmServer('base', ['/adapters/intent', '/adapters/old']));
    server.adapters.set('intent-v3', '/adapters/intent');
    await asking({ provider: 'vllm', url: server.url, lora: [adapter] })();
    expect(server.seen).toEqual(['GET /v1/models', CHAT]);
    server.adapters.set('intent-v3', '/adapters/old');
    await asking({ provider: 'vllm', url: server.url, lora: [adapter] })();
    expect([...server.adapters]).toEqual([['intent-v3', '/adapters/intent']]);
  });

  it('says what to do where vLLM loads none, and where it cannot read the path; a refusal is not asked for again at once', async () => {
    const server = await listening(new VllmServer('base', []));
    const ask = asking({ provider: 'vllm', url: server.url, lora: [adapter] });
    const refused = {
      code: 'UPSTREAM_REJECTED',
      message:
        'The LoRA adapter intent-v3 of m is not in place: vLLM answered 404; the path must be one that vLLM itself can read, and the adapter one of base.',
    };
    await expect(ask()).rejects.toMatchObject(refused);
    await expect(ask()).rejects.toMatchObject(refused);
    expect(server.seen).toEqual(['GET /v1/models', 'POST /v1/load_lora_adapter']);
    server.mayLoad = false;
    await expect(asking({ provider: 'vllm', url: server.url, lora: [adapter] })()).rejects.toMatchObject({
      message:
        'The LoRA adapter intent-v3 of m is not in place: vLLM loads none while it runs; start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or with --lora-modules.',
    });
  });

  it('passes on that a model does not exist when loading did not help', async () => {
    const server = await listening(new VllmServer('base', ['/adapters/intent']));
    const ask = asking({ provider: 'vllm', url: server.url, lora: [adapter] });
    await ask();
    server.restart();
    server.mayLoad = false;
    await expect(ask()).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED' });
  });
});

describe('adapters of llama.cpp’s server', () => {
  it('are asked for with each request by their numbers, which are looked up again after a while', async () => {
    const server = await listening(new LlamaCppServer(['/srv/other.gguf', '/srv/intent.gguf']));
    let now = 0;
    const lora = [{ path: 'intent.gguf', scale: 0.5, name: 'intent' }];
    const ask = asking({ provider: 'llamacpp', url: server.url, lora }, () => now);
    expect((await ask()).text).toBe('said by base');
    await ask();
    server.adapters = ['/srv/intent.gguf'];
    now = 10_001;
    await ask();
    expect(server.chats.map(({ lora: asked }) => asked)).toEqual([
      [{ id: 1, scale: 0.5 }],
      [{ id: 1, scale: 0.5 }],
      [{ id: 0, scale: 0.5 }],
    ]);
    expect(server.seen.filter((route) => route !== CHAT)).toEqual(['GET /lora-adapters', 'GET /lora-adapters']);
  });

  it('must be there when it starts, and the error says with which flags', async () => {
    const server = await listening(new LlamaCppServer([]));
    const lora = [{ path: '/models/intent.gguf', scale: 1, name: 'intent' }];
    await expect(asking({ provider: 'llamacpp', url: server.url, lora })()).rejects.toMatchObject({
      message: 'The LoRA adapter intent of m is not in place: start llama-server with --lora-init-without-apply and --lora intent.gguf.',
    });
    expect(server.chats).toEqual([]);
  });
});

describe('an adapter of Ollama', () => {
  it('is sent there, made into a model and asked by its name; what is made already stays', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'smallfirst-lora-'));
    closing.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'intent.gguf');
    await writeFile(path, 'GGUF of an adapter');
    const digest = createHash('sha256').update('GGUF of an adapter').digest('hex');
    const server = await listening(new OllamaServer('base'));
    const settings = { provider: 'ollama', url: server.url, lora: [{ path, scale: 1, name: 'intent:v3' }] };
    expect((await asking(settings)()).text).toBe('said by intent:v3');
    expect(server.seen).toEqual([
      'POST /api/show',
      `HEAD /api/blobs/sha256:${digest}`,
      `POST /api/blobs/sha256:${digest}`,
      'POST /api/create',
      CHAT,
    ]);
    expect(server.models.get('intent:v3')).toBe(`FROM base\nADAPTER /root/.ollama/models/blobs/sha256-${digest}\n`);
    server.seen.length = 0;
    const ask = asking(settings);
    await ask();
    expect(server.seen).toEqual(['POST /api/show', CHAT]);
    // Somebody removed it: it is made again, from the file that is still there.
    server.models.delete('intent:v3');
    expect((await ask()).text).toBe('said by intent:v3');
  });

  it('says which file it cannot read, and that the base is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'smallfirst-lora-'));
    closing.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'intent.gguf');
    const server = await listening(new OllamaServer('another'));
    const settings = { provider: 'ollama', url: server.url, lora: [{ path, scale: 1, name: 'intent' }] };
    await expect(asking(settings)()).rejects.toMatchObject({
      message: 'The LoRA adapter intent of m is not in place: the file intent.gguf cannot be read.',
    });
    await writeFile(path, 'GGUF');
    await expect(asking(settings)()).rejects.toMatchObject({
      message:
        'The LoRA adapter intent of m is not in place: Ollama answered 400 when it was to make it; base must be there, and the adapter one of it.',
    });
  });
});
