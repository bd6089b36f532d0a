import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallfirstError } from '../../core/index.ts';
import type { CommandIo } from '../io.ts';
import { type CertifyCommandOptions, runCertify } from './certify.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smallfirst-ladder-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly document: Readonly<Record<string, unknown>>;
}

async function run(text: string, options: Partial<CertifyCommandOptions> = {}): Promise<Ran> {
  writeFileSync(join(folder, 'ladder.jsonl'), text);
  let out = '';
  let document: Ran['document'] = {};
  const io: CommandIo = {
    out: (part) => {
      out += part;
    },
    json: (value) => {
      document = JSON.parse(JSON.stringify(value)) as Ran['document'];
    },
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 100,
  };
  const exit = await runCertify({ tiers: 'ladder.jsonl', floor: 0.98, level: 0.95, method: 'score', json: true, ...options }, io);
  return { exit, out, document };
}

async function refusal(text: string, options: Partial<CertifyCommandOptions> = {}): Promise<string> {
  try {
    await run(text, options);
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    return `${error.position?.line ?? '-'} ${error.code}: ${error.message}`;
  }
  return 'accepted';
}

type Models = Readonly<Record<string, object>>;

function rows(n: number, models: (i: number) => Models, more: object = {}): string {
  return Array.from({ length: n }, (_, i) => `${JSON.stringify({ id: `r${i}`, models: models(i), ...more })}\n`).join('');
}

/** Of eight requests small gets five right and is sure of four, mid gets seven right and is sure of six. */
function eighths(i: number): Models {
  const at = i % 8;
  return {
    small: { quality: at < 5 ? 1 : 0, confidence: at < 4 ? 0.96 : 0.3, costUsd: 0.001, latencyMs: 100 },
    mid: { quality: at < 7 ? 1 : 0, confidence: at < 6 ? 0.9 : 0.2, costUsd: 0.005, latencyMs: 300 },
    big: { quality: 1, costUsd: 0.02, latencyMs: 900 },
  };
}

describe('smallfirst certify --tiers', () => {
  it('prints one document with thresholds and shares by model, and exits 0', async () => {
    const { exit, out, document } = await run(rows(800, eighths));
    const { retainedLowerBound, grid, ...rest } = document;
    expect({ exit, out }).toEqual({ exit: 0, out: '' });
    const spent = 0.001 + 0.5 * 0.005 + 0.25 * 0.02;
    expect(rest).toEqual({
      n: 800,
      floor: 0.98,
      level: 0.95,
      method: 'score',
      verdict: 'cascade',
      thresholds: { small: 0.96, mid: 0.9, big: null },
      acceptedBy: { small: 0.5, mid: 0.25, big: 0.25 },
      askedBy: { small: 1, mid: 0.5, big: 0.25 },
      accepted: 0.75,
      retained: 1,
      counts: { kept: 800, lost: 0, gained: 0 },
      savings: expect.closeTo(1 - spent / 0.02, 12),
      wasted: expect.closeTo((0.5 * 0.001 + 0.25 * 0.005) / spent, 12),
      p95LatencyRatio: expect.closeTo(1300 / 900, 12),
      pairsNeeded: null,
      look: null,
      delta: 0.04,
      pairs: 800,
      requestedMethod: 'score',
      notes: [],
    });
    expect(retainedLowerBound).toBeGreaterThan(0.99);
    expect((grid as object[]).map((point) => (point as { thresholds: object }).thresholds)).toEqual([
      { small: null, mid: 0.9, big: null },
      { small: 0.96, mid: 0.9, big: null },
      { small: 0.96, mid: 0.2, big: null },
      { small: 0.3, mid: 0.2, big: null },
    ]);
    expect((grid as object[])[1]).toEqual({
      thresholds: { small: 0.96, mid: 0.9, big: null },
      accepted: 0.75,
      p: expect.closeTo(2.64e-5, 6),
      savings: expect.closeTo(1 - spent / 0.02, 12),
    });
  });

  it('takes the file from --pairs as well', async () => {
    const text = rows(800, eighths);
    expect(await run(text, { pairs: 'ladder.jsonl', tiers: true })).toEqual(await run(text));
  });

  it('carries looks, clusters, skipped rows and a limit of latency', async () => {
    const text = rows(800, eighths);
    expect((await run(text, { look: 2 })).document).toMatchObject({ look: 2, delta: 0.01 });
    expect(await run(text, { maxP95LatencyRatio: 1.1 })).toMatchObject({
      exit: 1,
      document: {
        verdict: 'frontier',
        reason: 'too-slow',
        thresholds: { small: null, mid: null, big: null },
        acceptedBy: { small: 0, mid: 0, big: 1 },
      },
    });
    expect((await run(rows(800, eighths, { cluster: 'one' }))).document).toMatchObject({ n: 1, pairs: 800, method: 'evalue' });
    const skipped = (await run(text + rows(200, eighths, { skip: true }).replaceAll('"r', '"s'))).document;
    expect(skipped).toMatchObject({ acceptedBy: { small: 0.4, mid: 0.2, big: 0.4 }, askedBy: { small: 0.8, mid: 0.4, big: 0.4 } });
  });

  it('takes each model’s one signal, or the one that is named', async () => {
    const signals = (i: number, of: (confidence: number) => object): Models =>
      Object.fromEntries(
        Object.entries(eighths(i)).map(([model, { confidence, ...rest }]: [string, { confidence?: number }]) => [
          model,
          confidence === undefined ? rest : { ...rest, signals: of(confidence) },
        ]),
      );
    const plain = (await run(rows(800, eighths))).document;
    const one = (await run(rows(800, (i) => signals(i, (token) => ({ token }))))).document;
    expect(one).toEqual({ ...plain, signals: { small: 'token', mid: 'token' } });
    const two = rows(800, (i) => signals(i, (token) => ({ token, margin: 1 - token })));
    expect(await refusal(two)).toBe(
      '1 INPUT_INVALID: models.small has several signals (token, margin): name one with --signal, chosen without looking at this file',
    );
    expect((await run(two, { signal: 'token' })).document).toEqual(one);
    expect(await refusal(two, { signal: 'agreement' })).toBe(
      '- INPUT_INVALID: no model has the signal agreement: models carry token, margin',
    );
  });

  it('tells people who answers what', async () => {
    const { out } = await run(rows(800, eighths), { json: false });
    expect(out).toContain('CASCADE: 75.0 % of requests are answered below big.');
    expect(out).toMatch(/mid +0\.9 +50\.0 % +25\.0 %/);
    expect(out).toContain('first to fail');
    expect((await run(rows(20, eighths), { json: false })).out).toContain(
      'FRONTIER: big keeps every request: not enough evidence that the floor is kept.',
    );
  });
});

describe('what certify --tiers refuses', () => {
  const fine = rows(1, eighths);
  it.each([
    [
      'one model',
      '{"id":"a","models":{"big":{"quality":1}}}',
      '1 INPUT_INVALID: models must name at least two models, cheapest first; the last is the ceiling',
    ],
    ['no models', '{"id":"a"}', '1 INPUT_INVALID: models is missing'],
    [
      'other models in a later row',
      `${fine}{"id":"b","models":{"small":{"quality":1},"big":{"quality":1}}}`,
      '2 INPUT_INVALID: models must be small, mid, big in this order, as in the first row, not small, big',
    ],
    [
      'another order',
      `${fine}{"id":"b","models":{"mid":{"quality":1},"small":{"quality":1},"big":{"quality":1}}}`,
      '2 INPUT_INVALID: models must be small, mid, big in this order, as in the first row, not mid, small, big',
    ],
    [
      'a name that JSON would move',
      '{"id":"a","models":{"small":{"quality":1},"7":{"quality":1}}}',
      '1 INPUT_INVALID: models.7: a name that is a whole number loses its place in a JSON object, use another',
    ],
    ['no quality', '{"id":"a","models":{"gpt-4.1":{"quality":1},"big":{}}}', '1 INPUT_INVALID: models.big.quality is missing'],
    [
      'a confidence out of range, under a name with a point',
      '{"id":"a","models":{"gpt-4.1":{"quality":1,"confidence":2},"big":{"quality":1}}}',
      '1 INPUT_INVALID: models.gpt-4.1.confidence must lie in 0…1, not 2',
    ],
    ['a duplicate id', fine + fine, '2 INPUT_INVALID: id "r0" was already used on line 1; a duplicate would count as evidence twice'],
    ['nothing', '\n', '- INPUT_INVALID: the file holds no rows'],
  ])('%s', async (_, text, expected) => {
    expect(await refusal(text)).toBe(expected);
  });

  it('what does not go together', async () => {
    expect(await refusal(fine, { method: 'clopper-pearson' })).toMatch(/^- USAGE: a ladder is certified with --method score or evalue/);
    expect(await refusal(fine, { pairs: 'ladder.jsonl' })).toBe('- USAGE: name the file once: --tiers <file>, or --pairs <file> --tiers');
    expect(await refusal(fine, { tiers: undefined })).toBe(
      '- USAGE: name the file to certify: --pairs <file>, or --tiers <file> for a ladder',
    );
    expect(await refusal(fine, { tiers: undefined, pairs: 'ladder.jsonl' })).toBe(
      '1 INPUT_INVALID: this row compares models, not small and big: certify such a file with --tiers',
    );
    expect(await refusal(fine, { tiers: undefined, pairs: 'ladder.jsonl', maxP95LatencyRatio: 1 })).toBe(
      '- USAGE: --max-p95-latency-ratio is for ladders: add --tiers',
    );
  });
});
