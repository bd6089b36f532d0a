import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Call, inputTotal, type NanoUsd, type Outcome, type Purpose, usage } from '../../src/core/index.ts';
import type { BillDimension, BillRow, Store } from '../../src/store/types.ts';
import { aBareCall, aCall } from './calls.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
const nano = (value: number) => value as NanoUsd;

/** How much a run of the contract tries: random histories of calls, and rows whose money is added up. */
export interface Effort {
  readonly histories: number;
  readonly rows: number;
}

/** What any adapter promises about calls. */
export function callsContract(open: () => Promise<Store>, effort: Effort): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };
  const rowsContract = () => {
    it('gives back a call as it was written, with and without what may be absent', () =>
      withStore(async (store) => {
        const full = aCall();
        const bare = aBareCall({ at: full.at + 1 });
        expect(await store.calls.append([full, bare])).toBe(2);
        expect(await store.calls.list({}, { limit: 10 })).toEqual([bare, full]);
        expect(await store.calls.ofRequest(full.requestId)).toEqual([full]);
      }));

    it('gives back rows of every kind that come together', () =>
      withStore(async (store) => {
        const kinds: readonly Partial<Call>[] = [
          {},
          { confidence: null, usage: usage({ freshInput: 5, output: 7 }) },
          ...['cacheRead', 'cacheWrite5m', 'cacheWrite1h', 'reasoning', 'audioInput', 'audioOutput'].map((name) => ({
            confidence: null,
            usage: usage({ [name]: 3 }),
          })),
        ];
        const calls = Array.from({ length: 130 }, (_, i) => {
          const call = aCall({ at: january.from + i, ...kinds[i % kinds.length] });
          return i % 3 === 0 ? call : { ...call, requestId: call.id };
        });
        expect(await store.calls.append(calls)).toBe(130);
        expect(await store.calls.append([...calls, aCall({ at: january.from - 1 })])).toBe(1);
        expect([...(await store.calls.list({ since: january.from }, { limit: 200 }))].reverse()).toEqual(calls);
      }));

    it('counts a row once, however often and in whatever company it arrives', () =>
      withStore(async (store) => {
        const calls = [aCall(), aCall(), aCall()];
        expect(await store.calls.append(calls)).toBe(3);
        expect(await store.calls.append(calls)).toBe(0);
        const late = aCall();
        expect(await store.calls.append([calls[1]!, late, late, { ...calls[0]!, cost: nano(9) }])).toBe(1);
        const [row] = await store.calls.bill(january, []);
        expect(row).toMatchObject({ calls: 4, requests: 4, cost: 4 * 1_234_567, inputTokens: 4000, cachedTokens: 800, outputTokens: 480 });
        expect(await store.calls.ofRequest(calls[0]!.requestId)).toEqual([calls[0]]);
      }));

    it('prunes rows of before a time, and changes no bill by it', () =>
      withStore(async (store) => {
        const at = january.from + DAY;
        const old = Array.from({ length: 6_000 }, (_, i) => aCall({ at: at - 1 - i }));
        const kept = aCall({ at });
        await store.calls.append([kept, ...old]);
        const bill = await store.calls.bill(january, ['day']);
        expect(await store.calls.prune(at)).toBe(6_000);
        expect(await store.calls.prune(at)).toBe(0);
        expect(await store.calls.list({}, { limit: 10 })).toEqual([kept]);
        expect(await store.calls.bill(january, ['day'])).toEqual(bill);
      }));

    it('keeps nothing of a batch with a row that cannot be kept', () =>
      withStore(async (store) => {
        for (const bad of [
          { cost: nano(0.5) },
          { at: -1 },
          { at: 1.5 },
          { confidence: Number.NaN },
          { usage: usage({ output: 2 ** 53 }) },
        ]) {
          await expect(store.calls.append([aCall(), aCall(bad)])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
        }
        expect(await store.calls.list({}, { limit: 10 })).toEqual([]);
        expect(await store.calls.bill(january, [])).toEqual([]);
        expect(await store.calls.append([])).toBe(0);
      }));

    it('lists the attempts of one request, oldest first', () =>
      withStore(async (store) => {
        const first = aCall({ outcome: 'escalated' });
        const second = aCall({
          requestId: first.requestId,
          at: first.at + 900,
          purpose: 'escalation',
          model: 'frontier',
          tier: 'frontier',
        });
        await store.calls.append([second, aCall(), first]);
        expect(await store.calls.ofRequest(first.requestId)).toEqual([first, second]);
        expect(await store.calls.ofRequest('unknown')).toEqual([]);
      }));

    it('pages newest first without a gap or a repeat, by time and then by id', () =>
      withStore(async (store) => {
        const calls = Array.from({ length: 25 }, (_, i) =>
          aCall({ at: january.from + Math.floor(i / 4) * 1000, id: `id-${String(i).padStart(2, '0')}` }),
        );
        await store.calls.append([...calls].reverse());
        const seen: string[] = [];
        for (let before: string | undefined; ; before = seen.at(-1)) {
          const page = await store.calls.list({}, { limit: 7, ...(before === undefined ? {} : { before }) });
          if (page.length === 0) break;
          seen.push(...page.map((call) => call.id));
        }
        expect(seen).toEqual(calls.map((call) => call.id).reverse());
        await expect(store.calls.list({}, { limit: 7, before: 'unknown' })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
        await expect(store.calls.list({}, { limit: 0 })).rejects.toThrow(RangeError);
      }));

    it('lists by task, model and time: since is inclusive, until is not', () =>
      withStore(async (store) => {
        const at = january.from;
        const calls = [
          aCall({ at }),
          aCall({ at: at + 1, task: 'draft' }),
          aCall({ at: at + 2, model: 'big' }),
          aCall({ at: at + 3, task: null }),
        ];
        await store.calls.append(calls);
        const ids = async (filter: Parameters<Store['calls']['list']>[0]) =>
          (await store.calls.list(filter, { limit: 10 })).map((call) => calls.findIndex(({ id }) => id === call.id));
        expect(await ids({ task: 'classify' })).toEqual([2, 0]);
        expect(await ids({ model: 'big' })).toEqual([2]);
        expect(await ids({ task: 'classify', model: 'small' })).toEqual([0]);
        expect(await ids({ since: at + 1, until: at + 3 })).toEqual([2, 1]);
      }));

    it('keeps names that no database likes: control characters, broken surrogates, and ones far too long', () =>
      withStore(async (store) => {
        const call = aCall({
          servedModel: 'a\0b\ud800c',
          task: 'x'.repeat(300),
          requestId: "o'; drop table calls; --",
          tags: { '\0': '\ud800\0 "' },
        });
        await store.calls.append([call]);
        const [kept] = await store.calls.ofRequest(call.requestId);
        expect(kept).toEqual({ ...call, servedModel: 'a\ufffdb\ufffdc', task: `${'x'.repeat(255)}…` });
        expect(await store.calls.list({ task: call.task! }, { limit: 1 })).toEqual([kept]);
        const bill = await store.calls.bill(january, ['task']);
        expect(bill.map((row) => row.dimensions)).toEqual([{ task: `${'x'.repeat(255)}…` }]);
      }));

    it('tells apart combinations of names that look the same when they are joined', () =>
      withStore(async (store) => {
        await store.calls.append([
          aCall({ task: 'a', step: 'bc' }),
          aCall({ task: 'ab', step: 'c' }),
          aCall({ task: null, step: 'abc' }),
          aCall({ task: '', step: 'abc' }),
          aCall({ task: '-', step: 'abc' }),
        ]);
        const bill = await store.calls.bill(january, ['task', 'step']);
        expect(bill.map(({ dimensions, calls }) => [dimensions.task, dimensions.step, calls])).toEqual([
          [null, 'abc', 1],
          ['', 'abc', 1],
          ['-', 'abc', 1],
          ['a', 'bc', 1],
          ['ab', 'c', 1],
        ]);
      }));
  };
  describe('calls', rowsContract);
  describe('bill', () => billContract(withStore, effort));
}

function billContract(withStore: (body: (store: Store) => Promise<void>) => Promise<void>, effort: Effort): void {
  it('splits days and hours in UTC, at the millisecond', () =>
    withStore(async (store) => {
      const midnight = Date.UTC(2026, 0, 10);
      await store.calls.append([midnight - 1, midnight, midnight + HOUR - 1, midnight + HOUR].map((at) => aCall({ at })));
      const calls = async (by: BillDimension, from: number, to: number) =>
        (await store.calls.bill({ from, to }, [by])).map((row) => [row.dimensions[by], row.calls]);
      expect(await calls('day', january.from, january.to)).toEqual([
        ['2026-01-09', 1],
        ['2026-01-10', 3],
      ]);
      expect(await calls('hour', january.from, january.to)).toEqual([
        ['2026-01-09T23:00Z', 1],
        ['2026-01-10T00:00Z', 2],
        ['2026-01-10T01:00Z', 1],
      ]);
      expect(await calls('day', midnight - HOUR, midnight + HOUR)).toEqual([
        ['2026-01-09', 1],
        ['2026-01-10', 2],
      ]);
      expect(await store.calls.bill({ from: midnight, to: midnight + HOUR }, ['day', 'hour'])).toMatchObject([
        { dimensions: { day: '2026-01-10', hour: '2026-01-10T00:00Z' }, calls: 2 },
      ]);
      expect(await calls('day', midnight, midnight)).toEqual([]);
      await expect(store.calls.bill({ from: midnight + 1, to: midnight + HOUR }, [])).rejects.toThrow(RangeError);
    }));

  it('counts unpriced calls and calls without a latency apart, never as 0', () =>
    withStore(async (store) => {
      await store.calls.append([
        aCall({ cost: nano(0), latencyMs: 0.0625 }),
        aCall({ cost: null, latencyMs: null }),
        aCall({ cost: nano(-5) }),
      ]);
      expect(await store.calls.bill(january, [])).toEqual([
        {
          dimensions: {},
          calls: 3,
          requests: 3,
          unpricedCalls: 1,
          cost: -5,
          inputTokens: 3000,
          cachedTokens: 600,
          outputTokens: 360,
          latencyMsTotal: 812.345 + 0.063,
          latencyCount: 2,
        },
      ]);
    }));

  it('tells client requests from attempts', () =>
    withStore(async (store) => {
      const attempts: [Purpose, Outcome][] = [
        ['answer', 'escalated'],
        ['escalation', 'accepted'],
        ['answer', 'failed'],
        ['passthrough', 'accepted'],
        ['polish', 'accepted'],
        ['answer', 'aborted'],
        ['shadow', 'observed'],
        ['judge', 'failed'],
        ['eval', 'accepted'],
      ];
      await store.calls.append(attempts.map(([purpose, outcome]) => aCall({ purpose, outcome })));
      const [row] = await store.calls.bill(january, []);
      expect(row).toMatchObject({ calls: 9, requests: 4 });
    }));

  it(`adds money exactly over ${effort.rows.toLocaleString('en')} rows, and refuses a sum that it would have to round`, () =>
    withStore(async (store) => {
      let expected = 0n;
      for (let batch = 0; batch < 10; batch++) {
        const calls = Array.from({ length: effort.rows / 10 }, (_, i) => {
          const cost = nano(((batch * effort.rows + i) * 7_919_999) % 99_999_989);
          expected += BigInt(cost);
          return aCall({ cost, at: january.from + i * 60_000 });
        });
        await store.calls.append(calls);
      }
      const [row] = await store.calls.bill(january, []);
      expect(BigInt(row!.cost)).toBe(expected);

      const half = nano(2 ** 52);
      await store.calls.append([aCall({ cost: half, at: january.from + 800 * HOUR, model: 'dear' })]);
      await store.calls.append([aCall({ cost: half, at: january.from + 801 * HOUR, model: 'dear' })]);
      await expect(store.calls.bill({ from: january.from, to: january.from + 900 * HOUR }, ['model'])).rejects.toThrow(RangeError);
      await expect(store.calls.append([aCall({ cost: half }), aCall({ cost: half })])).rejects.toThrow(RangeError);
    }));

  it('has rollups equal to the rows, for any calls in any batches, by any dimensions and any span', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(arbitraryCall, { maxLength: 12 }), { maxLength: 6 }),
        fc.subarray([...dimensions]),
        fc.tuple(fc.nat(80), fc.nat(80)),
        (batches, by, [start, length]) =>
          withStore(async (store) => {
            const kept = new Map<string, Call>();
            for (const batch of batches) {
              const before = kept.size;
              for (const call of batch) if (!kept.has(call.id)) kept.set(call.id, call);
              expect(await store.calls.append(batch)).toBe(kept.size - before);
            }
            const span = { from: january.from + start * HOUR, to: january.from + (start + length) * HOUR };
            expect(await store.calls.bill(span, by)).toEqual(billOfRows([...kept.values()], span, by));
          }),
      ),
      { numRuns: effort.histories },
    );
  });
}

const dimensions = ['task', 'step', 'pipeline', 'model', 'provider', 'tier', 'purpose', 'outcome', 'key', 'team', 'day', 'hour'] as const;
const name = fc.constantFrom('a', 'b', 'ab', '');
const maybeName = fc.option(name, { nil: null });
const tokens = fc.nat(5_000_000);

const arbitraryCall: fc.Arbitrary<Call> = fc
  .record({
    id: fc.nat(40).map((n) => `id-${n}`),
    at: fc.nat(3 * DAY).map((offset) => january.from + offset),
    task: maybeName,
    step: maybeName,
    pipeline: maybeName,
    key: maybeName,
    team: maybeName,
    model: name,
    provider: name,
    tier: fc.constantFrom('small' as const, 'mid' as const, 'frontier' as const),
    purpose: fc.constantFrom<Purpose>('answer', 'escalation', 'shadow', 'passthrough'),
    outcome: fc.constantFrom<Outcome>('accepted', 'escalated', 'failed'),
    cost: fc.option(fc.nat(2 ** 31 - 1).map(nano), { nil: null }),
    latencyMs: fc.option(
      fc.nat(90_000_000).map((us) => us / 1000),
      { nil: null },
    ),
    usage: fc.record({ freshInput: tokens, cacheRead: tokens, cacheWrite5m: tokens, cacheWrite1h: tokens, output: tokens }).map(usage),
  })
  .map((parts) => aCall(parts));

/** The bill, added up from rows in the plainest way. */
function billOfRows(calls: readonly Call[], span: { from: number; to: number }, by: readonly BillDimension[]): BillRow[] {
  const groups = new Map<string, { dimensions: BillRow['dimensions']; calls: Call[] }>();
  for (const call of calls) {
    if (call.at < span.from || call.at >= span.to) continue;
    const time = new Date(call.at).toISOString();
    const values = by.map((d) => [d, d === 'day' ? time.slice(0, 10) : d === 'hour' ? `${time.slice(0, 13)}:00Z` : call[d]] as const);
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { dimensions: Object.fromEntries(values), calls: [] as Call[] };
    group.calls.push(call);
    groups.set(key, group);
  }
  const sum = (list: readonly Call[], of: (call: Call) => number) => list.reduce((total, call) => total + of(call), 0);
  const rank = (row: BillRow) => JSON.stringify(by.map((d) => (row.dimensions[d] === null ? '0' : `1${row.dimensions[d]}`)));
  return [...groups.values()]
    .map((group) => ({
      dimensions: group.dimensions,
      calls: group.calls.length,
      requests: group.calls.filter((c) => c.purpose !== 'shadow' && c.outcome !== 'escalated').length,
      unpricedCalls: group.calls.filter((c) => c.cost === null).length,
      cost: sum(group.calls, (c) => c.cost ?? 0) as NanoUsd,
      inputTokens: sum(group.calls, (c) => inputTotal(c.usage)),
      cachedTokens: sum(group.calls, (c) => c.usage.cacheRead),
      outputTokens: sum(group.calls, (c) => c.usage.output),
      latencyMsTotal: sum(group.calls, (c) => Math.round((c.latencyMs ?? 0) * 1000)) / 1000,
      latencyCount: group.calls.filter((c) => c.latencyMs !== null).length,
    }))
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
