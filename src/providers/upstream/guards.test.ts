import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { describe, expect, it } from 'vitest';
import { guardedConnector, type ResolveAll } from './guarded-connector.ts';
import { answerHeaders, credentialHeader, requestHeaders } from './headers.ts';
import { checkHost, kindOfAddress } from './url-guard.ts';

describe('the guard of upstream addresses', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['127.0.0.1', 'private'],
    ['::1', 'private'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.0.1', 'private'],
    ['fd12::1', 'private'],
    ['0.0.0.0', 'private'],
    ['::ffff:127.0.0.1', 'private'],
    ['169.254.169.254', 'forbidden'],
    ['169.254.0.1', 'forbidden'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['::ffff:a9fe:a9fe', 'forbidden'],
    ['64:ff9b::a9fe:a9fe', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['febf::1', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['100.64.0.1', 'private'],
    ['224.0.0.1', 'forbidden'],
    ['ff02::1', 'forbidden'],
    ['nonsense', 'forbidden'],
  ])('says that %s is %s', (ip, kind) => {
    expect(kindOfAddress(ip)).toBe(kind);
  });

  // URL parsing turns every spelling of an IPv4 address into one.
  it.each([
    'http://169.254.169.254',
    'http://0xa9fea9fe',
    'http://2852039166',
    'http://0251.0376.0251.0376',
    'http://[::ffff:169.254.169.254]',
    'http://metadata.google.internal',
  ])('refuses %s whatever is allowed', (url) => {
    expect(() => checkHost(url, true)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each(['http://127.0.0.1:8000', 'http://localhost:1', 'http://x.localhost', 'http://[::1]', 'http://192.168.1.1'])(
    'allows %s unless private addresses are forbidden',
    (url) => {
      expect(() => checkHost(url, true)).not.toThrow();
      expect(() => checkHost(url, false)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    },
  );

  it('judges a name by what it resolves to at the moment of connecting', async () => {
    const server = createServer((_, res) => res.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    let answers: readonly string[] = ['127.0.0.1'];
    const resolve: ResolveAll = (_, done) =>
      done(
        null,
        answers.map((address) => ({ address, family: 4 })),
      );
    const get = async (allowPrivate: boolean): Promise<string> => {
      const pool = new Pool(`http://rebinding.example:${port}`, {
        connect: guardedConnector({ allowPrivate, connectTimeoutMs: 1000, resolve }),
      });
      try {
        return await (await pool.request({ path: '/', method: 'GET' })).body.text();
      } catch (error) {
        return (error as { code?: string }).code ?? 'no code';
      } finally {
        await pool.close();
      }
    };
    expect(await get(true)).toBe('hello');
    expect(await get(false)).toBe('SMALLFIRST_FORBIDDEN_ADDRESS');
    answers = ['127.0.0.1', '169.254.169.254'];
    expect(await get(true)).toBe('SMALLFIRST_FORBIDDEN_ADDRESS');
    server.close();
  });
});

describe('headers on their way', () => {
  const client = [
    ...['Host', 'gateway', 'Content-Type', 'application/json', 'Authorization', 'Bearer client', 'X-Api-Key', 'client', 'Cookie', 'a=b'],
    ...[
      'Anthropic-Version',
      '2026-10-21',
      'anthropic-beta',
      'a,b',
      'OpenAI-Beta',
      'x',
      'OpenAI-Organization',
      'org',
      'X-Stainless-Lang',
      'js',
    ],
    ...[
      'Accept-Encoding',
      'gzip, br',
      'Connection',
      'keep-alive',
      'X-Forwarded-For',
      '1.2.3.4',
      'x-smallfirst-task',
      't',
      'Content-Length',
      '5',
    ],
  ];
  const kept = ['Content-Type', 'application/json', 'Anthropic-Version', '2026-10-21', 'anthropic-beta', 'a,b', 'OpenAI-Beta', 'x'];

  it("take our credential and never the client's", () => {
    expect(requestHeaders(client, credentialHeader('x-api-key', 'ours'))).toEqual([
      'accept-encoding',
      'identity',
      'x-api-key',
      'ours',
      ...kept,
      'X-Stainless-Lang',
      'js',
    ]);
    expect(requestHeaders(client, credentialHeader('bearer', 'ours')).slice(2, 4)).toEqual(['authorization', 'Bearer ours']);
    expect(requestHeaders(client, []).join()).not.toMatch(/client/);
  });

  it("forward the client's credential, with what belongs to it, where there is none of ours", () => {
    expect(requestHeaders(client, null)).toEqual([
      ...['accept-encoding', 'identity', 'Content-Type', 'application/json', 'Authorization', 'Bearer client', 'X-Api-Key', 'client'],
      ...[...kept.slice(2), 'OpenAI-Organization', 'org', 'X-Stainless-Lang', 'js'],
    ]);
  });

  it('lose on the way back what is for one hop only, and cookies', () => {
    const raw = [
      ...[
        'content-type',
        'application/json',
        'set-cookie',
        'a=b',
        'keep-alive',
        'timeout=5',
        'connection',
        'keep-alive, X-Hop',
        'x-hop',
        '1',
      ],
      ...[
        'transfer-encoding',
        'chunked',
        'x-request-id',
        'r1',
        'x-ratelimit-remaining-tokens',
        '5',
        'retry-after',
        '2',
        'x-should-retry',
        'false',
      ],
      ...['access-control-allow-origin', '*', 'location', 'http://evil', 'openai-processing-ms', '7'],
    ];
    expect(answerHeaders(raw)).toEqual({
      forward: [
        ...['content-type', 'application/json', 'x-request-id', 'r1', 'x-ratelimit-remaining-tokens', '5', 'retry-after', '2'],
        ...['x-should-retry', 'false', 'openai-processing-ms', '7'],
      ],
      contentType: 'application/json',
      contentEncoding: null,
      retryAfter: '2',
      retryAfterMs: null,
      shouldRetry: 'false',
    });
  });
});
