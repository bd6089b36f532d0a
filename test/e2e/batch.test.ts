import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/statistics/index.ts';
import { documentIn, smallfirst, start, until } from '../support/cli.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { recordedCalls } from '../support/recorded-calls.ts';

let upstream: FakeUpstream;
let folder = '';
beforeAll(async () => {
  upstream = await startFakeUpstream({ key: 'k' });
});
afterAll(() => upstream?.close());
beforeEach(() => {
  upstream.reset();
  folder = mkdtempSync(join(tmpdir(), 'batch-e2e-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rows = Array.from({ length: 60 }, (_, i) => ({ id: `row-${i}`, text: `question ${i}` }));

function writeConfig(steps: string): void {
  writeFileSync(
    join(folder, 'smallfirst.yaml'),
    `models:
  big: { provider: openai, model: gpt-x, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
tasks:
  reply: { output: { kind: text }, ladder: [big] }
pipelines:
  p:
    steps:
${steps}`,
  );
  writeFileSync(join(folder, 'in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

const TWO_STEPS = `      - { step: draft, task: reply }
      - { step: polish, task: reply, input: "polish {{ draft.output }}" }
`;

const batch = (...more: readonly string[]) => ['batch', 'p', '--input', 'in.jsonl', '--output', 'out.jsonl', '--json', ...more];
const output = () => readFileSync(join(folder, 'out.jsonl'), 'utf8');
const lines = <T>(text: string): readonly T[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

describe('a bulk job', () => {
  it('answers every row, and tells rows that fail apart', async () => {
    writeConfig(TWO_STEPS);
    writeFileSync(join(folder, 'in.jsonl'), `{"text":"one"}\n{"id":7}\nnot json\n\n"just a text"\n`);
    const done = await smallfirst(folder, batch('--ordered'));
    expect(documentIn(done)).toMatchObject({ rows: 4, done: 2, failed: 2, skipped: 0, escalated: 0, stopped: null });
    expect(done.exit).toBe(0);
    expect(lines<{ id: unknown }>(output()).map(({ id }) => id)).toEqual(expect.arrayContaining([1, 4]));
    expect(lines(readFileSync(join(folder, 'out.errors.jsonl'), 'utf8'))).toEqual([
      { id: 7, line: 2, error: { code: 'REQUEST_INVALID', message: expect.stringContaining('lacks "text"') } },
      { id: 3, line: 3, error: { code: 'INPUT_INVALID', message: expect.stringContaining('not JSON') } },
    ]);
  });

  it('killed at any moment and resumed, asks nothing twice whose answer had arrived, and gives the same rows', async () => {
    writeConfig(TWO_STEPS);
    const whole = await smallfirst(folder, batch('--ordered'));
    expect(whole.exit).toBe(0);
    const expected = output();
    const random = seededRandom(11);
    for (let round = 0; round < 2; round += 1) {
      rmSync(join(folder, '.smallfirst'), { recursive: true, force: true });
      rmSync(join(folder, 'out.jsonl'));
      rmSync(join(folder, 'out.jsonl.job'), { recursive: true });
      upstream.reset();
      let resumed = null;
      // Killed twice on the way; then to the end.
      for (const share of [0.3, 0.7]) {
        const killAt = Math.floor((share + random.next() * 0.2) * rows.length * 2);
        const running = start(folder, batch('--ordered', '--resume', '--concurrency', '4'));
        await until(() => upstream.seen.length >= killAt, `${killAt} requests`);
        process.kill(running.pid, 'SIGKILL');
        await running.finished;
      }
      resumed = await smallfirst(folder, batch('--ordered', '--resume', '--concurrency', '4'));
      expect(resumed.exit).toBe(0);
      expect(output()).toBe(expected);
      const keys = upstream.seen.map(({ headers }) => String(headers['idempotency-key']));
      const again = keys.length - new Set(keys).size;
      expect(new Set(keys).size).toBe(rows.length * 2);
      // Only what was under way when it was killed is asked again: at most the concurrency, twice.
      expect(again).toBeLessThanOrEqual(8);
      expect(documentIn<{ atRisk: number; done: number; skipped: number }>(resumed)).toMatchObject({ rows: rows.length, failed: 0 });
      const calls = await recordedCalls(join(folder, '.smallfirst'));
      expect(calls.length).toBe(rows.length * 2);
      expect(new Set(calls.map(({ id }) => id)).size).toBe(rows.length * 2);
    }
  }, 120_000);

  it('finds nothing to do when it is resumed after its end', async () => {
    writeConfig(TWO_STEPS);
    await smallfirst(folder, batch());
    const before = output();
    upstream.reset();
    const again = await smallfirst(folder, batch('--resume'));
    expect(documentIn(again)).toMatchObject({ rows: rows.length, done: 0, skipped: rows.length, costUsd: 0 });
    expect([upstream.seen.length, output()]).toEqual([0, before]);
  });

  it('stops at what it may spend, says so, and goes on with more', async () => {
    writeConfig(TWO_STEPS);
    const free = documentIn<{ costUsd: number }>(await smallfirst(folder, batch()));
    rmSync(join(folder, 'out.jsonl.job'), { recursive: true });
    const cap = free.costUsd / 2;
    const capped = await smallfirst(folder, batch('--max-cost', String(cap), '--concurrency', '2'));
    const summary = documentIn<{ costUsd: number; done: number; stopped: string }>(capped);
    expect([capped.exit, summary.stopped]).toEqual([1, 'max-cost']);
    expect(summary.costUsd).toBeLessThanOrEqual(cap);
    const rest = documentIn<{ done: number; skipped: number }>(await smallfirst(folder, batch('--resume')));
    expect(rest.done + rest.skipped).toBe(rows.length);
    expect(lines(output())).toHaveLength(rows.length);
  });

  it('asks nothing in a dry run, and says what the job would cost', async () => {
    writeConfig(TWO_STEPS);
    const dry = await smallfirst(folder, batch('--dry-run'));
    expect(documentIn(dry)).toMatchObject({ dryRun: true, estimate: { rows: rows.length, unpriced: [] } });
    expect(upstream.seen).toEqual([]);
  });

  it('writes what is finished when it is interrupted, and says how to go on', async () => {
    writeConfig(TWO_STEPS);
    const running = start(folder, batch('--concurrency', '2'));
    await until(() => upstream.seen.length >= 30, '30 requests');
    running.interrupt();
    const stopped = await running.finished;
    const { done, stopped: why } = documentIn<{ done: number; stopped: string }>(stopped);
    expect([stopped.exit, why, lines(output()).length]).toEqual([1, 'aborted', done]);
    expect(stopped.err).toContain('the same command with --resume goes on from there');
  });

  it('has in its record what was answered after an interruption, beside the call that was broken off', async () => {
    writeConfig(TWO_STEPS);
    upstream.next(...Array.from({ length: 20 }, () => null), { kind: 'silent' });
    const running = start(folder, batch('--concurrency', '1'));
    await until(() => upstream.seen.length >= 21, '21 requests');
    running.interrupt();
    await running.finished;
    const resumed = await smallfirst(folder, batch('--resume'));
    expect(resumed.exit).toBe(0);
    const calls = await recordedCalls(join(folder, '.smallfirst'));
    const count = (wanted: string): number => calls.filter(({ outcome }) => outcome === wanted).length;
    expect([count('accepted'), count('aborted'), calls.length]).toEqual([rows.length * 2, 1, rows.length * 2 + 1]);
  });

  it('refuses to write over its input, and a pipeline that is not there', async () => {
    writeConfig(TWO_STEPS);
    const before = readFileSync(join(folder, 'in.jsonl'), 'utf8');
    const over = await smallfirst(folder, ['batch', 'p', '--input', 'in.jsonl', '--output', './in.jsonl']);
    const typo = await smallfirst(folder, ['batch', 'q', '--input', 'in.jsonl', '--output', 'out.jsonl']);
    expect([over.exit, typo.exit, readFileSync(join(folder, 'in.jsonl'), 'utf8')]).toEqual([2, 2, before]);
    expect(over.err).toContain('--output lies in the input');
    expect(typo.err).toContain('There is no pipeline "q"');
  });
});
