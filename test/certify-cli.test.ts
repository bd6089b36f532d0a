import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertifyCommandOptions, runCertify } from '../src/cli/commands/certify.ts';
import type { CommandIo } from '../src/cli/io.ts';
import { SmallfirstError } from '../src/core/index.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smallfirst-certify-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly documents: readonly Record<string, unknown>[];
  readonly notes: readonly string[];
}

/** Runs the command on a file with this text, as the program does, and keeps what it said. */
async function run(text: string, options: Partial<CertifyCommandOptions> = {}): Promise<Ran> {
  writeFileSync(join(folder, 'pairs.jsonl'), text);
  const documents: Record<string, unknown>[] = [];
  const notes: string[] = [];
  let out = '';
  const io: CommandIo = {
    out: (part) => {
      out += part;
    },
    json: (document) => documents.push(JSON.parse(JSON.stringify(document)) as Record<string, unknown>),
    note: (note) => notes.push(note),
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 100,
  };
  const exit = await runCertify({ pairs: 'pairs.jsonl', floor: 0.98, level: 0.95, method: 'score', json: true, ...options }, io);
  return { exit, out, documents, notes };
}

/** What the command refuses with, as `file:line:column: code: message` without the folder. */
async function refusal(text: string, options: Partial<CertifyCommandOptions> = {}): Promise<string> {
  try {
    await run(text, options);
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    const at = error.position;
    return `${at?.line ?? '-'}:${at?.column ?? '-'} ${error.code}: ${error.message}`;
  }
  return 'accepted';
}

function rows(n: number, row: (i: number) => object): string {
  return Array.from({ length: n }, (_, i) => `${JSON.stringify(row(i))}\n`).join('');
}

const fine = '{"id":"a","small":{"quality":1},"big":{"quality":1}}';

describe('smallfirst certify --json', () => {
  it('prints one document with exactly the interface’s figures, and exits 0 on a swap', async () => {
    const text = rows(400, (i) => ({
      id: `r${i}`,
      small: { quality: 1, confidence: i < 200 ? 0.75 : 0.5, costUsd: 0.0001, latencyMs: 80 },
      big: { quality: 1, costUsd: 0.001, latencyMs: 900 },
    }));
    const ran = await run(text, { seed: 3 });
    expect({ exit: ran.exit, out: ran.out, notes: ran.notes }).toEqual({ exit: 0, out: '', notes: [] });
    expect(ran.documents).toHaveLength(1);
    const { retainedLowerBound, savings, grid, ...document } = ran.documents[0]!;
    expect(document).toEqual({
      n: 400,
      floor: 0.98,
      level: 0.95,
      method: 'score',
      verdict: 'swap',
      threshold: null,
      accepted: 1,
      retained: 1,
      counts: { kept: 400, lost: 0, gained: 0 },
      pairsNeeded: null,
      look: null,
      delta: 0.04,
      pairs: 400,
      requestedMethod: 'score',
      notes: [],
    });
    // z² = m(1−ρ)/ρ at the bound, so ρ = m/(m + z²) with z = 1.7507 at δ = 0.04.
    expect(retainedLowerBound).toBeCloseTo(400 / (400 + 1.750686071 ** 2), 7);
    expect(savings).toBeCloseTo(0.9, 12);
    // p = 1 − Φ(√(400·0.02/0.98)).
    expect(grid).toEqual([
      { threshold: 0.75, accepted: 0.5, p: expect.closeTo(0.00213736698, 10) },
      { threshold: 0.5, accepted: 1, p: expect.closeTo(0.00213736698, 10) },
    ]);
  });

  it('exits 1 with a reason when the frontier stays', async () => {
    const { exit, documents } = await run(rows(100, (i) => ({ id: i, small: { quality: 1 }, big: { quality: 1 } })));
    expect(exit).toBe(1);
    expect(documents[0]).toMatchObject({
      verdict: 'frontier',
      reason: 'not-enough-evidence',
      threshold: null,
      accepted: 0,
      pairsNeeded: 60,
    });
  });

  it('carries a declared look and its share of the error', async () => {
    const { documents } = await run(
      rows(400, (i) => ({ id: i, small: { quality: 1 }, big: { quality: 1 } })),
      { look: 2 },
    );
    expect(documents[0]).toMatchObject({ verdict: 'swap', look: 2, delta: 0.01 });
  });

  it('says on stderr as well when the e-value stood in', async () => {
    const ran = await run(rows(50, (i) => ({ id: i, small: { quality: 0.9 }, big: { quality: 0.9 } })));
    expect(ran.documents[0]).toMatchObject({ method: 'evalue', requestedMethod: 'score', delta: 0.05 });
    expect(ran.notes).toEqual([
      'The score test needs 300 graded pairs and there are 50: the betting e-value, exact at any size, was used instead.',
    ]);
  });

  it('reads CRLF, a byte order mark, blank lines, null for absent, a last line without end and Unicode line separators', async () => {
    const text = `\uFEFF${fine}\r\n\r\n{"id":"b\u2028","cluster":null,"small":{"quality":0,"confidence":null},"big":{"quality":1}}`;
    expect((await run(text)).documents[0]).toMatchObject({ n: 2, counts: { kept: 1, lost: 1, gained: 0 } });
  });
});

describe('smallfirst certify for people', () => {
  it('prints the verdict, what it rests on and the risk table', async () => {
    const text = rows(1000, (i) => ({
      id: i,
      small: { quality: i >= 700 && i % 5 === 0 ? 0 : 1, confidence: 1 - i / 1000 },
      big: { quality: 1 },
    }));
    const { exit, out, documents } = await run(text, { json: false });
    expect({ exit, documents }).toEqual({ exit: 0, documents: [] });
    expect(out).toContain('CASCADE: accept the small answer from confidence 0.');
    expect(out).toMatch(/retained {3}\d\d\.\d\d %, at least 98\.\d\d %/);
    expect(out).toContain('first to fail');
    expect(out).toContain('δ = 0.04, spent on this one planned look');
  });

  it('says beside the pairs needed what looking again would cost', async () => {
    const text = rows(100, (i) => ({ id: i, small: { quality: 1 }, big: { quality: 1 } }));
    const planned = (await run(text, { json: false })).out;
    expect(planned).toContain('Needs about 60 more pairs');
    expect(planned).toContain('This was the one planned look');
    expect((await run(text, { json: false, look: 1 })).out).toContain('run it with --look 2');
    expect((await run(text, { json: false, method: 'evalue' })).out).toContain('as often as you like');
  });
});

describe('what the command refuses, with the line', () => {
  it.each([
    ['no pairs at all', '\n\n', '-:- INPUT_INVALID: the file holds no pairs'],
    ['an empty file', '', '-:- INPUT_INVALID: the file holds no pairs'],
    ['a row that is no object', `${fine}\n[1]`, '2:- INPUT_INVALID: the row must be an object, not [1]'],
    ['no id', '{"small":{"quality":1},"big":{"quality":1}}', '1:- INPUT_INVALID: id is missing'],
    ['no big side', '{"id":"a","small":{"quality":1}}', '1:- INPUT_INVALID: big is missing'],
    ['no quality', '{"id":"a","small":{},"big":{"quality":1}}', '1:- INPUT_INVALID: small.quality is missing'],
    [
      'quality as text',
      '{"id":"a","small":{"quality":"1"},"big":{"quality":1}}',
      '1:- INPUT_INVALID: small.quality must be a number, not "1"',
    ],
    [
      'quality above 1',
      '{"id":"a","small":{"quality":1},"big":{"quality":1.5}}',
      '1:- INPUT_INVALID: big.quality must lie in 0…1, not 1.5',
    ],
    [
      'an overflowing number',
      '{"id":"a","small":{"quality":1e999},"big":{"quality":1}}',
      '1:- INPUT_INVALID: small.quality must lie in 0…1, not Infinity',
    ],
    [
      'confidence below 0',
      '{"id":"a","small":{"quality":1,"confidence":-0.1},"big":{"quality":1}}',
      '1:- INPUT_INVALID: small.confidence must lie in 0…1, not -0.1',
    ],
    [
      'a negative cost',
      '{"id":"a","small":{"quality":1,"costUsd":-1},"big":{"quality":1}}',
      '1:- INPUT_INVALID: small.costUsd must lie in 0…1000000, not -1',
    ],
    [
      'a cluster that is no name',
      '{"id":"a","small":{"quality":1},"big":{"quality":1},"cluster":{}}',
      '1:- INPUT_INVALID: cluster must be a string that is not empty, not {}',
    ],
    [
      'a duplicate id',
      `${fine}\n\n${fine}`,
      '3:- INPUT_INVALID: id "a" was already used on line 1; a duplicate would count as evidence twice',
    ],
  ])('%s', async (_, text, expected) => {
    expect(await refusal(text)).toBe(expected);
  });

  it('broken JSON, with the column where the parser knows it', async () => {
    expect(await refusal(`${fine}\n{"id":"b",}`)).toMatch(/^2:\d+ INPUT_INVALID: not valid JSON: /);
    expect(await refusal(`${fine}\n{"id":"b"`)).toMatch(/^2:\S+ INPUT_INVALID: not valid JSON: /);
  });

  it('graded quality with Clopper-Pearson, at its first row', async () => {
    const graded = `${fine}\n{"id":"b","small":{"quality":0.5},"big":{"quality":1}}`;
    expect(await refusal(graded, { method: 'clopper-pearson' })).toBe(
      '2:- INPUT_INVALID: small.quality is 0.5, but clopper-pearson needs 0 or 1; use --method score or evalue for graded quality',
    );
  });

  it('a file that is not there, and a folder', async () => {
    expect(await refusal(fine, { pairs: 'missing.jsonl' })).toBe('-:- INPUT_NOT_FOUND: there is no such file');
    expect(await refusal(fine, { pairs: '.' })).toBe('-:- INPUT_INVALID: this is a folder, not a JSON Lines file');
  });
});
