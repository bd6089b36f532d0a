import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelEvent } from '../core/index.ts';
import { FinishedRows } from './finished-rows.ts';
import { openJobFolder } from './job-folder.ts';
import { type Checkpoint, Journal } from './journal.ts';
import { stableId } from './kept-calls.ts';
import { RowFile } from './output.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'batch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const said: readonly ModelEvent[] = [{ type: 'text', text: 'yes' }];
const checkpoint = (upTo: number, beyond: readonly number[] = []): Checkpoint => ({
  upTo,
  beyond,
  outputBytes: 0,
  errorBytes: 0,
  done: 0,
  failed: 0,
});

describe('the journal of a job', () => {
  it('gives back answers that had arrived, and counts the calls that were under way', () => {
    const file = join(folder, 'journal');
    const first = new Journal(file);
    first.begun(0, 'a');
    first.answered(0, 'a', said);
    first.begun(1, 'b');
    first.begun(2, 'c');
    // Killed: nothing is closed.
    const second = new Journal(file);
    expect([second.answerOf(0, 'a'), second.answerOf(1, 'b'), second.atRisk]).toEqual([said, null, 2]);
    expect(second.isFinished(0)).toBe(false);
  });

  it('forgets what belongs to rows that are written', () => {
    const file = join(folder, 'journal');
    const first = new Journal(file);
    for (const row of [0, 1, 2, 3]) first.answered(row, `k${row}`, said);
    first.checked(checkpoint(2, [3]));
    for (const journal of [first, new Journal(file)]) {
      expect([0, 1, 2, 3].map((row) => journal.isFinished(row))).toEqual([true, true, false, true]);
      expect([0, 1, 2, 3].map((row) => journal.answerOf(row, `k${row}`))).toEqual([null, null, said, null]);
    }
  });

  it('cuts off a torn last line wherever it was torn, and goes on after it', () => {
    const file = join(folder, 'journal');
    const whole = new Journal(file);
    whole.answered(0, 'a', said);
    const good = statSync(file).size;
    whole.answered(1, 'b', said);
    const all = statSync(file).size;
    for (let length = good; length < all; length += 1) {
      const copy = join(folder, `torn-${length}`);
      writeFileSync(copy, readFileSync(file).subarray(0, length));
      const journal = new Journal(copy);
      expect([journal.answerOf(0, 'a'), journal.answerOf(1, 'b')]).toEqual([said, null]);
      journal.answered(2, 'c', said);
      expect(new Journal(copy).answerOf(2, 'c')).toEqual(said);
    }
  });
});

describe('finished rows', () => {
  it('are written each once, in the order of the input where that is wanted, and a checkpoint never says more than is written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }).chain((n) =>
          fc.shuffledSubarray(
            Array.from({ length: n }, (_, i) => i),
            { minLength: n },
          ),
        ),
        fc.boolean(),
        fc.infiniteStream(fc.boolean()),
        (order, isOrdered, flushes) => {
          let output = '';
          let errors = '';
          let at: Pick<Checkpoint, 'upTo' | 'beyond'> = checkpoint(0);
          const rows = new FinishedRows(
            {
              write: (lines, bad, progress) => {
                output += lines;
                errors += bad;
                at = progress;
                const written = new Set(
                  `${output}${errors}`
                    .split(' ')
                    .filter((one) => one !== '')
                    .map(Number),
                );
                expect(new Set([...Array.from({ length: progress.upTo }, (_, i) => i), ...progress.beyond])).toEqual(written);
              },
            },
            isOrdered,
          );
          for (const ordinal of order) {
            rows.add({ ordinal, line: `${ordinal} `, isError: ordinal % 5 === 4 });
            if (flushes.next().value === true) rows.flush();
          }
          rows.flush();
          expect(at).toMatchObject({
            upTo: order.length,
            beyond: [],
            done: order.length - Math.floor(order.length / 5),
            failed: Math.floor(order.length / 5),
          });
          if (isOrdered)
            expect(output.trim().split(' ').filter(Boolean)).toEqual(
              [...order]
                .sort((a, b) => a - b)
                .filter((i) => i % 5 !== 4)
                .map(String),
            );
        },
      ),
    );
  });
});

describe('a row file', () => {
  it('goes on after what a checkpoint knows of, and refuses one that became shorter', () => {
    const file = join(folder, 'out');
    const first = new RowFile(file, 0);
    first.write('one\n');
    const known = first.bytes;
    first.write('two\nthr');
    const second = new RowFile(file, known);
    second.write('zwei\n');
    expect(readFileSync(file, 'utf8')).toBe('one\nzwei\n');
    truncateSync(file, 2);
    expect(() => new RowFile(file, known)).toThrow('shorter than an earlier run left it');
  });
});

describe('the folder of a job', () => {
  const wanted = { pipeline: 'p', pipelineHash: 'h', input: { path: '/in', version: '3:1' }, errors: '/err', ordered: false };

  it('is one process’s at a time, and a dead one’s lock is taken over', () => {
    const path = join(folder, 'job');
    const first = openJobFolder(path, wanted, false);
    // This process is alive, so nobody else may.
    expect(() => openJobFolder(path, wanted, true)).toThrow('is at work on this job');
    first.release(null);
    writeFileSync(join(path, 'lock'), '999999999 12\n');
    const second = openJobFolder(path, wanted, true);
    expect([second.isResumed, second.card.id]).toEqual([true, first.card.id]);
    second.release(null);
    // The same number, given to another process since.
    writeFileSync(join(path, 'lock'), `${process.ppid} 1\n`);
    openJobFolder(path, wanted, true).release(null);
    expect(existsSync(join(path, 'lock'))).toBe(false);
  });

  it('is gone on with only when asked, and only for the same job', () => {
    const path = join(folder, 'job');
    openJobFolder(path, wanted, false).release(null);
    expect(() => openJobFolder(path, wanted, false)).toThrow('go on with it by --resume');
    expect(() => openJobFolder(path, { ...wanted, pipelineHash: 'other' }, true)).toThrow('another version of the pipeline');
    expect(() => openJobFolder(path, { ...wanted, input: { ...wanted.input, version: '4:1' } }, true)).toThrow('another input');
    openJobFolder(path, wanted, true).release(null);
  });

  it('knows that a job is finished, and begins anew where nobody asks to go on', () => {
    const path = join(folder, 'job');
    const first = openJobFolder(path, wanted, true);
    appendFileSync(first.journal, '{"t":"start","row":0,"key":"a"}\n');
    first.release(checkpoint(7));
    expect(existsSync(first.journal)).toBe(false);
    const again = openJobFolder(path, wanted, true);
    expect(new Journal(again.journal, again.card.finished).isFinished(6)).toBe(true);
    again.release(null);
    const anew = openJobFolder(path, wanted, false);
    expect([anew.isResumed, anew.card.finished, anew.card.id === first.card.id]).toEqual([false, undefined, false]);
    anew.release(null);
  });
});

describe('the id of a call', () => {
  it('is a UUID of version 7 that follows from the job and the place, and sorts with the job', () => {
    const job = '01a20240-fe60-7178-ae95-5da64a52451c';
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(stableId(job, a)).toMatch(/^01a20240-fe60-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(stableId(job, a) === stableId(job, b)).toBe(a === b);
      }),
    );
  });
});
