import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adoptionPath } from './adoption.ts';
import { HOURS_PER_MONTH } from './break-even.ts';
import { busiestWait, callsPerHost, type HostPlan, hostBreakEven, hostedAt } from './capacity.ts';
import { gpuCatalogue, nearestThroughput, requestsPerSecond, withOwnGpus } from './gpu-catalogue.ts';
import { monthsToPayback, tuningPayback } from './payback.ts';
import { meanWait, waitProbability, waitQuantile } from './queue.ts';

const plan = (parts: Partial<HostPlan> = {}): HostPlan => ({
  ...{ usdPerHour: 0.44, requestsPerSecond: 1246 / 700, concurrency: 50, utilisation: 0.5, spareHosts: 1, fixedUsdPerMonth: 750 },
  ...parts,
});

describe('hosts of one’s own', () => {
  it('climb a staircase: one more host per step, and the spare one always', () => {
    const full = callsPerHost(plan());
    expect([0, 1, full, full + 1, 3 * full].map((volume) => hostedAt(plan(), volume).hosts)).toEqual([2, 2, 2, 3, 4]);
    expect(hostedAt(plan(), 1).usdPerMonth).toBeCloseTo(2 * HOURS_PER_MONTH * 0.44 + 750, 9);
    // Half busy where it is needed; with the spare one, a quarter of all paid hours.
    expect(hostedAt(plan(), full).busy).toBeCloseTo(0.25, 12);
  });

  it('break even at the smallest volume that any scan of whole calls finds, and stay so', () => {
    fc.assert(
      fc.property(
        fc.record({
          usdPerHour: fc.double({ min: 0.01, max: 5, noNaN: true }),
          requestsPerSecond: fc.constantFrom(0.00002, 0.00005, 0.0001),
          utilisation: fc.double({ min: 0.1, max: 1, noNaN: true }),
          spareHosts: fc.nat(2),
          fixedUsdPerMonth: fc.double({ min: 0, max: 500, noNaN: true }),
        }),
        fc.double({ min: 1, max: 200, noNaN: true }),
        (parts, usdPerCall) => {
          const hosts = plan({ ...parts, concurrency: 1 });
          const { volume, staysFrom } = hostBreakEven(hosts, usdPerCall);
          // Where both cost the same but for rounding, either may be called the cheaper one.
          const wins = (calls: number) => hostedAt(hosts, calls).usdPerMonth <= usdPerCall * calls + 1e-6;
          const loses = (calls: number) => hostedAt(hosts, calls).usdPerMonth > usdPerCall * calls - 1e-6;
          if (volume === null || staysFrom === null) {
            for (let calls = 1; calls <= 2_000; calls += 7) expect(loses(calls)).toBe(true);
            return;
          }
          if (staysFrom > 20_000) return;
          let losesBefore = true;
          for (let calls = 1; calls < volume; calls++) losesBefore &&= loses(calls);
          expect([losesBefore, wins(volume)]).toEqual([true, true]);
          for (let calls = staysFrom; calls < staysFrom + 500; calls++) expect(wins(calls)).toBe(true);
          if (staysFrom > volume) {
            let lost = false;
            for (let calls = volume; calls < staysFrom; calls++) lost ||= loses(calls);
            expect(lost).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never pay when a full host costs more than its calls, and say so by u* above 1', () => {
    const perMillion = (usd: number) => (usd * 700) / 1e6;
    expect(hostBreakEven(plan(), perMillion(0.05))).toMatchObject({ volume: null, staysFrom: null });
    expect(hostBreakEven(plan(), perMillion(0.05)).utilisation).toBeGreaterThan(1);
    const fireworks = hostBreakEven(plan({ utilisation: 0.4 }), perMillion(0.2));
    expect(fireworks.volume).toBeNull();
    expect(Math.round(fireworks.utilisation * 100)).toBe(49);
    expect(hostBreakEven(plan({ utilisation: 0.6 }), perMillion(0.2)).volume).toBeGreaterThan(0);
    expect(hostBreakEven(plan(), 0).utilisation).toBe(Number.POSITIVE_INFINITY);
  });

  it('refuse plans that mean nothing', () => {
    for (const parts of [{ utilisation: 0 }, { utilisation: 1.1 }, { spareHosts: 0.5 }, { requestsPerSecond: 0 }, { concurrency: 0 }]) {
      expect(() => hostedAt(plan(parts), 1)).toThrow(RangeError);
    }
    expect(() => hostedAt(plan(), -1)).toThrow(RangeError);
  });
});

describe('a queue', () => {
  it('waits as Erlang’s tables say', () => {
    // 8 erlangs on 10 servers: C = 0.4092; 2 on 3: 4/9; one server waits as often as it is busy.
    expect(waitProbability({ arrivalsPerSecond: 8, servicesPerSecond: 1, servers: 10 })).toBeCloseTo(0.4092, 4);
    expect(waitProbability({ arrivalsPerSecond: 2, servicesPerSecond: 1, servers: 3 })).toBeCloseTo(4 / 9, 12);
    expect(waitProbability({ arrivalsPerSecond: 0.7, servicesPerSecond: 1, servers: 1 })).toBeCloseTo(0.7, 12);
    expect(meanWait({ arrivalsPerSecond: 0.5, servicesPerSecond: 1, servers: 1 })).toBeCloseTo(1, 12);
  });

  it('has a quantile of 0 where few wait, ln(C/.05) ÷ spare where many do, and no end past capacity', () => {
    expect(waitQuantile({ arrivalsPerSecond: 1, servicesPerSecond: 1, servers: 20 }, 0.95)).toBe(0);
    expect(waitQuantile({ arrivalsPerSecond: 0.5, servicesPerSecond: 1, servers: 1 }, 0.95)).toBeCloseTo(Math.log(10) / 0.5, 12);
    expect(waitQuantile({ arrivalsPerSecond: 3, servicesPerSecond: 1, servers: 3 }, 0.95)).toBe(Number.POSITIVE_INFINITY);
    expect(waitProbability({ arrivalsPerSecond: 900, servicesPerSecond: 1, servers: 1000 })).toBeGreaterThanOrEqual(0);
  });

  it('is shorter with every further host', () => {
    const volume = 0.9 * 2 * callsPerHost(plan({ utilisation: 1 }));
    const waits = [2, 3, 4].map((hosts) => busiestWait(plan(), { callsPerMonth: volume, hosts, peak: 1.09 }));
    expect(waits[0]).toBeGreaterThan(waits[1] ?? 0);
    expect(waits[1]).toBeGreaterThanOrEqual(waits[2] ?? 0);
    expect(busiestWait(plan(), { callsPerMonth: volume, hosts: 2, peak: 2 })).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the catalogue of hosts', () => {
  it('names a source and a date in every row, and a price for every benchmark', () => {
    for (const row of [...gpuCatalogue.offers, ...gpuCatalogue.throughputs]) {
      expect(row.source).not.toBe('');
      expect(row.date).toMatch(/^\d{4}-\d{2}(-\d{2})?$/);
    }
    const names = new Set(gpuCatalogue.offers.map((offer) => offer.name));
    expect(gpuCatalogue.throughputs.filter((row) => !names.has(row.gpu))).toEqual([]);
  });

  it('takes the benchmark whose mix is nearest', () => {
    const concurrency = (inputTokens: number, outputTokens: number) =>
      nearestThroughput(gpuCatalogue, 'a100', { inputTokens, outputTokens })?.concurrency;
    expect([concurrency(3000, 600), concurrency(50, 600)]).toEqual([8, 320]);
    expect(nearestThroughput(gpuCatalogue, 'L4', { inputTokens: 1, outputTokens: 1 })).toBeNull();
  });

  it('lets neither the total nor the output of a host be exceeded', () => {
    const host = { totalTokensPerSecond: 4455, outputTokensPerSecond: 495 };
    expect(requestsPerSecond(host, { inputTokens: 3000, outputTokens: 600 })).toBeCloseTo(495 / 600, 12);
    expect(requestsPerSecond(host, { inputTokens: 10_000, outputTokens: 0 })).toBeCloseTo(0.4455, 12);
    expect(() => requestsPerSecond(host, { inputTokens: 0, outputTokens: 0 })).toThrow(RangeError);
  });

  it('lets a row of one’s own win', () => {
    const offer = { name: 'a40', memoryGib: 48, usdPerHour: 0.3, source: 'contract', date: '2026-11-01' };
    const own = withOwnGpus({ offers: [offer], throughputs: [] });
    expect(own.offers.filter(({ name }) => name.toLowerCase() === 'a40')).toEqual([offer]);
    expect(own.throughputs).toEqual(gpuCatalogue.throughputs);
  });
});

describe('a fine-tune', () => {
  const tuning = { usdOnce: 0, endpointUsdPerMonth: 584, sharedBy: 1, months: 12, usdPerCallAfter: 0 };
  const thousands = (usdPerCallBefore: number, endpointUsdPerMonth = 584) =>
    Math.round((tuningPayback({ ...tuning, usdPerCallBefore, endpointUsdPerMonth }).callsPerMonth ?? 0) / 1000);

  it('pays its endpoint back from 49 thousand, 278 thousand or 1.2 million calls a month, by what a call saves', () => {
    expect([0.0118, 0.0021, 0.0005].map((saved) => thousands(saved))).toEqual([49, 278, 1168]);
    expect([0.0118, 0.0021, 0.0005].map((saved) => thousands(saved, 5110))).toEqual([433, 2433, 10_220]);
  });

  it('shares an endpoint between tasks, spreads what was paid once, and never pays where nothing is saved', () => {
    const shared = { ...tuning, usdOnce: 1200, sharedBy: 4, usdPerCallBefore: 0.01 };
    expect(tuningPayback(shared)).toEqual({ calls: 120_000, callsPerMonth: 24_600 });
    expect(monthsToPayback(shared, 24_600)).toBeCloseTo(12, 9);
    expect(monthsToPayback(shared, 14_600)).toBeNull();
    expect(tuningPayback({ ...tuning, usdPerCallBefore: 0 })).toEqual({ calls: null, callsPerMonth: null });
  });
});

describe('the path of adoption', () => {
  it('measures each move against the stand before it', () => {
    const moves = adoptionPath({
      baseline: { model: 'frontier', usdPerCall: 0.03 },
      hostedSmall: { model: 'mini', usdPerCall: 0.00195 },
      hostedOpen: { model: 'open', usdPerCall: 0.00015 },
      selfHosted: { model: 'a40', plan: plan() },
      providerUsdPerMonth: 150,
      callsPerMonth: 50_000,
    });
    expect(moves.map(({ to, fromVolume, due }) => [to, fromVolume, due])).toEqual([
      ['hosted-small', 0, true],
      ['hosted-open', 83_334, false],
      ['self-hosted', hostBreakEven(plan(), 0.00015).volume, false],
    ]);
  });

  it('leaves out a stand that is dearer, and says never where no volume helps', () => {
    const moves = adoptionPath({
      baseline: { model: 'open', usdPerCall: 0.00003 },
      hostedSmall: { model: 'mini', usdPerCall: 0.00195 },
      hostedOpen: null,
      selfHosted: { model: 'a40', plan: plan() },
      providerUsdPerMonth: 150,
      callsPerMonth: 1e9,
    });
    expect(moves.map(({ fromVolume, due, trigger }) => [fromVolume, due, trigger.split(':')[0]])).toEqual([
      [null, false, 'never on price'],
      [null, false, 'never on price against open'],
    ]);
  });
});
