import type { FakeUpstream, SeenRequest } from './fake-upstream/index.ts';

/** Where an SDK is pointed: at a provider itself, or at a gateway before it. */
export interface Endpoint {
  /** Base URL as OpenAI's SDK takes it. */
  readonly openai: string;
  /** Base URL as Anthropic's SDK takes it. */
  readonly anthropic: string;
  readonly key: string;
  /** The name of a model that the provider serves over OpenAI's protocols. */
  readonly gpt: string;
  /** The name of a model that the provider serves over Anthropic's protocol. */
  readonly claude: string;
}

/** The key that the fake provider wants and only the gateway holds. */
export const UPSTREAM_KEY = 'sk-upstream-b9f1c2e77a40';
/** What clients of a gateway without declared keys send. */
export const CLIENT_KEY = 'sk-client-31d0aa52c6ef';

/** The provider without any gateway. */
export function directly(upstream: FakeUpstream): Endpoint {
  return { openai: `${upstream.origin}/v1`, anthropic: upstream.origin, key: UPSTREAM_KEY, gpt: 'gpt-fake', claude: 'claude-fake' };
}

/** The same provider behind a gateway whose config is `relayConfig`. */
export function throughGateway(url: string): Endpoint {
  return { openai: `${url}/v1`, anthropic: url, key: CLIENT_KEY, gpt: 'gpt', claude: 'claude' };
}

/** A config that serves the fake provider's two models under names of its own. */
export function relayConfig(upstream: FakeUpstream): string {
  return [
    'models:',
    `  gpt: { provider: openai, model: gpt-fake, url: "${upstream.origin}/v1", apiKey: "\${UPSTREAM_KEY}", retries: 0 }`,
    `  claude: { provider: anthropic, model: claude-fake, url: "${upstream.origin}", apiKey: "\${UPSTREAM_KEY}", retries: 0 }`,
    '',
  ].join('\n');
}

/** What a thing looks like as data: errors as their public members, everything else by JSON. */
export function asData(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** The error that a promise rejects with. Fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error as Error & Record<string, unknown>;
    throw new TypeError(`rejected with ${String(error)}`);
  }
  throw new Error('it was expected to fail');
}

/** All items of a stream. */
export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The bodies that arrived at the provider since it was reset, parsed. */
export function bodiesOf(seen: readonly SeenRequest[]): unknown[] {
  return seen.map((request) => request.json);
}
