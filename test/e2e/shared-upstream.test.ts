import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: FakeUpstream;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

/** What an endpoint that names no model answers, where two models have these keys. */
async function statusOf(first: string, second: string): Promise<number> {
  const url = `${upstream.origin}/v1`;
  gateway = await serveHere({
    config: `models:
  one: { provider: openai, model: x, url: ${url}, apiKey: ${first} }
  two: { provider: openai, model: y, url: ${url}, apiKey: ${second} }
`,
  });
  return (await fetch(`${gateway.url}/v1/files`)).status;
}

describe('endpoints without a passthrough', () => {
  it('go to the one upstream that all models share', async () => {
    expect(await statusOf('[sk-a, { key: sk-b, weight: 2 }]', '[sk-a, { key: sk-b, weight: 2 }]')).toBe(200);
  });

  it.each([
    ['sk-a', 'sk-b'],
    ['[sk-a, sk-b]', '[sk-a, sk-c]'],
    ['[sk-a, sk-b]', 'sk-a'],
    ['[sk-a, { key: sk-b, weight: 2 }]', '[sk-a, sk-b]'],
  ])('go nowhere where models have keys that differ anywhere: %s and %s', async (first, second) => {
    expect(await statusOf(first, second)).toBe(404);
  });
});
