import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { answer, asked, attempts, ok, quota, type Step, send, serve, silent, upstreams } from '../../../test/support/upstream-world.ts';
import type { UpstreamSettings } from './types.ts';

describe('alternatives', () => {
  it('uses the next provider before the first byte, with its own model, key and URL', async () => {
    const [first, second] = [await serve(answer(500, '{}')), await serve(ok)];
    const all = upstreams([
      { name: 'a', url: first.url, fallbacks: ['b'] },
      { name: 'b', url: second.url },
    ]);
    const told = await send(all, 'a');
    expect([told.head?.status, told.head?.target.name, told.head?.attempts]).toEqual([200, 'b', 2]);
    expect(second.requests.map(({ headers, body }) => [headers.authorization, body])).toEqual([['Bearer key-b', '{"model":"wire-b"}']]);
  });

  it('turns to another provider when a quota is spent, but not for a bad request', async () => {
    const [first, second] = [await serve(answer(429, quota), answer(400, 'bad')), await serve(ok)];
    const all = upstreams([
      { name: 'a', url: first.url, fallbacks: ['b'] },
      { name: 'b', url: second.url },
    ]);
    expect([(await send(all, 'a')).head?.target.name, second.requests.length]).toEqual(['b', 1]);
    const alone = upstreams([
      { name: 'a', url: first.url, fallbacks: ['b'] },
      { name: 'b', url: second.url },
    ]);
    expect([(await send(alone, 'a')).head?.status, second.requests.length]).toEqual([400, 1]);
  });

  it('skips a provider that cannot take the request', async () => {
    const [first, second] = [await serve(answer(500, 'mine')), await serve(ok)];
    const all = upstreams([
      { name: 'a', url: first.url, fallbacks: ['b'], retries: 0 },
      { name: 'b', url: second.url },
    ]);
    const told = await send(all, 'a', { write: (target) => (target.name === 'b' ? null : asked.write(target)) });
    expect([told.head?.status, told.body, second.requests.length]).toEqual([500, 'mine', 0]);
  });

  it('tells what goes wrong in writing a request instead of throwing it', async () => {
    const server = await serve(ok);
    const all = upstreams([{ name: 'a', url: server.url }]);
    const broken = (): never => {
      throw new RangeError('edits overlap');
    };
    const told = await send(all, 'a', { write: broken });
    expect([told.error?.code, told.error?.cause, server.requests.length]).toEqual(['INTERNAL', new RangeError('edits overlap'), 0]);
    const unheard = await send(all, 'a', { write: () => null });
    expect(unheard.error?.message).toBe('No target of this model takes requests of this protocol.');
    const malformed = await send(all, 'a', { write: () => ({ path: '/v1/x', headers: ['x-stainless-os', 'a\nb'], body: null }) });
    expect([malformed.error?.code, server.requests.length]).toEqual(['UPSTREAM_FAILED', 0]);
  });

  it('goes straight to the fallback while the breaker is open, and tries the last one in any case', async () => {
    const [first, second] = [await serve(answer(500, '{}')), await serve(ok)];
    const breaker = { failures: 2, cooldownMs: 60_000, maxCooldownMs: 60_000 };
    const all = upstreams(
      [
        { name: 'a', url: first.url, fallbacks: ['b'] },
        { name: 'b', url: second.url },
        { name: 'alone', url: first.url, retries: 0 },
      ],
      { breaker },
    );
    for (let i = 0; i < 5; i += 1) await send(all, 'a');
    expect([first.requests.length, second.requests.length, all.get('a').available()]).toEqual([2, 5, true]);
    for (let i = 0; i < 5; i += 1) expect((await send(all, 'alone')).head?.status).toBe(500);
    expect([first.requests.length, all.get('alone').available()]).toEqual([7, false]);
  });

  it('turns to another key at once when one is limited, and lets that one rest', async () => {
    const limited: Step = (request, response, body) =>
      (request.headers.authorization === 'Bearer one' ? answer(429, '{}', { 'retry-after': '30' }) : ok)(request, response, body);
    const server = await serve(limited);
    const keys = [
      { key: 'one', weight: 1 },
      { key: 'two', weight: 1 },
    ];
    const all = upstreams([{ name: 'm', url: server.url, keys }]);
    for (let i = 0; i < 4; i += 1) expect((await send(all, 'm')).head?.status).toBe(200);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer one',
      'Bearer two',
      'Bearer two',
      'Bearer two',
      'Bearer two',
    ]);
  });

  it('shows the last key’s own answer when every key is limited', async () => {
    const server = await serve((request, response, body) =>
      answer(429, `${request.headers.authorization}`, { 'retry-after': '30' })(request, response, body),
    );
    const keys = [
      { key: 'one', weight: 1 },
      { key: 'two', weight: 1 },
    ];
    const all = upstreams([{ name: 'm', url: server.url, keys }]);
    expect([(await send(all, 'm')).body, server.requests.length]).toEqual(['Bearer two', 2]);
    const again = await send(all, 'm');
    expect([again.head?.status, server.requests.length]).toEqual([429, 3]);
  });
});

describe('slots', () => {
  it('keeps to the limit, serves who waits in order, and turns the rest away with a time', async () => {
    const waiting: ServerResponse[] = [];
    const server = await serve((_, response) => {
      waiting.push(response);
    });
    const all = upstreams([{ name: 'm', url: server.url, concurrency: 2, queue: 1 }]);
    const sent = [send(all, 'm'), send(all, 'm'), send(all, 'm')];
    const refused = await send(all, 'm');
    expect([refused.error?.code, refused.error?.retryAfterMs]).toEqual(['UPSTREAM_BUSY', 1000]);
    await server.until(() => waiting.length === 2);
    expect(server.requests.length).toBe(2);
    waiting[0]?.end();
    await server.until(() => waiting.length === 3);
    for (const response of waiting) response.end();
    expect((await Promise.all(sent)).map(({ head }) => head?.status)).toEqual([200, 200, 200]);
  });

  it('sends to the fallback what finds no place in line, and gives up a place that is no longer wanted', async () => {
    const waiting: ServerResponse[] = [];
    const [first, second] = [
      await serve((_, response) => {
        waiting.push(response);
      }),
      await serve(ok),
    ];
    const all = upstreams([
      { name: 'a', url: first.url, concurrency: 1, queue: 1, fallbacks: ['b'] },
      { name: 'b', url: second.url },
    ]);
    const running = send(all, 'a');
    const controller = new AbortController();
    const inLine = send(all, 'a', { signal: controller.signal });
    expect((await send(all, 'a')).head?.target.name).toBe('b');
    controller.abort();
    expect((await inLine).error?.code).toBe('ABORTED');
    await first.until(() => waiting.length === 1);
    const next = send(all, 'a');
    waiting[0]?.end();
    await first.until(() => waiting.length === 2);
    waiting[1]?.end();
    expect([(await running).head?.status, (await next).head?.target.name]).toEqual([200, 'a']);
  });
});

describe('hedging', () => {
  it('asks a second time when the first byte is slow; the first answer wins and the other is called off', async () => {
    const server = await serve(silent, ok);
    const told = await send(upstreams([{ name: 'm', url: server.url, hedgeMs: 20 }]), 'm');
    expect([told.head?.status, told.head?.attempts]).toEqual([200, 2]);
    await server.until(() => server.closed.length === 1);
    expect(attempts.map(({ outcome }) => outcome).sort()).toEqual(['abandoned', 'answered']);
  });

  it('waits for the other one when one of them fails', async () => {
    const server = await serve((_, response) => void setTimeout(() => response.end('slow'), 120), answer(500, '{}'));
    const told = await send(upstreams([{ name: 'm', url: server.url, hedgeMs: 20, retries: 0 }]), 'm');
    expect([told.head?.status, told.body, server.requests.length]).toEqual([200, 'slow', 2]);
  });
});

describe('the upstreams of a config', () => {
  it.each<[string, Partial<UpstreamSettings>]>([
    ['link-local', { url: 'http://169.254.169.254/v1' }],
    ['no URL', { provider: 'azure' }],
    ['not over HTTP', { provider: 'replay' }],
    ['a fallback that is not there', { fallbacks: ['nobody'] }],
    ['a scheme', { url: 'file:///x' }],
  ])('refuse what cannot be called: %s', (_, settings) => {
    expect(() => upstreams([{ name: 'm', ...settings }])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('refuse private addresses where those are forbidden, and know only what was added', () => {
    expect(() => upstreams([{ name: 'm', url: 'http://127.0.0.1:1/v1' }], { allowPrivate: false })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    const all = upstreams([{ name: 'm' }]);
    expect([all.has('m'), all.has('x'), all.get('m').target.model]).toEqual([true, false, 'wire-m']);
    expect(() => all.get('x')).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });
});
