import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, type Clock, type NanoUsd, type Outcome, type Purpose, usage } from '../../core/index.ts';
import { seededRandom } from '../../statistics/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import type { BillDocument } from './bill.ts';
import type { BillCompareDocument } from './bill-compare.ts';
import { type BillViewOptions, runBillView } from './bill-views.ts';

const clock: Clock = { now: () => Date.parse('2026-11-20T12:00:00Z'), monotonic: () => 0 };
const purposes: readonly Purpose[] = ['answer', 'escalation', 'polish', 'shadow', 'audit', 'judge', 'eval', 'passthrough'];
const outcomes: readonly Outcome[] = ['accepted', 'escalated', 'invalid', 'truncated', 'refused', 'failed', 'aborted', 'observed'];

let folder: string;
const calls = randomCalls(600);

/** Calls of every purpose and outcome over October and November, some unpriced, some read from a cache. */
function randomCalls(n: number): readonly Call[] {
  const random = seededRandom(11);
  const one = <T>(items: readonly T[]): T => items[random.int(items.length)] as T;
  const start = Date.parse('2026-10-01T00:00:00Z');
  return Array.from({ length: n }, (_, i) => ({
    ...{ id: `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`, requestId: `request-${random.int(300)}` },
    ...{ at: start + random.int(50 * 86_400) * 1000, task: one(['classify', 'draft', null]), step: one(['first', null]) },
    ...{ pipeline: one(['inbox', null]), key: one(['web', 'batch', null]), team: one(['support', 'sales', null]) },
    ...{
      model: one(['small', 'big']),
      provider: one(['openai', 'anthropic']),
      servedModel: null,
      tier: one(['small', 'frontier'] as const),
    },
    ...{
      purpose: one(purposes),
      outcome: one(outcomes),
      error: null,
      stop: 'done',
      usageSource: 'reported',
      priceId: null,
      latencyMs: null,
    },
    usage: usage({ freshInput: random.int(5000), cacheRead: random.int(2) * random.int(3000), output: random.int(900) }),
    cost: random.int(10) === 0 ? null : (random.int(40_000_000) as NanoUsd),
    ...{ firstTokenMs: null, streamed: false, confidence: null, decision: null, fingerprint: null, bodyHash: null, tags: {} },
  }));
}

const total = sumOf(calls, (call) => call.cost ?? 0);

function sumOf<T>(rows: readonly T[], pick: (row: T) => number): number {
  return rows.reduce((sum, row) => sum + pick(row), 0);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-attribution-'));
  const directory = await openDataDir(join(folder, 'state'));
  const store = await openSqliteStore(directory.database);
  await store.calls.append(calls);
  await store.close();
  await directory.release();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function view(options: Partial<BillViewOptions>): Promise<unknown> {
  const documents: unknown[] = [];
  const io: CommandIo = {
    ...{ out: () => undefined, json: (value: unknown) => void documents.push(value), note: () => undefined, env: {}, cwd: folder },
    ...{ progress: () => ({ advance() {}, end() {} }), signal: new AbortController().signal, width: 120 },
  };
  expect(await runBillView({ data: 'state', json: true, ...options }, io, clock)).toBe(0);
  return documents[0];
}

describe('the attribution of a bill', () => {
  it.each(['purpose', 'outcome', 'task,step', 'pipeline', 'model,provider,tier', 'key,team', 'day', 'hour'])(
    'books every attempt, judge and shadow once, by %s',
    async (by) => {
      const bill = (await view({ by, from: '2026-10-01' })) as BillDocument;
      expect(bill).toMatchObject({ costNanoUsd: total, attempts: 600, unpricedCalls: calls.filter(({ cost }) => cost === null).length });
      expect(sumOf(bill.rows, (row) => row.costNanoUsd)).toBe(total);
      expect(sumOf(bill.rows, (row) => row.attempts)).toBe(600);
      expect(sumOf(bill.rows, (row) => row.cachedTokens)).toBe(sumOf(calls, (call) => call.usage.cacheRead));
    },
  );

  it('has for each purpose what its calls cost', async () => {
    const bill = (await view({ by: 'purpose', from: '2026-10-01' })) as BillDocument;
    const costOf = (purpose: Purpose) => sumOf(calls, (call) => (call.purpose === purpose ? (call.cost ?? 0) : 0));
    expect(new Map(bill.rows.map((row) => [row.purpose, row.costNanoUsd]))).toEqual(
      new Map(purposes.map((purpose) => [purpose, costOf(purpose)])),
    );
  });

  it('is the same bill month beside month, and as FOCUS rows', async () => {
    const compare = (await view({ compare: ['2026-10', '2026-11'], by: 'purpose,team' })) as BillCompareDocument;
    expect((compare.before?.costNanoUsd ?? 0) + (compare.after?.costNanoUsd ?? 0)).toBe(total);
    expect(sumOf(compare.rows, (row) => row.changeNanoUsd)).toBe(compare.changeNanoUsd);
    await view({ focus: 'bill.csv', from: '2026-10-01' });
    const rows = parse(await readFile(join(folder, 'bill.csv')), { columns: true }) as Record<string, string>[];
    expect(sumOf(rows, (row) => Math.round(Number(row.BilledCost) * 1e9))).toBe(total);
    expect(sumOf(rows, (row) => Number(row.x_UnpricedCalls))).toBe(calls.filter(({ cost }) => cost === null).length);
  });
});
