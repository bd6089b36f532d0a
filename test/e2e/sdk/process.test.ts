import Anthropic from '@anthropic-ai/sdk';
import { expect, it } from 'vitest';
import { allOf, directly, type Endpoint, relayConfig, throughGateway, UPSTREAM_KEY } from '../../support/both-ways.ts';
import { startFakeUpstream } from '../../support/fake-upstream/index.ts';
import { OpenAiClient } from '../../support/openai-sdk.ts';
import { runCommand, serveProcess } from '../../support/serve.ts';

it('serves both SDKs as a process of its own, and bills what it answered', { timeout: 60_000 }, async () => {
  const upstream = await startFakeUpstream({ key: UPSTREAM_KEY });
  const gateway = await serveProcess({ config: relayConfig(upstream), env: { UPSTREAM_KEY } });
  const messages = [{ role: 'user' as const, content: 'Hallo, wie geht es?' }];
  const observe = async (e: Endpoint) => {
    const openai = new OpenAiClient({ baseURL: e.openai, apiKey: e.key, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: e.anthropic, apiKey: e.key, maxRetries: 0 });
    return [
      await openai.chat.completions.create({ model: e.gpt, messages }),
      await allOf(await openai.chat.completions.create({ model: e.gpt, messages, stream: true })),
      await allOf(await openai.responses.create({ model: e.gpt, input: 'Hallo', stream: true })),
      (await anthropic.messages.create({ model: e.claude, max_tokens: 99, messages })).content,
      (await anthropic.messages.stream({ model: e.claude, max_tokens: 99, messages }).finalMessage()).content,
    ];
  };
  expect(await observe(throughGateway(gateway.url))).toEqual(await observe(directly(upstream)));
  expect(gateway.output()).toContain(`smallfirst listening on ${gateway.url}\n`);
  expect(await gateway.stop()).toBe(0);
  expect(JSON.parse(await runCommand(['bill', '--data', gateway.dataDir, '--json']))).toMatchObject({ calls: 5 });
  await gateway.remove();
  await upstream.close();
});
