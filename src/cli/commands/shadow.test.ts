import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import { storedPair } from '../../../test/support/life-pairs.ts';
import { usage } from '../../core/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { runShadowEstimate, runShadowStatus } from './shadow.ts';
import type { ShadowEstimateDocument, ShadowStatusDocument } from './shadow-types.ts';

const now = Date.UTC(2026, 10, 22, 12);
const clock = { now: () => now, monotonic: () => 0 };

const yaml = `
models:
  small: { provider: openai, model: small-1, price: { input: 0.1, output: 0.4 } }
  frontier: { provider: openai, model: big-1, price: { input: 2.5, output: 10 } }
tasks:
  classify:
    output: { kind: label, labels: [yes, no] }
    ladder: [small, frontier]
    shadow: { share: 0.5, usdPerDay: 0.0005, usdTotal: 1 }
  quiet:
    output: { kind: label, labels: [yes, no] }
    ladder: [small, frontier]
`;

function captureIo({ cwd }: { readonly cwd: string }) {
  const output: { out: string; json: unknown; notes: string[] } = { out: '', json: null, notes: [] };
  const io: CommandIo = {
    out: (text) => {
      output.out += text;
    },
    json: (document) => {
      output.json = document;
    },
    note: (text) => output.notes.push(text),
    progress: () => ({ advance: () => {}, end: () => {} }),
    env: {},
    cwd,
    signal: new AbortController().signal,
    width: 120,
  };
  return { io, output };
}

describe('smallfirst shadow', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smallfirst-shadow-'));
    await writeFile(join(folder, 'smallfirst.yaml'), yaml);
    const data = await openDataDir(join(folder, '.smallfirst'));
    const store = await openSqliteStore(data.database);
    // A request an hour since yesterday noon: 100 tokens in, 10 out.
    const used = usage({ freshInput: 100, output: 10 });
    await store.calls.append(
      Array.from({ length: 24 }, (_, i) =>
        aCall({
          task: 'classify',
          model: 'frontier',
          purpose: 'answer',
          outcome: 'accepted',
          usage: used,
          at: now - (i + 1) * 3_600_000 + 1,
        }),
      ),
    );
    await store.pairs.append(
      Array.from({ length: 100 }, (_, i) =>
        storedPair({ id: `request-${i}`, at: now - 1_000 + i, prompt: i < 3 ? 'old' : 'new', input: i < 5 ? 'the same' : `text ${i}` }),
      ),
    );
    await store.looks.add({
      ...{ id: 'look', task: 'classify', small: 'small', big: 'frontier', series: 'an older one', k: 1, n: 500, delta: 0.02 },
      ...{
        at: now - 90_000_000,
        by: 'schedule',
        method: 'score',
        verdict: 'not-enough',
        retained: 0.985,
        lowerBound: 0.974,
        certificate: null,
      },
    });
    await store.close();
    await data.release();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const options = { config: 'smallfirst.yaml', data: '.smallfirst', days: 7, json: true };

  it('estimates pairs, dollars and days from traffic, prices and shares, also for a task that asks nobody yet', async () => {
    const { io, output } = captureIo({ cwd: folder });
    expect(await runShadowEstimate(options, io, clock)).toBe(0);
    const { tasks } = output.json as ShadowEstimateDocument;
    const [classify, quiet] = tasks;
    expect(classify).toMatchObject({
      task: 'classify',
      configured: true,
      share: 0.5,
      usdPerDayLimit: 0.0005,
      usdTotalLimit: 1,
      spentUsd: 0,
      candidates: [
        {
          small: 'small',
          usdPerCall: 0.000014,
          pairsPerDay: 12,
          usdPerDay: 0.000168,
          limitedBy: null,
          basis: 'half of the allowed losses',
        },
      ],
    });
    expect(classify!.requestsPerDay).toBeCloseTo(24, 0);
    const { pairsToLook, daysToLook } = classify!.candidates[0]!;
    expect(daysToLook).toBe(pairsToLook / classify!.candidates[0]!.pairsPerDay);
    expect(quiet).toMatchObject({ configured: false, share: 0.1, requestsPerDay: 0, candidates: [{ usdPerCall: null, daysToLook: null }] });
  });

  it('keeps to another share and to the daily limit', async () => {
    const { io, output } = captureIo({ cwd: folder });
    await writeFile(join(folder, 'smallfirst.yaml'), yaml.replace('usdPerDay: 0.0005', 'usdPerDay: 0.00007'));
    await runShadowEstimate({ ...options, share: 1 }, io, clock);
    const [classify] = (output.json as ShadowEstimateDocument).tasks;
    expect(classify).toMatchObject({ share: 1, candidates: [{ pairsPerDay: 5, usdPerDay: 0.00007, limitedBy: 'day' }] });
  });

  it('says how far the evidence is, what was left out, and what the looks found, and takes none itself', async () => {
    const { io, output } = captureIo({ cwd: folder });
    expect(await runShadowStatus(options, io, clock)).toBe(0);
    const [classify, quiet] = (output.json as ShadowStatusDocument).tasks;
    const [small] = classify!.candidates;
    expect(small).toMatchObject({
      pairs: 100,
      leftOut: { 'other-prompt': 3, duplicate: 1, thinned: 0 },
      next: { k: 1, at: 500, isDue: false },
      looks: [{ id: 'look', verdict: 'not-enough' }],
    });
    expect(small!.parts.fit + small!.parts.certify + small!.parts.report).toBe(96);
    expect(quiet).toMatchObject({ candidates: [{ pairs: 0, next: null, looks: [] }] });
    const text = captureIo({ cwd: folder });
    await runShadowStatus({ ...options, json: false }, text.io, clock);
    expect(text.output.out).toContain('not-enough, 98.5 % kept, at least 97.4 %');
    expect(text.output.out).toContain('small, left out: 1 duplicate, 3 other-prompt');
    await runShadowEstimate({ ...options, json: false }, text.io, clock);
    expect(text.output.out).toContain('classify: 24 requests a day, 50 % of them asked in the background');
    expect(text.output.out).toContain('never');
  });
});
