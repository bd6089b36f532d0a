import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NanoUsd, SmallfirstError } from '../core/index.ts';
import type { DraftRow } from './draft.ts';
import { AnswerCache, estimateRelabel, type RelabelRun, relabelRows, type TeacherPort } from './relabel.ts';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'smallfirst-relabel-')), 'answers.jsonl');
});
afterEach(() => rm(join(path, '..'), { recursive: true, force: true }));

const rows = Array.from(
  { length: 6 },
  (_, i): DraftRow => ({
    id: `r${i}`,
    conversation: null,
    at: null,
    text: `text ${i}`,
    messages: null,
    rejected: null,
    provenance: 'upload',
    drawn: 'upload',
    teacher: null,
    flags: [],
  }),
);

/** A teacher whose calls cost 3 and may cost 10; it says what `answer` says. */
function teacherOf(answer: (text: string) => string, asked: string[] = []): TeacherPort {
  return {
    model: 'big',
    provider: 'vllm',
    snapshot: 'x',
    worstCost: () => 10 as NanoUsd,
    ask: async ({ text }) => {
      asked.push(text);
      return { text: answer(text), served: 'big-1', cost: 3 as NanoUsd };
    },
  };
}

const run = (parts: Partial<RelabelRun> = {}): RelabelRun => ({
  which: 'missing',
  output: { kind: 'label', labels: ['card'] },
  maxCost: 1_000 as NanoUsd,
  concurrency: 2,
  signal: new AbortController().signal,
  ...parts,
});

describe('relabelRows', () => {
  it('goes on after a stop with what is on disk, also behind a line that a crash tore', async () => {
    const stopping = new AbortController();
    const first = teacherOf((text) => {
      if (text === 'text 3') stopping.abort();
      return 'card';
    });
    const answers = await AnswerCache.open(path);
    await expect(relabelRows(rows, first, { answers, run: run({ signal: stopping.signal, concurrency: 1 }) })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect((await readFile(path, 'utf8')).trim().split('\n').length).toBe(4);
    await appendFile(path, '{"input":"torn');
    const asked: string[] = [];
    const again = await AnswerCache.open(path);
    const second = teacherOf(() => 'card', asked);
    expect(estimateRelabel(rows, 'missing', second, again)).toEqual({ rows: 6, cached: 4, worst: 20 });
    const result = await relabelRows(rows, second, { answers: again, run: run() });
    expect(asked).toEqual(['text 4', 'text 5']);
    expect([result.counts, result.spent]).toEqual([{ relabelled: 6, 'relabel-cached': 4 }, 6]);
    expect(estimateRelabel(rows, 'missing', second, await AnswerCache.open(path)).cached).toBe(6);
  });

  it('never holds more than its cap, whatever runs at once', async () => {
    let held = 0;
    let most = 0;
    let spent = 0;
    const teacher: TeacherPort = {
      ...teacherOf(() => 'card'),
      ask: async () => {
        held += 10;
        most = Math.max(most, spent + held);
        await new Promise((resolve) => setImmediate(resolve));
        held -= 10;
        spent += 3;
        return { text: 'card', served: null, cost: 3 as NanoUsd };
      },
    };
    const { counts } = await relabelRows(rows, teacher, {
      answers: await AnswerCache.open(path),
      run: run({ maxCost: 25 as NanoUsd, concurrency: 6 }),
    });
    expect(most).toBeLessThanOrEqual(25);
    expect(counts).toEqual({ relabelled: 2, 'over-budget': 4 });
  });

  it('asks about equal inputs once, leaves people’s answers alone, and lets every other error through', async () => {
    const asked: string[] = [];
    const twice: DraftRow[] = [rows[0]!, { ...rows[0]!, id: 'copy' }, { ...rows[1]!, output: 'card', provenance: 'human' }];
    const { rows: done } = await relabelRows(
      twice,
      teacherOf(() => 'card', asked),
      { answers: await AnswerCache.open(path), run: run({ which: 'all' }) },
    );
    expect(asked).toEqual(['text 0']);
    expect(done.map(({ provenance }) => provenance)).toEqual(['model-label', 'model-label', 'human']);
    const broken: TeacherPort = { ...teacherOf(() => 'card'), ask: () => Promise.reject(new TypeError('a bug')) };
    await expect(relabelRows([rows[2]!], broken, { answers: await AnswerCache.open(path), run: run() })).rejects.toThrow('a bug');
    const down: TeacherPort = { ...broken, ask: () => Promise.reject(new SmallfirstError('UPSTREAM_FAILED', 'down')) };
    expect((await relabelRows([rows[3]!], down, { answers: await AnswerCache.open(path), run: run() })).counts).toEqual({
      'relabel-failed': 1,
    });
  });
});
