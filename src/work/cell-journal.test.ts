import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callId, openCellJournal, sweepJournals } from './cell-journal.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cell-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the journal of a cell', () => {
  const hold = (cell: number, attempt: string) => ({ job: 'job', cell, attempt });

  it('is found again by whoever holds the cell next on this machine, under the generation that it had', () => {
    const first = openCellJournal(folder, hold(1, 'a'));
    first.journal.answered(7, 'k', [{ type: 'text', text: 'yes' }]);
    first.close(false);
    const second = openCellJournal(folder, hold(1, 'b'));
    expect([second.generation, second.journal.answerOf(7, 'k')]).toEqual(['a', [{ type: 'text', text: 'yes' }]]);
    // Another cell whose number begins alike is another cell.
    const other = openCellJournal(folder, hold(11, 'c'));
    expect([other.generation, other.journal.answerOf(7, 'k')]).toEqual(['c', null]);
    second.close(true);
    other.close(true);
    expect([readdirSync(folder), openCellJournal(folder, hold(1, 'd')).generation]).toEqual([[], 'd']);
  });

  it('is removed when nobody came back for it for days', () => {
    for (const cell of [1, 2]) openCellJournal(folder, hold(cell, 'a')).close(false);
    utimesSync(join(folder, 'job-1.a.jsonl'), 1, 1);
    sweepJournals(folder, Date.now());
    expect(readdirSync(folder)).toEqual(['job-2.a.jsonl']);
  });

  it('gives calls ids of their own, which are UUIDs of version 7 with the time of the job', () => {
    const id = '01a20291-79ba-73e7-b84b-b76dfbf67f96';
    const made = ['a', 'b'].map((generation) => callId(id, generation));
    expect(new Set([...made, callId(id, 'a')]).size).toBe(2);
    for (const one of made) expect(one).toMatch(/^01a20291-79ba-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
