import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker } from './breaker.ts';
import { KeyPool } from './key-pool.ts';
import { Limiter } from './limiter.ts';
import { RetryBudget } from './retry-budget.ts';
import { backoffMs, isUpstreamFault, judge, mayRetry, retryAfterMs } from './retry-rules.ts';

describe('a retry budget', () => {
  it('never allows more than floor + ratio × requests + refill, whatever happens in which order', () => {
    const options = { ratio: 0.2, floor: 3, perSecond: 1, cap: 50 };
    const step = fc.oneof(fc.record({ earn: fc.constant(true) }), fc.record({ after: fc.integer({ min: 0, max: 3000 }) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const budget = new RetryBudget(options, 0);
        let now = 0;
        let requests = 0;
        let retries = 0;
        for (const one of steps) {
          if ('earn' in one) {
            budget.earn();
            requests += 1;
          } else {
            now += one.after;
            if (budget.spend(now)) retries += 1;
            expect(retries).toBeLessThanOrEqual(options.floor + options.ratio * requests + (options.perSecond * now) / 1000 + 1e-9);
          }
        }
      }),
    );
  });

  it('lets little traffic retry, and fills up again', () => {
    const budget = new RetryBudget({ ratio: 0.2, floor: 2, perSecond: 1, cap: 10 }, 0);
    expect([budget.spend(0), budget.spend(0), budget.spend(0), budget.spend(999), budget.spend(1000)]).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    for (let i = 0; i < 5; i += 1) budget.earn();
    expect([budget.spend(1000), budget.spend(1000)]).toEqual([true, false]);
  });
});

describe('a breaker', () => {
  const options = { failures: 3, cooldownMs: 100, maxCooldownMs: 300 };
  const fail = (breaker: Breaker, now: number): void => breaker.end('failure', now, breaker.begin(now));

  it('opens after failures in a row, tries once, and rests longer after each trial that fails', () => {
    const breaker = new Breaker(options);
    for (const now of [0, 1, 2]) {
      expect(breaker.allows(now)).toBe(true);
      fail(breaker, now);
    }
    expect([breaker.state(101), breaker.allows(101), breaker.state(102), breaker.allows(102)]).toEqual(['open', false, 'half-open', true]);
    const trial = breaker.begin(102);
    expect([trial, breaker.allows(103)]).toEqual([true, false]);
    breaker.end('failure', 110, trial);
    expect([breaker.state(309), breaker.state(310)]).toEqual(['open', 'half-open']);
    fail(breaker, 310);
    expect([breaker.state(609), breaker.state(610)]).toEqual(['open', 'half-open']);
    breaker.end('success', 615, breaker.begin(612));
    expect(breaker.state(615)).toBe('closed');
    for (const now of [616, 617, 618]) fail(breaker, now);
    expect([breaker.state(717), breaker.state(718)]).toEqual(['open', 'half-open']);
  });

  it('is not opened by failures that are not in a row, nor by what was called off', () => {
    const breaker = new Breaker(options);
    for (let now = 0; now < 30; now += 1) breaker.end(now % 3 === 2 ? 'success' : 'failure', now, breaker.begin(now));
    breaker.end('neither', 30, breaker.begin(30));
    expect(breaker.state(31)).toBe('closed');
  });

  it('gives a trial that was called off back, and counts attempts of before it opened for nothing', () => {
    const breaker = new Breaker(options);
    const early = breaker.begin(0);
    for (const now of [0, 1, 2]) fail(breaker, now);
    const trial = breaker.begin(102);
    breaker.end('failure', 103, early);
    breaker.end('neither', 104, trial);
    expect(early).toBe(false);
    expect(breaker.state(200)).toBe('open');
    expect(breaker.allows(304)).toBe(true);
  });

  it('lets at most one trial through while it is half-open, whatever the order', () => {
    const outcome = fc.constantFrom<'success' | 'failure' | 'neither'>('success', 'failure', 'neither');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 150 }), outcome, fc.boolean()), { maxLength: 100 }), (steps) => {
        const breaker = new Breaker(options);
        let now = 0;
        const open: boolean[] = [];
        for (const [wait, how, begins] of steps) {
          now += wait;
          if (begins && breaker.allows(now)) {
            const isTrial = breaker.begin(now);
            if (isTrial) expect(open.filter(Boolean)).toEqual([]);
            open.push(isTrial);
          } else if (open.length > 0) breaker.end(how, now, open.shift() as boolean);
        }
      }),
    );
  });
});

describe('a key pool', () => {
  it('shares the load by weight, evenly spread', () => {
    const pool = new KeyPool([3, 1]);
    expect(Array.from({ length: 8 }, () => pool.pick(0))).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  });

  it('gives every key exactly its share of a round', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const pool = new KeyPool(weights);
        const counts = weights.map(() => 0);
        const round = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < round; i += 1) {
          const key = pool.pick(0);
          counts[key] = (counts[key] ?? 0) + 1;
        }
        expect(counts).toEqual(weights);
      }),
    );
  });

  it('leaves cooling keys alone, and takes the soonest when all are cooling', () => {
    const pool = new KeyPool([1, 1, 1]);
    pool.cool(0, 50);
    pool.cool(1, 20);
    expect(Array.from({ length: 3 }, () => pool.pick(10))).toEqual([2, 2, 2]);
    pool.cool(2, 90);
    pool.cool(2, 15);
    expect([pool.ready(10), pool.pick(10), pool.ready(20), pool.pick(20)]).toEqual([false, 1, true, 1]);
    expect([pool.ready(20, new Set([1])), pool.pick(20, new Set([1]))]).toEqual([false, 0]);
  });

  it('always has the last key', () => {
    const pool = new KeyPool([1]);
    pool.cool(0, 1e9);
    expect([pool.ready(0), pool.pick(0), pool.pick(0, new Set([0])), new KeyPool([]).pick(0)]).toEqual([false, 0, 0, -1]);
  });
});

describe('a limiter', () => {
  it('lets so many in, queues so many, serves them in order and turns the rest away', () => {
    const limiter = new Limiter(1, 2);
    const served: string[] = [];
    const waiter = (name: string) => ({ enter: () => void served.push(name) });
    const [a, b] = [waiter('a'), waiter('b')];
    expect([limiter.tryEnter(), limiter.tryEnter(), limiter.queue(a), limiter.queue(b), limiter.queue(waiter('c'))]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    limiter.forget(a);
    limiter.leave();
    expect([served, limiter.inside, limiter.waiting]).toEqual([['b'], 1, 0]);
    limiter.leave();
    expect([limiter.inside, limiter.tryEnter()]).toEqual([0, true]);
  });

  it('never has more inside than allowed, and loses no slot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean(), { maxLength: 200 }), (limit, steps) => {
        const limiter = new Limiter(limit, 3);
        let inside = 0;
        for (const enters of steps) {
          if (enters) {
            if (limiter.tryEnter()) inside += 1;
            else limiter.queue({ enter: () => (inside += 1) });
          } else if (inside > 0) {
            inside -= 1;
            limiter.leave();
          }
          expect([limiter.inside, inside <= limit]).toEqual([inside, true]);
        }
        while (inside > 0) {
          inside -= 1;
          limiter.leave();
        }
        expect([limiter.inside, limiter.waiting]).toEqual([0, 0]);
      }),
    );
  });
});

describe('the rules of trying again', () => {
  it('know which statuses may be tried again, and which say that the upstream is not well', () => {
    const all = [200, 301, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504, 529];
    expect(all.filter(mayRetry)).toEqual([408, 409, 429, 500, 502, 503, 504, 529]);
    expect(all.filter(isUpstreamFault)).toEqual([500, 502, 503, 504, 529]);
  });

  it.each([
    [429, '{"error":{"type":"rate_limit_error","code":"rate_limit_exceeded","message":"x"}}', null, { retry: true, quota: false }],
    [429, '{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"x"}}', null, { retry: false, quota: true }],
    [429, '{"type":"error","error":{"type":"billing_error","message":"x"}}', null, { retry: false, quota: true }],
    [429, '', null, { retry: true, quota: false }],
    [502, '<html>Bad gateway</html>', null, { retry: true, quota: false }],
    [500, '{}', 'false', { retry: false, quota: false }],
    [400, '{}', 'true', { retry: false, quota: false }],
  ])('judge %d %s with x-should-retry %s as %j', (status, body, shouldRetry, verdict) => {
    expect(judge(status, body, shouldRetry)).toEqual(verdict);
  });

  it.each([
    [null, '2', 2000],
    ['150', '2', 150],
    ['x', '0.5', 500],
    ['', '3', 3000],
    [null, 'Sun, 22 Nov 2026 00:00:10 GMT', 10_000],
    [null, 'Sun, 22 Nov 2020 00:00:10 GMT', 0],
    [null, '-1', null],
    [null, 'soon', null],
    ['-5', null, null],
    [null, null, null],
  ])('read retry-after-ms %j and retry-after %j as %j', (ms, after, expected) => {
    expect(retryAfterMs(ms, after, Date.UTC(2026, 10, 22))).toBe(expected);
  });

  it('wait longer each time, with the upper half drawn, up to the cap', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 0.999, noNaN: true }), (tries, random) => {
        const full = Math.min(8000, 500 * 2 ** tries);
        const wait = backoffMs(tries, random);
        expect(wait >= full / 2 && wait <= full).toBe(true);
      }),
    );
  });
});
