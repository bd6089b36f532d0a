import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { type Clock, type EpochMs, SmallfirstError } from '../core/index.ts';
import { loopbackAccess } from './access.ts';
import { type KeyRing, keyStatus, type NewKey, openKeyRing } from './keys.ts';

const NOW = Date.UTC(2026, 0, 15);
const SECRET = 'a-declared-secret';
const HASHED = createHash('sha256').update('another-secret').digest('hex');

const plain: NewKey = {
  name: 'created',
  team: 'care',
  tasks: ['classify'],
  models: ['small'],
  budget: null,
  caps: { inputTokens: null, outputTokens: 100, cost: null },
  passthrough: false,
  expiresAt: null,
};

let folder: string;
let now: EpochMs;
const clock: Clock = { now: () => now, monotonic: () => now };

/** What a ring says of requests that really came over HTTP. */
let ring: KeyRing;
const server = createServer((request: IncomingMessage, response) => {
  let said: string;
  try {
    said = ring.check(request).key ?? 'anybody';
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    said = `${error.code} ${error.message}`;
  }
  response.end(said);
});
let url: string;

async function ask(headers: Record<string, string>): Promise<string> {
  return (await fetch(url, { headers })).text();
}

async function open(config: string): Promise<KeyRing> {
  const { keys } = parseConfig(config, 'smallfirst.yaml', {});
  return openKeyRing({ declared: keys, file: join(folder, 'keys.json'), clock, withoutKeys: loopbackAccess() });
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
  now = NOW;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a ring of keys', () => {
  const declared = `keys:
  - { name: web, key: ${SECRET} }
  - { name: batch, key: "sha256:${HASHED.toUpperCase()}", expires: 2026-01-16 }
`;

  it('lets in a declared key as bearer token or as x-api-key, and one that is declared as a hash', async () => {
    ring = await open(declared);
    expect(await ask({ authorization: `Bearer ${SECRET}` })).toBe('web');
    expect(await ask({ authorization: `bearer   ${SECRET} ` })).toBe('web');
    expect(await ask({ 'x-api-key': SECRET })).toBe('web');
    expect(await ask({ 'x-api-key': 'another-secret' })).toBe('batch');
  });

  it('refuses no key, a wrong one, a hash in place of its key and an expired one, and quotes none of them', async () => {
    ring = await open(declared);
    const unknown = 'UNAUTHENTICATED The key of this request is not one of this gateway, or it was revoked.';
    expect(await ask({})).toBe('UNAUTHENTICATED This gateway needs a key, and the request carries none.');
    expect(await ask({ authorization: `Basic ${SECRET}` })).toBe('UNAUTHENTICATED This gateway needs a key, and the request carries none.');
    expect(await ask({ 'x-api-key': 'guess' })).toBe(unknown);
    expect(await ask({ 'x-api-key': HASHED })).toBe(unknown);
    expect(await ask({ 'x-api-key': `sha256:${HASHED}` })).toBe(unknown);
    now = Date.UTC(2026, 0, 16);
    expect(await ask({ 'x-api-key': 'another-secret' })).toBe('UNAUTHENTICATED The key "batch" has expired.');
  });

  it('leaves the guarding to others until there is a key, and never again afterwards', async () => {
    ring = await open('');
    expect(await ask({})).toBe('anybody');
    await ring.create(plain);
    expect(await ask({})).toMatch(/^UNAUTHENTICATED/);
    await ring.revoke('created');
    expect(await ask({})).toMatch(/^UNAUTHENTICATED/);
    ring = await open('');
    expect(await ask({})).toMatch(/^UNAUTHENTICATED/);
  });

  it('creates keys that survive a restart, and keeps their hash only', async () => {
    ring = await open(declared);
    const { key, record } = await ring.create(plain);
    expect(key).toMatch(/^sf-[A-Za-z0-9_-]{43}$/);
    expect(record).toEqual({ ...plain, hash: createHash('sha256').update(key).digest('hex'), createdAt: NOW, revokedAt: null });
    ring = await open(declared);
    expect(await ask({ 'x-api-key': key })).toBe('created');
    expect(ring.list().map(({ name }) => name)).toEqual(['web', 'batch', 'created']);
    const file = join(folder, 'keys.json');
    expect(await readFile(file, 'utf8')).not.toContain(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['keys.json']);
  });

  it('refuses a revoked key at once and for good', async () => {
    ring = await open('');
    const { key } = await ring.create(plain);
    const revoked = await ring.revoke('created');
    expect(keyStatus(revoked, NOW)).toBe('revoked');
    expect(await ask({ 'x-api-key': key })).toMatch(/or it was revoked/);
    ring = await open('');
    expect(await ask({ 'x-api-key': key })).toMatch(/or it was revoked/);
  });

  it('gives a name to one key only, also when many are created at once', async () => {
    ring = await open(declared);
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => ring.create({ ...plain, name: `k${i % 4}` })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    await expect(ring.create({ ...plain, name: 'web' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(ring.revoke('web')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(ring.revoke('nobody')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    expect((await open(declared)).list()).toHaveLength(6);
  });

  it('does not open for a damaged file', async () => {
    for (const text of ['', '{', '{"version":1,"keys":[{"name":"x"}]}', '{"version":2,"keys":[]}']) {
      await writeFile(join(folder, 'keys.json'), text);
      await expect(open('')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });
});
