import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, type Clock, type NanoUsd, nanoUsd, usage } from '../../core/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { buildProgram } from '../program.ts';
import type { BillBeforeDocument } from './bill-before.ts';
import type { BillCompareDocument } from './bill-compare.ts';
import type { BillFocusDocument } from './bill-focus.ts';
import type { BillForecastDocument } from './bill-forecast.ts';
import { type BillViewOptions, runBillView } from './bill-views.ts';

const clock: Clock = { now: () => Date.parse('2026-11-15T12:00:00Z'), monotonic: () => 0 };

let folder: string;
let ids = 0;

function call(at: string, parts: Partial<Call>): Call {
  ids += 1;
  return {
    ...{ id: `00000000-0000-7000-8000-${String(ids).padStart(12, '0')}`, requestId: `request-${ids}`, at: Date.parse(at), step: null },
    ...{ task: 'classify', pipeline: null, key: null, team: null, model: 'small', provider: 'openai', servedModel: null, tier: 'small' },
    ...{ purpose: 'answer', outcome: 'accepted', error: null, stop: 'done', usageSource: 'reported', priceId: 'p', latencyMs: 5 },
    ...{ usage: usage({ freshInput: 1000, cacheRead: 1000, output: 100 }), cost: nanoUsd(0.001), firstTokenMs: null, streamed: false },
    ...{ confidence: null, decision: null, fingerprint: null, bodyHash: null, tags: {} },
    ...parts,
  };
}

const config = `
prices: prices.yaml
models:
  small: { provider: openai, model: my-small, price: { input: 0.5, output: 1 } }
  big: { provider: anthropic, model: my-big }
tasks:
  classify: { prompt: "Yes or no: {{input}}", output: { kind: label, labels: [yes, no] }, ladder: [small, big] }
`;

const prices = `
- { provider: anthropic, model: my-big, usdPerMillion: { input: 10, output: 50, cacheRead: 1 } }
- { provider: anthropic, model: my-big, from: 2026-11-05, usdPerMillion: { input: 5, output: 25, cacheRead: 0.5 } }
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-bill-views-'));
  await writeFile(join(folder, 'smallfirst.yaml'), config);
  await writeFile(join(folder, 'prices.yaml'), prices);
  const directory = await openDataDir(join(folder, 'state'));
  const store = await openSqliteStore(directory.database);
  const calls: Call[] = [];
  // October: ten requests of $.001 a day from the 1st on, twenty from November on.
  for (let day = 1; day <= 31; day++) {
    for (let i = 0; i < 10; i++) calls.push(call(`2026-10-${String(day).padStart(2, '0')}T08:00:00Z`, {}));
  }
  for (let day = 1; day <= 14; day++) {
    for (let i = 0; i < 20; i++) calls.push(call(`2026-11-${String(day).padStart(2, '0')}T08:00:00Z`, { team: 'support', key: 'web' }));
  }
  // One that was escalated to the ceiling, one that a judge looked at, one that nobody priced, one of no task.
  calls.push(
    call('2026-11-04T09:00:00Z', { requestId: 'up', outcome: 'escalated' }),
    call('2026-11-04T09:00:01Z', {
      ...{ requestId: 'up', purpose: 'escalation', model: 'big', provider: 'anthropic', tier: 'frontier', cost: nanoUsd(0.016) },
    }),
    call('2026-11-04T09:00:02Z', {
      requestId: 'up',
      purpose: 'judge',
      outcome: 'observed',
      model: 'big',
      provider: 'anthropic',
      cost: nanoUsd(0.002),
    }),
    call('2026-11-06T09:00:00Z', { task: null, cost: nanoUsd(0.5) }),
  );
  await store.calls.append(calls);
  await store.close();
  await directory.release();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function view(options: Partial<BillViewOptions>): Promise<{ document: unknown; text: string; notes: string[] }> {
  const documents: unknown[] = [];
  const notes: string[] = [];
  let text = '';
  const io = terminal({
    out: (part) => {
      text += part;
    },
    json: (value) => void documents.push(value),
    note: (line) => void notes.push(line),
  });
  expect(await runBillView({ data: 'state', json: true, ...options }, io, clock)).toBe(0);
  return { document: documents[0], text, notes };
}

function terminal(parts: Pick<CommandIo, 'out' | 'json' | 'note'>): CommandIo {
  return { ...parts, progress: () => ({ advance() {}, end() {} }), env: {}, cwd: folder, signal: new AbortController().signal, width: 120 };
}

const sumOf = <T>(rows: readonly T[], pick: (row: T) => number) => rows.reduce((sum, row) => sum + pick(row), 0);

describe('smallfirst bill --compare', () => {
  it.each(['task,model', 'team', 'purpose,outcome', 'key,step,tier'])('splits the change by %s, and the rows add up to it', async (by) => {
    const document = (await view({ compare: ['2026-10', '2026-11'], by })).document as BillCompareDocument;
    expect(document.before).toMatchObject({ calls: 310, costNanoUsd: nanoUsd(0.31) });
    expect(document.after).toMatchObject({ calls: 282, costNanoUsd: nanoUsd(0.28 + 0.001 + 0.016 + 0.002 + 0.5) });
    expect(sumOf(document.rows, (row) => row.changeNanoUsd)).toBe(document.changeNanoUsd);
    expect(document.changeNanoUsd).toBe(nanoUsd(0.799 - 0.31));
    expect(document.byVolumeUsd).toBeCloseTo(-28 * 0.001, 12);
    expect(document.byVolumeUsd + document.byUnitCostUsd).toBeCloseTo(document.changeUsd, 12);
    expect(document.unitCostUsd.before).toBeCloseTo(0.001, 12);
  });

  it('names the list prices that changed, from which day, and a month that is not over', async () => {
    const { document, notes } = await view({ compare: ['2026-10', '2026-11'] });
    expect((document as BillCompareDocument).priceChanges).toEqual([
      { provider: 'anthropic', model: 'my-big', class: 'freshInput', before: 10, after: 5, from: '2026-11-05' },
      { provider: 'anthropic', model: 'my-big', class: 'output', before: 50, after: 25, from: '2026-11-05' },
      { provider: 'anthropic', model: 'my-big', class: 'cacheRead', before: 1, after: 0.5, from: '2026-11-05' },
    ]);
    expect(notes).toEqual(['WARNING: 2026-11 is not over: it is compared as far as it has gone.']);
  });

  it('prints both months and why', async () => {
    const { text } = await view({ compare: ['2026-10', '2026-11'], by: 'model', json: false });
    expect(text).toMatch(/total +310 +282 +\$0\.3100 +\$0\.7990 +\+\$0\.4890 +\+157\.7 % +-\$0\.0280 +\+\$0\.5170/);
    expect(text).toContain('- anthropic/my-big, output: 50 → 25 $ per million from 2026-11-05');
    expect((await view({ compare: ['2025-01', '2025-02'], json: false })).text).toBe('No calls were recorded in these months.\n');
  });

  it.each([
    [{ compare: ['2026-10'] }, '--compare takes two months'],
    [{ compare: ['2026-10', '2026-13'] }, '--compare takes months such as 2026-10, not "2026-13"'],
    [{ compare: ['2026-10', '2026-12'] }, '2026-12 has not begun'],
    [{ compare: ['2026-10', '2026-09'], by: 'day' }, 'no day or hour'],
  ])('refuses %j with what to do', async (options, message) => {
    await expect(view(options)).rejects.toThrow(message);
  });
});

describe('smallfirst bill --before', () => {
  it('prices what was answered by the small model at the ceiling, as of each day, and lets the ceiling’s own answers stand', async () => {
    const document = (await view({ before: true })).document as BillBeforeDocument;
    // 1,000 fresh + 1,000 cached + 100 out: $.016 until the 4th, $.008 from the 5th on. Four days of 20, ten days of 20, and one escalated.
    expect(document.beforeNanoUsd).toBe(nanoUsd(80 * 0.016 + 200 * 0.008 + 0.016));
    expect(document.actualNanoUsd).toBe(nanoUsd(0.28 + 0.001 + 0.016 + 0.002));
    expect(document).toMatchObject({ requests: 281, ceilings: { classify: 'big' }, unpricedRequests: 0 });
    expect(document.savedShare).toBeCloseTo(1 - 0.299 / 2.896, 12);
    expect(document.outside).toEqual({ attempts: 1, costUsd: 0.5, costNanoUsd: nanoUsd(0.5) });
    expect(document.perRequestUsd.before).toBeCloseTo(2.896 / 281, 12);
    expect(document.projected?.month).toBe('2026-11');
    expect(document.projected?.actualUsd).toBeGreaterThan(0.299 + 15 * 0.0125);
    expect(document.projected?.savedUsd).toBeCloseTo((document.projected?.beforeUsd ?? 0) - (document.projected?.actualUsd ?? 0), 12);
    const october = (await view({ before: true, from: '2026-10-01', to: '2026-11-01' })).document as BillBeforeDocument;
    expect(october).toMatchObject({ projected: null, beforeNanoUsd: nanoUsd(310 * 0.016), actualNanoUsd: nanoUsd(0.31) });
  });

  it.each(['task', 'team', 'key,step', 'day', 'pipeline'])('adds up to the same bill by %s', async (by) => {
    const document = (await view({ before: true, by })).document as BillBeforeDocument;
    expect(sumOf(document.rows, (row) => row.beforeNanoUsd)).toBe(nanoUsd(2.896));
    expect(sumOf(document.rows, (row) => row.actualNanoUsd)).toBe(nanoUsd(0.299));
    expect(sumOf(document.rows, (row) => row.requests)).toBe(281);
  });

  it('prints both bills, what they assume, and what stands beside no ceiling', async () => {
    const { text } = await view({ before: true, json: false });
    expect(text).toMatch(/total +281 +\$2\.90 +\$0\.2990 +\$2\.60 +89\.7 %/);
    expect(text).toContain('Outside every task of the config, and so beside no ceiling: 1 attempt, $0.5000.');
    expect(text).toContain('- its price is the one in force on the day of the answer');
    await expect(view({ before: true, by: 'model' })).rejects.toThrow('--before knows no "model"');
  });
});

describe('smallfirst bill --forecast', () => {
  it('carries this month to its end by day, and the next one too', async () => {
    const document = (await view({ forecast: 2, budget: 0.5 })).document as BillForecastDocument;
    const [november, december] = document.months;
    expect(document.historyDays).toBe(45);
    expect(november?.spentUsd).toBeCloseTo(0.799, 9);
    expect(november?.days).toHaveLength(30);
    expect(november?.days[13]).toEqual({
      ...{
        day: '2026-11-14',
        booked: true,
        usd: expect.closeTo(0.799, 9),
        lowUsd: expect.closeTo(0.799, 9),
        highUsd: expect.closeTo(0.799, 9),
      },
    });
    expect(november?.days.map(({ usd }) => usd)).toEqual([...(november?.days ?? [])].map(({ usd }) => usd).sort((a, b) => a - b));
    expect(november?.expectedUsd).toBeGreaterThan(0.9);
    expect(november?.lowUsd).toBeLessThanOrEqual(november?.expectedUsd ?? 0);
    expect(november?.highUsd).toBeGreaterThanOrEqual(november?.expectedUsd ?? 0);
    expect(november?.overBudget).toBe(1);
    expect(december).toMatchObject({ month: '2026-12', spentUsd: 0, days: expect.objectContaining({ length: 31 }) });
    expect(document.method).toContain('bootstrap');
  });

  it('prints the months, the days and the method', async () => {
    const { text } = await view({ forecast: 1, json: false });
    expect(text).toMatch(/2026-11 +\$0\.7990 +\$/);
    expect(text).toMatch(/2026-11-14 +\$0\.7990 +booked/);
    expect(text).toContain('From 45 whole days. Method: mean of the last 28 days');
    await expect(view({ budget: 3 })).rejects.toThrow('--budget goes with --forecast');
  });
});

describe('smallfirst bill --focus', () => {
  it('writes rows that add up to the bill, to the nano-dollar', async () => {
    const { document, notes } = await view({ focus: 'bill.csv', from: '2026-10-01' });
    const rows = parse(await readFile(join(folder, 'bill.csv')), { columns: true }) as Record<string, string>[];
    const nano = (row: Record<string, string>) => Math.round(Number(row.BilledCost) * 1e9) as NanoUsd;
    expect(document).toMatchObject({
      focusVersion: '1.2',
      rows: rows.length,
      costNanoUsd: nanoUsd(0.31 + 0.799),
      unpricedCalls: 0,
    } satisfies Partial<BillFocusDocument>);
    expect(sumOf(rows, nano)).toBe(nanoUsd(0.31 + 0.799));
    expect(sumOf(rows, (row) => Number(row.x_Attempts))).toBe(310 + 284);
    expect(rows.find((row) => row.ChargePeriodStart === '2026-11-04T00:00:00Z' && row.Tags?.includes('judge'))).toMatchObject({
      ...{
        BilledCost: '0.002',
        ProviderName: 'anthropic',
        ResourceId: 'big',
        SubAccountId: '',
        ConsumedQuantity: '2100',
        ConsumedUnit: 'Tokens',
      },
      ...{ BillingPeriodStart: '2026-11-01T00:00:00Z', BillingPeriodEnd: '2026-12-01T00:00:00Z', ServiceSubcategory: 'Generative AI' },
    });
    expect(rows.some((row) => row.SubAccountId === 'support')).toBe(true);
    expect(notes).toEqual([]);
  });

  it('says where it wrote, and that it could not', async () => {
    expect((await view({ focus: 'again.csv', json: false })).text).toMatch(/rows of FOCUS 1\.2, \$0\.7990 in all: .*again\.csv\n/);
    await expect(view({ focus: 'no/such/folder.csv' })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(view({ focus: 'again.csv', by: 'task' })).rejects.toThrow('leave out --by');
  });

  it('is reached by the options that are documented, one view at a time', async () => {
    const documents: unknown[] = [];
    const io = terminal({ out: () => undefined, json: (value) => void documents.push(value), note: () => undefined });
    const run = (...words: string[]) =>
      buildProgram(io, () => undefined).parseAsync(['node', 'smallfirst', 'bill', '--data', 'state', '--json', ...words]);
    await run('--compare', '2026-09', '2026-10');
    expect(documents[0]).toMatchObject({ months: ['2026-09', '2026-10'], after: { calls: 310 } });
    await run('--from', '2026-10-01', '--to', '2026-11-01', '--by', 'day');
    expect(documents[1]).toMatchObject({ calls: 310, costNanoUsd: nanoUsd(0.31) });
    await run('--forecast');
    await run('--forecast', '3', '--budget', '1');
    expect(documents.slice(2)).toMatchObject([{ budgetUsd: null }, { budgetUsd: 1 }]);
    await expect(run('--forecast', '--focus', 'x.csv')).rejects.toMatchObject({ code: 'commander.conflictingOption' });
  });
});
