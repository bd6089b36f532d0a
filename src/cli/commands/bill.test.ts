import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, type Clock, nanoUsd, usage } from '../../core/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { type BillDocument, type BillOptions, runBill } from './bill.ts';

const clock: Clock = { now: () => Date.parse('2026-11-15T10:20:00Z'), monotonic: () => 0 };

let folder: string;

function call(id: number, parts: Partial<Call>): Call {
  return {
    id: `00000000-0000-7000-8000-${String(id).padStart(12, '0')}`,
    requestId: `request-${id}`,
    at: Date.parse('2026-11-03T09:00:00Z'),
    task: 'classify',
    step: null,
    pipeline: null,
    key: null,
    team: null,
    model: 'small',
    provider: 'vllm',
    servedModel: null,
    tier: 'small',
    purpose: 'answer',
    outcome: 'accepted',
    error: null,
    stop: 'done',
    usage: usage({ freshInput: 100, cacheRead: 50, output: 10 }),
    usageSource: 'reported',
    priceId: 'p',
    cost: nanoUsd(0.000000001),
    latencyMs: 5,
    firstTokenMs: null,
    streamed: false,
    confidence: null,
    decision: null,
    fingerprint: null,
    bodyHash: null,
    tags: {},
    ...parts,
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-bill-'));
  const directory = await openDataDir(join(folder, 'state'));
  const store = await openSqliteStore(directory.database);
  await store.calls.append([
    call(1, {}),
    // One request: the small attempt was escalated, the frontier answered, a judge looked on.
    call(2, { requestId: 'two', outcome: 'escalated' }),
    call(3, {
      requestId: 'two',
      purpose: 'escalation',
      model: 'frontier',
      provider: 'anthropic',
      tier: 'frontier',
      cost: nanoUsd(0.012),
      at: Date.parse('2026-11-15T10:10:00Z'),
    }),
    call(4, { requestId: 'two', purpose: 'judge', outcome: 'observed', model: 'frontier', provider: 'anthropic', cost: nanoUsd(0.002) }),
    call(5, { outcome: 'failed', error: 'UPSTREAM_FAILED', model: 'odd', provider: 'acme', cost: null, priceId: null }),
    call(6, { at: Date.parse('2026-10-31T23:59:59Z'), cost: nanoUsd(7) }),
  ]);
  await store.close();
  await directory.release();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function bill(options: Partial<BillOptions>): Promise<{ document: BillDocument | undefined; text: string; notes: string[] }> {
  const documents: unknown[] = [];
  const notes: string[] = [];
  let text = '';
  const io: CommandIo = {
    out: (part) => {
      text += part;
    },
    json: (value) => documents.push(value),
    note: (line) => notes.push(line),
    progress: () => ({ advance() {}, end() {} }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  expect(await runBill({ data: 'state', json: true, ...options }, io, clock)).toBe(0);
  return { document: documents[0] as BillDocument | undefined, text, notes };
}

describe('smallfirst bill', () => {
  it('counts requests answered apart from attempts, this month, to the nano-dollar', async () => {
    const { document } = await bill({});
    expect(document).toMatchObject({
      calls: 3,
      attempts: 5,
      unpricedCalls: 1,
      costNanoUsd: 14_000_002,
      costUsd: 0.014000002,
      inputTokens: 750,
      cachedTokens: 250,
      outputTokens: 50,
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-15T11:00:00.000Z',
      by: ['task', 'model'],
      unpricedModels: [{ provider: 'acme', model: 'odd', attempts: 1 }],
    });
    expect(document?.rows.map(({ task, model, calls, attempts, costNanoUsd }) => [task, model, calls, attempts, costNanoUsd])).toEqual([
      ['classify', 'frontier', 1, 2, 14_000_000],
      ['classify', 'odd', 1, 1, 0],
      ['classify', 'small', 1, 2, 2],
    ]);
  });

  it.each(['task', 'model,outcome', 'day', 'purpose,tier', 'hour,provider,key'])('adds up to the same bill by %s', async (by) => {
    const { document } = await bill({ by });
    expect(document?.rows.reduce((sum, row) => sum + row.costNanoUsd, 0)).toBe(14_000_002);
    expect(document?.rows.reduce((sum, row) => sum + row.calls, 0)).toBe(3);
    expect(document).toMatchObject({ costNanoUsd: 14_000_002, calls: 3, attempts: 5 });
  });

  it('takes days, the last one exclusive', async () => {
    expect((await bill({ from: '2026-10-31', to: '2026-11-01' })).document).toMatchObject({ calls: 1, costUsd: 7 });
    expect((await bill({ to: '2026-11-01' })).document).toMatchObject({ from: '2026-10-01T00:00:00.000Z', costUsd: 7 });
    expect((await bill({ from: '2026-11-15' })).document).toMatchObject({ calls: 1, costUsd: 0.012 });
  });

  it('prints a table, and says loudly what has no price', async () => {
    const { text, notes } = await bill({ json: false });
    expect(text).toContain('Bill from 2026-11-01 to 2026-11-15 11:00 (UTC)');
    expect(text).toMatch(/classify +odd +1 +1 +150 +50 +10 +unpriced +0\.0 % +1/);
    expect(text).toMatch(/total +3 +5 +750 +250 +50 +\$0\.0140 +100\.0 % +1/);
    expect(notes).toEqual([expect.stringContaining('1 of 5 attempts has no known price and is in no sum: odd at acme (1)')]);
  });

  it('says when there is nothing', async () => {
    const { text, notes } = await bill({ json: false, from: '2025-01-01', to: '2025-02-01' });
    expect(text).toBe('Bill from 2025-01-01 to 2025-02-01 (UTC)\nNo calls were recorded in this span.\n');
    expect(notes).toEqual([]);
  });

  it.each([
    [{ from: 'October' }, '--from takes a day such as 2026-10-01, not "October".'],
    [{ to: '2026-02-30' }, '--to takes a day such as 2026-10-01, not "2026-02-30".'],
    [{ from: '2026-12-01' }, '--from 2026-12-01 must be before --to 2026-11-15'],
    [{ from: '2026-11-02', to: '2026-11-02' }, '--from 2026-11-02 must be before --to 2026-11-02'],
    [{ by: 'task,modle' }, '--by knows no "modle"; it takes task, step'],
    [{ by: ' , ' }, '--by needs at least one of task'],
    [{ data: 'nowhere' }, 'no data directory at'],
  ])('refuses %j with what to do', async (options, message) => {
    await expect(bill(options)).rejects.toThrow(message);
  });
});
