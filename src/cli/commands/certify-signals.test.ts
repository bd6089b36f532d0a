import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallfirstError } from '../../core/index.ts';
import type { CommandIo } from '../io.ts';
import { runCertify } from './certify.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smallfirst-signals-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Document = Readonly<Record<string, unknown>>;

async function run(text: string, signal?: string): Promise<Document> {
  writeFileSync(join(folder, 'pairs.jsonl'), text);
  let document: Document = {};
  const io: CommandIo = {
    out: () => undefined,
    json: (value) => {
      document = JSON.parse(JSON.stringify(value)) as Document;
    },
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 100,
  };
  await runCertify({ pairs: 'pairs.jsonl', floor: 0.98, level: 0.95, method: 'score', json: true, signal }, io);
  return document;
}

async function refusal(text: string, signal?: string): Promise<string> {
  try {
    await run(text, signal);
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    return `${error.position?.line ?? '-'} ${error.code}: ${error.message}`;
  }
  return 'accepted';
}

function rows(n: number, small: (i: number) => object, more: (i: number) => object = () => ({})): string {
  return Array.from(
    { length: n },
    (_, i) => `${JSON.stringify({ id: `r${i}`, small: { quality: 1, ...small(i) }, big: { quality: 1 }, ...more(i) })}\n`,
  ).join('');
}

describe('several signals in one file', () => {
  const two = rows(400, (i) => ({ signals: { token: 0.5 + (i % 100) / 400, margin: (i % 10) / 20 } }));

  it('need a name, and each name gives the certificate of its own column', async () => {
    expect(await refusal(two)).toBe(
      '1 INPUT_INVALID: small has several signals (token, margin): name one with --signal, chosen without looking at this file',
    );
    const plain = rows(400, (i) => ({ confidence: (i % 10) / 20 }));
    expect(await run(two, 'margin')).toEqual({ ...(await run(plain)), signal: 'margin' });
    expect(await run(two, 'token')).toMatchObject({
      signal: 'token',
      grid: expect.arrayContaining([expect.objectContaining({ threshold: 0.5 })]),
    });
  });

  it('are several as well when they stand in different rows, or beside a plain confidence', async () => {
    const apart = rows(3, (i) => ({ signals: i < 2 ? { token: 0.9, margin: null } : { margin: 0.3 } }));
    expect(await refusal(apart)).toMatch(/^3 INPUT_INVALID: small has several signals \(token, margin\)/);
    const beside = rows(2, () => ({ confidence: 0.9, signals: { token: 0.8 } }));
    expect(await refusal(beside)).toMatch(/^1 INPUT_INVALID: small has several signals \(confidence, token\)/);
    expect(await run(beside, 'confidence')).toMatchObject({ grid: [{ threshold: 0.9, accepted: 1 }] });
    expect(await run(beside, 'token')).toMatchObject({ grid: [{ threshold: 0.8, accepted: 1 }] });
  });
});

describe('one signal', () => {
  it('is used without being named, and the document says which', async () => {
    const one = rows(400, (i) => ({ signals: { token: (i % 10) / 20, margin: null } }));
    const plain = rows(400, (i) => ({ confidence: (i % 10) / 20 }));
    expect(await run(one)).toEqual({ ...(await run(plain)), signal: 'token' });
  });

  it('that a row does not have leaves the row without confidence', async () => {
    const some = rows(400, (i) => ({ signals: i % 2 === 0 ? { token: 0.9, margin: 0.1 } : { margin: 0.1 } }));
    expect(await run(some, 'token')).toMatchObject({
      verdict: 'cascade',
      threshold: 0.9,
      accepted: 0.5,
      notes: ['200 rows have no confidence and are always escalated.'],
    });
  });

  it('must be in the file, in range, and a number', async () => {
    const one = rows(2, () => ({ signals: { token: 0.9 } }));
    expect(await refusal(one, 'tokne')).toBe('- INPUT_INVALID: no row has the signal tokne: rows carry token');
    expect(
      await refusal(
        rows(2, () => ({})),
        'token',
      ),
    ).toBe('- INPUT_INVALID: no row has the signal token: there are no signals at all');
    const logprobs = rows(2, () => ({ signals: { 'mean-logprob': -0.2, token: 0.9 } }));
    expect(await refusal(logprobs, 'token')).toBe('accepted');
    expect(await refusal(logprobs, 'mean-logprob')).toBe('1 INPUT_INVALID: small.signals.mean-logprob must lie in 0…1, not -0.2');
    expect(await refusal(rows(1, () => ({ signals: { token: '0.9' } })))).toBe(
      '1 INPUT_INVALID: small.signals.token must be a number, not "0.9"',
    );
    expect(await refusal(rows(1, () => ({ signals: [0.9] })))).toBe('1 INPUT_INVALID: small.signals must be an object, not [0.9]');
  });
});

describe('rows marked skip', () => {
  it('are escalated at every point and do not pay for the small call', async () => {
    const costs = rows(
      400,
      () => ({ confidence: 0.9, costUsd: 0.1 }),
      (i) => ({ big: { quality: 1, costUsd: 1 }, skip: i % 4 === 0 }),
    );
    expect(await run(costs)).toMatchObject({ verdict: 'cascade', threshold: 0.9, accepted: 0.75, savings: 1 - (300 * 0.1 + 100) / 400 });
  });

  it('are marked by true or false', async () => {
    expect(
      await refusal(
        rows(
          1,
          () => ({}),
          () => ({ skip: 'yes' }),
        ),
      ),
    ).toBe('1 INPUT_INVALID: skip must be true or false, not "yes"');
  });
});
