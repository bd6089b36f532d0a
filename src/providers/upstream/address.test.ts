import { describe, expect, it } from 'vitest';
import { type UrlLayout, vendorOf, vendors } from '../vendors.ts';
import { isSafePath, readAddress, targetOf } from './address.ts';

const whole = (url: string, layout: UrlLayout, path: string, query = ''): string => {
  const address = readAddress(url, layout);
  return address.origin + targetOf(address, path, query, 'gpt 5');
};

describe('an upstream address', () => {
  it.each<[string, UrlLayout, string, string]>([
    ['http://h:1/v1', 'v1', '/v1/chat/completions', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/', 'v1', '/chat/completions', 'http://h:1/v1/chat/completions'],
    ['http://h:1', 'v1', '/v1/chat/completions', 'http://h:1/v1/chat/completions'],
    ['https://api.groq.com/openai/v1', 'v1', '/v1/responses', 'https://api.groq.com/openai/v1/responses'],
    ['https://openrouter.ai/api/v1', 'v1', '/v1/messages', 'https://openrouter.ai/api/v1/messages'],
    ['https://api.deepinfra.com/v1/openai', 'exact', '/v1/embeddings', 'https://api.deepinfra.com/v1/openai/embeddings'],
    ['http://h:1', 'before-v1', '/v1/messages', 'http://h:1/v1/messages'],
    ['http://h:1/v1', 'before-v1', '/v1/messages', 'http://h:1/v1/messages'],
    ['http://h:1/anthropic/v1/', 'before-v1', '/messages', 'http://h:1/anthropic/v1/messages'],
    ['https://r.openai.azure.com', 'azure', '/chat/completions', 'https://r.openai.azure.com/openai/v1/chat/completions'],
    ['https://r.openai.azure.com/openai/v1/', 'azure', '/responses', 'https://r.openai.azure.com/openai/v1/responses'],
    [
      'https://r.openai.azure.com?api-version=2024-10-21',
      'azure',
      '/v1/chat/completions',
      'https://r.openai.azure.com/openai/deployments/gpt%205/chat/completions?api-version=2024-10-21',
    ],
    ['https://r.openai.azure.com/?api-version=1', 'azure', '/v1/files', 'https://r.openai.azure.com/openai/files?api-version=1'],
    [
      'https://r.openai.azure.com/openai/deployments/mine?api-version=1',
      'azure',
      '/chat/completions',
      'https://r.openai.azure.com/openai/deployments/mine/chat/completions?api-version=1',
    ],
  ])('%s (%s) with %s is %s', (url, layout, path, expected) => {
    expect(whole(url, layout, path)).toBe(expected);
  });

  it("keeps the client's query, after the configured one", () => {
    expect(whole('http://h:1', 'before-v1', '/v1/messages', 'beta=true')).toBe('http://h:1/v1/messages?beta=true');
    expect(whole('http://h:1/v1?k=1', 'v1', '/v1/models', 'a=%20b')).toBe('http://h:1/v1/models?k=1&a=%20b');
  });

  it.each(['file:///etc/passwd', 'ftp://h/', 'nonsense', 'http://user:secret@h/', 'http://h/#x'])(
    'refuses %s without repeating it',
    (url) => {
      expect(() => readAddress(url, 'v1')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
      expect(() => readAddress(url, 'v1')).not.toThrow(/secret/);
    },
  );

  it.each([
    ['/v1/files/file-1', true],
    ['/v1/fine_tuning/jobs/a%20b', true],
    ['/v1/../admin', false],
    ['/v1/%2e%2E/admin', false],
    ['/v1/.', false],
    ['/v1/..;/x', false],
    ['/v1/%252e%252e/x', false],
    ['/v1/a%252fb', false],
    ['/v1/files/a.b..c', true],
    ['/v1/a%2f..%2fb', false],
    ['/v1\\..\\x', false],
    ['//evil/v1', false],
    ['/v1/a\r\nHost: x', false],
    ['v1', false],
  ])('says of the path %j that it is safe: %s', (path, safe) => {
    expect(isSafePath(path)).toBe(safe);
  });
});

describe('the table of vendors', () => {
  it('holds default URLs that its own layout leaves as they are or completes to /v1', () => {
    for (const row of Object.values(vendors)) {
      if (row.url === null) continue;
      const { prefix } = readAddress(row.url, row.layout);
      expect([new URL(row.url).pathname, `${new URL(row.url).pathname}v1`]).toContain(prefix);
    }
  });

  it('declares logprobs exactly where they are not refused', () => {
    for (const name of Object.keys(vendors)) {
      const row = vendorOf(name);
      expect([name, row?.capabilities.includes('logprobs')]).toEqual([name, !row?.quirks.noLogprobs]);
    }
  });

  it('knows no vendor by a name of the prototype', () => {
    expect([vendorOf('constructor'), vendorOf('__proto__'), vendorOf('replay')]).toEqual([null, null, null]);
  });
});
