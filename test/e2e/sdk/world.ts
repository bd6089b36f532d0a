import { expect } from 'vitest';
import { asData, directly, type Endpoint, relayConfig, throughGateway, UPSTREAM_KEY } from '../../support/both-ways.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere } from '../../support/serve.ts';

/** What the fake provider's models answer to `Hallo, wie geht es?`. */
export const ANSWER = 'Grüße 🙂 – heard: Hallo, wie geht es?';
/** The smallest PNG, in base64. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
/** The events of a streamed message of one text, each kind where it first comes in a row. */
export const MESSAGE_EVENTS = [
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
];

/** The kinds of events in their order, those that follow one of their own kind left out. */
export function kindsInOrder(events: readonly { readonly type: string }[]): readonly string[] {
  return events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
}

/** A fake provider, a gateway before it, and both ways to the provider. */
export interface SdkWorld {
  readonly upstream: FakeUpstream;
  readonly gateway: ServedGateway;
  readonly direct: Endpoint;
  readonly through: Endpoint;
  close(): Promise<void>;
}

/** Starts both. */
export async function openSdkWorld(): Promise<SdkWorld> {
  const upstream = await startFakeUpstream({ key: UPSTREAM_KEY });
  const gateway = await serveHere({ config: relayConfig(upstream), env: { UPSTREAM_KEY } });
  return {
    upstream,
    gateway,
    direct: directly(upstream),
    through: throughGateway(gateway.url),
    close: async () => {
      await gateway.remove();
      await upstream.close();
    },
  };
}

/**
 * The contract: what a client sees through the gateway is what it sees without one. Returns it, as data, for what must be said of it
 * beyond that.
 */
export async function sameBothWays(world: SdkWorld, observe: (endpoint: Endpoint) => Promise<unknown>): Promise<unknown> {
  const direct = asData(await observe(world.direct));
  const through = asData(await observe(world.through));
  expect(through).toEqual(direct);
  return through;
}

/** A call that is under way until it is aborted must end at the provider, too. */
export async function abortReachesUpstream(
  world: SdkWorld,
  start: (endpoint: Endpoint, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  const before = world.upstream.seen.length;
  const call = start(world.through, stop.signal).then(
    () => 'answered',
    () => 'rejected',
  );
  const request = await world.upstream.request(before);
  stop.abort();
  expect([await request.over, await call]).toEqual(['gone', 'rejected']);
}
