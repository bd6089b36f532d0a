import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NanoUsd, newId } from '../../core/index.ts';
import { openWorkStore } from '../index.ts';
import type { CellHold, NewWorkJob, RowResult, WorkRow, WorkStore } from '../work-types.ts';

const url = process.env.SMALLFIRST_TEST_POSTGRES ?? '';
const schema = `test_work_${process.pid}_${Date.now().toString(36)}`;
const LEASE = { ms: 60_000, share: 4 };
const usd = (nano: number) => nano as NanoUsd;

const aJob = (more: Partial<NewWorkJob> = {}): NewWorkJob => ({
  id: newId(),
  pipeline: 'p',
  pipelineHash: randomUUID(),
  input: '/in.jsonl',
  inputVersion: 'v',
  request: {},
  createdAt: 1,
  concurrency: null,
  maxCost: null,
  ...more,
});
const rowsFrom = (from: number, count: number): readonly WorkRow[] =>
  Array.from({ length: count }, (_, i) => ({
    ordinal: from + i,
    line: from + i + 1,
    id: `r${from + i}`,
    input: { text: 'a' },
    problem: null,
  }));
const answered = (ordinal: number, spent = 1): RowResult => ({
  ordinal,
  line: `{"id":${ordinal}}`,
  isError: false,
  escalated: false,
  spent: usd(spent),
  retryRow: null,
});
const failed = (row: WorkRow): RowResult => ({ ...answered(row.ordinal), isError: true, retryRow: row });
const hold = (job: string, cell: number): CellHold => ({ job, cell, attempt: randomUUID() });
const last = (results: readonly RowResult[]) => ({ results, alsoSpent: usd(0), endedAt: 9 });
const some = (results: readonly RowResult[]) => ({ results, alsoSpent: usd(0), endedAt: null });

describe.skipIf(url === '')(
  'bulk work in PostgreSQL (skipped without SMALLFIRST_TEST_POSTGRES, the URL of a database to make schemas in)',
  () => {
    let store: WorkStore;
    beforeAll(async () => {
      store = await openWorkStore(url, { schema });
    });
    afterAll(async () => {
      await store?.close();
      const { default: pg } = await import('pg');
      const admin = new pg.Client({ connectionString: url });
      await admin.connect();
      await admin.query(`set client_min_messages = warning; drop schema if exists ${schema} cascade`);
      await admin.end();
    });

    async function loaded(count: number, size: number, more: Partial<NewWorkJob> = {}): Promise<NewWorkJob> {
      const job = aJob(more);
      await store.add(job);
      await store.addRows(job.id, rowsFrom(0, count), size);
      await store.loaded(job.id, 2);
      return job;
    }

    it('does a job to its end: cells are handed out, kept once, and collected in order', async () => {
      const { id, pipelineHash } = await loaded(5, 2);
      expect(await store.waiting([pipelineHash], 10)).toEqual([0, 1, 2].map((cell) => ({ job: id, cell, pipelineHash })));
      for (const cell of [2, 0, 1]) {
        const mine = hold(id, cell);
        const granted = await store.begin(mine, LEASE);
        if (granted.kind !== 'granted') throw new Error(granted.kind);
        expect(await store.begin(hold(id, cell), LEASE)).toMatchObject({ kind: 'held' });
        expect(await store.keep(mine, last(granted.rows.map(({ ordinal }) => answered(ordinal))))).toBe('running');
      }
      expect(await store.find(id)).toMatchObject({
        state: 'done',
        finishedAt: 9,
        rows: 5,
        done: 5,
        failed: 0,
        spent: 5,
        cellsLeft: 0,
        duplicates: 0,
      });
      expect((await store.results(id, -1, 10)).map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 3, 4]);
      expect(await store.results(id, 2, 1)).toEqual([{ ordinal: 3, isError: false, line: '{"id":3}' }]);
      expect(await store.left([pipelineHash])).toBe(0);
    });

    it('tells a cell whose money others hold to come back long before their leases end', async () => {
      const { id } = await loaded(2, 1, { maxCost: usd(10) });
      await store.begin(hold(id, 0), { ...LEASE, share: 1 });
      expect(await store.begin(hold(id, 1), LEASE)).toEqual({ kind: 'held', forMs: LEASE.ms / 4 });
    });

    it('adds rows that are there already no second time', async () => {
      const job = aJob();
      await store.add(job);
      await store.addRows(job.id, rowsFrom(0, 6), 3);
      expect(await store.addRows(job.id, rowsFrom(3, 6), 3)).toBe(3);
      expect(await store.find(job.id)).toMatchObject({ rows: 9, cellsLeft: 3, isLoaded: false });
      expect(await store.left([job.pipelineHash])).toBe(3);
    });

    it('keeps the first answer of a row, books the second, and books what is told twice once', async () => {
      const { id } = await loaded(2, 2);
      const slow = hold(id, 0);
      const fast = hold(id, 0);
      await store.begin(slow, { ms: 0, share: 1 });
      expect(await store.begin(fast, LEASE)).toMatchObject({ kind: 'granted', attempts: 2 });
      await store.keep(fast, some([answered(0, 10)]));
      await store.keep(fast, some([answered(0, 10)]));
      await store.keep(slow, last([answered(0, 7), answered(1, 5)]));
      // The cell is not the slow one's any more, so it stays until its holder ends it.
      expect(await store.find(id)).toMatchObject({ done: 2, duplicates: 1, spent: 22, cellsLeft: 1, state: 'running' });
      await store.keep(fast, last([answered(1, 3)]));
      expect(await store.find(id)).toMatchObject({ state: 'done', done: 2, duplicates: 2, spent: 25 });
    });

    it('gives a cell that is begun again only the rows without a result', async () => {
      const { id } = await loaded(3, 3);
      const first = hold(id, 0);
      await store.begin(first, { ms: 0, share: 1 });
      await store.keep(first, some([answered(1)]));
      const granted = await store.begin(hold(id, 0), LEASE);
      expect(granted).toMatchObject({ kind: 'granted', rows: [{ ordinal: 0 }, { ordinal: 2 }] });
      expect([...(await store.renew([first], 1_000))]).toEqual([]);
    });

    it('retries rows that failed in new cells, and lets go of what comes late for the old ones', async () => {
      const { id } = await loaded(3, 3);
      const mine = hold(id, 0);
      const granted = await store.begin(mine, LEASE);
      if (granted.kind !== 'granted') throw new Error(granted.kind);
      const [first, second, third] = granted.rows as [WorkRow, WorkRow, WorkRow];
      await store.keep(mine, last([failed(first), answered(second.ordinal), failed(third)]));
      expect(await store.find(id)).toMatchObject({ state: 'done', done: 1, failed: 2 });
      expect(await store.retry(id, 1)).toBe(2);
      await store.keep(mine, some([failed(first)]));
      expect(await store.find(id)).toMatchObject({ state: 'running', done: 1, failed: 0, cellsLeft: 2 });
      expect(await store.begin(hold(id, 1), LEASE)).toMatchObject({ kind: 'granted', rows: [first] });
    });

    it('pauses, resumes and cancels as people say, and refuses what cannot be', async () => {
      const { id, pipelineHash } = await loaded(4, 1);
      await store.pause(id, 'by hand');
      expect(await store.begin(hold(id, 0), LEASE)).toEqual({ kind: 'nothing' });
      expect(await store.waiting([pipelineHash], 10)).toEqual([]);
      await expect(store.pause(id, 'by hand')).rejects.toMatchObject({ code: 'USAGE' });
      await store.resume(id, null);
      const mine = hold(id, 0);
      await store.begin(mine, LEASE);
      expect(await store.keep(mine, last([answered(0)]))).toBe('running');
      await store.cancel(id, 5);
      expect(await store.keep(hold(id, 1), some([answered(1)]))).toBe('cancelled');
      expect(await store.find(id)).toMatchObject({ state: 'cancelled', done: 1, cellsLeft: 0 });
      await expect(store.retry(id, 1)).rejects.toMatchObject({ code: 'USAGE' });
    });

    it('never lets cells spend more than the cap together, and gives back what they do not need', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 400 }),
          fc.array(
            fc.record({ cell: fc.nat(5), share: fc.integer({ min: 1, max: 4 }), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
            {
              minLength: 1,
              maxLength: 12,
            },
          ),
          async (cap, steps) => {
            const { id } = await loaded(6, 1, { maxCost: usd(cap) });
            let spent = 0;
            for (const { cell, share, part } of steps) {
              const mine = hold(id, cell);
              const granted = await store.begin(mine, { ms: 0, share });
              const job = await store.find(id);
              expect((job?.spent ?? 0) + (job?.reserved ?? 0)).toBeLessThanOrEqual(cap);
              if (granted.kind !== 'granted') continue;
              const cost = Math.floor((granted.budget ?? 0) * part);
              spent += cost;
              if (part < 0.3) await store.release(mine, false).then(() => (spent -= cost));
              else
                await store.keep(mine, {
                  results: granted.rows.map(({ ordinal }) => answered(ordinal, cost)),
                  alsoSpent: usd(0),
                  endedAt: part > 0.6 ? 9 : null,
                });
              if (granted.rows.length === 0 && part >= 0.3) spent -= cost;
            }
            const end = await store.find(id);
            expect(end?.spent).toBe(spent);
            expect(spent + (end?.reserved ?? 0)).toBeLessThanOrEqual(cap);
            await store.cancel(id, 9).catch(() => {});
            expect((await store.find(id))?.reserved).toBe(0);
          },
        ),
        { numRuns: 15 },
      );
    });

    it('counts a job right when many holders keep at once', async () => {
      const { id } = await loaded(60, 1);
      const others = await Promise.all(Array.from({ length: 2 }, () => openWorkStore(url, { schema, maxConnections: 4 })));
      await Promise.all(
        Array.from({ length: 60 }, async (_, cell) => {
          const at = [store, ...others][cell % 3] as WorkStore;
          const mine = hold(id, cell);
          await at.begin(mine, LEASE);
          await at.keep(mine, last([answered(cell, cell)]));
        }),
      );
      expect(await store.find(id)).toMatchObject({ state: 'done', done: 60, spent: (59 * 60) / 2, cellsLeft: 0, duplicates: 0 });
      await Promise.all(others.map((one) => one.close()));
    });
  },
);
