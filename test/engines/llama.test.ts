import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allOf } from '../support/both-ways.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';
import { ENGINE_MODULES, isLlamaInstalled } from './installed.ts';
import { type LlamaServer, startLlamaServer } from './llama-server.ts';
import { TINY_WORDS, tinyGguf, tinyLora } from './tiny-gguf.ts';

// Skipped where the engine is not installed: npm install --prefix test/engines --omit=optional --ignore-scripts
describe.skipIf(!isLlamaInstalled)('a real engine behind the gateway', () => {
  let folder: string;
  let engine: LlamaServer;
  let gateway: ServedGateway;
  let client: OpenAI;
  let direct: OpenAI;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smallfirst-gguf-'));
    const file = join(folder, 'tiny.gguf');
    await writeFile(file, tinyGguf(7));
    const adapter = join(folder, 'tuned.gguf');
    await writeFile(join(folder, 'other.gguf'), tinyLora(5, 4));
    await writeFile(adapter, tinyLora(3, 4));
    engine = await startLlamaServer(file, [join(folder, 'other.gguf'), adapter]);
    gateway = await serveHere({
      modules: ENGINE_MODULES,
      config: [
        'models:',
        `  tiny: { provider: llamacpp, model: tiny-gguf, url: "${engine.url}", price: { free: true } }`,
        `  tuned: { provider: llamacpp, model: tiny-gguf, url: "${engine.url}", price: { free: true }, lora: [{ path: tuned.gguf, scale: 0.5 }] }`,
        `  here: { provider: llama-cpp, path: "${file}", threads: 1, gpuLayers: 0, contextWindow: 512, lora: [{ path: "${adapter}", scale: 0.5 }] }`,
        '',
      ].join('\n'),
    });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
    direct = new OpenAI({ baseURL: engine.url, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway?.remove();
    await engine?.close();
    await rm(folder, { recursive: true });
  });

  const asked = { messages: [{ role: 'user' as const, content: 'refund or shipping?' }], max_tokens: 8, logprobs: true, top_logprobs: 5 };

  it('passes the log-probabilities of the engine through, plain and streamed', async () => {
    const plain = await client.chat.completions.create({ model: 'tiny', ...asked });
    expect(plain).toEqual(await direct.chat.completions.create({ model: 'tiny', ...asked }));
    const tokens = plain.choices[0]?.logprobs?.content ?? [];
    expect(tokens.map(({ token }) => token.trim()).every((word) => (TINY_WORDS as readonly string[]).includes(word))).toBe(true);
    expect(tokens.map(({ token }) => token).join('')).toBe(plain.choices[0]?.message.content);
    for (const { token, logprob, top_logprobs: top } of tokens) {
      expect(logprob).toBeLessThan(0);
      // The most probable token was taken, and no distribution holds more than everything.
      expect(top[0]).toMatchObject({ token, logprob });
      expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
    }
    const chunks = await allOf(await client.chat.completions.create({ model: 'tiny', ...asked, stream: true }));
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? [])).toEqual(tokens);
  });

  it('asks for its adapter with each request, and says what the same model with the same adapter says in this process', async () => {
    const numbersOf = async (model: string) => {
      const answer = await client.chat.completions.create({ model, ...asked });
      return (answer.choices[0]?.logprobs?.content ?? []).map(({ token, logprob }) => [token.trim(), logprob.toFixed(3)]);
    };
    const [plain, tuned, here] = [await numbersOf('tiny'), await numbersOf('tuned'), await numbersOf('here')];
    expect(tuned).toEqual(here);
    expect(tuned).not.toEqual(plain);
  });

  it('records what the engine counted', async () => {
    await gateway.stop();
    const calls = await recordedCalls(gateway.dataDir);
    const row = (model: string, provider: string) => ({ model, provider, stop: 'length', output: 8, cost: 0 });
    const rows = calls.map(({ model, provider, stop, usage, cost }) => ({ model, provider, stop, output: usage.output, cost }));
    expect(rows.sort((a, b) => (a.model < b.model ? -1 : 1))).toEqual([
      row('here', 'llama-cpp'),
      row('tiny', 'llamacpp'),
      row('tiny', 'llamacpp'),
      row('tiny', 'llamacpp'),
      row('tuned', 'llamacpp'),
    ]);
  });
});
