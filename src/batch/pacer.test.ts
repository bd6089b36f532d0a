import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pacer } from './pacer.ts';

/** A clock that is moved by hand, with what is to run later. */
function world() {
  let time = 0;
  let later: { at: number; run: () => void }[] = [];
  return {
    now: () => time,
    after: (ms: number, run: () => void) => {
      const one = { at: time + ms, run };
      later.push(one);
      return () => {
        later = later.filter((other) => other !== one);
      };
    },
    move: (ms: number) => {
      time += ms;
      const due = later.filter(({ at }) => at <= time);
      later = later.filter(({ at }) => at > time);
      for (const { run } of due) run();
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the pace of a provider key', () => {
  it('rises by a twentieth, one at least, after each round of answers, up to its most', () => {
    const pacer = new Pacer({ start: 20, most: 23, ...world() });
    const round = () => {
      const { limit } = pacer;
      for (let i = 0; i < limit; i += 1) pacer.leave('answered');
      return pacer.limit;
    };
    expect([round(), round(), round(), round(), round()]).toEqual([21, 22, 23, 23, 23]);
  });

  it('falls to four fifths once for a burst of refusals, however many there are', () => {
    const { now, after, move } = world();
    const pacer = new Pacer({ start: 20, most: 100, now, after });
    for (let i = 0; i < 7; i += 1) pacer.leave('limited');
    expect(pacer.limit).toBe(16);
    move(1_000);
    pacer.leave('limited');
    expect(pacer.limit).toBe(12);
    for (let i = 0; i < 40; i += 1) {
      move(1_000);
      pacer.leave('limited');
    }
    expect(pacer.limit).toBe(1);
  });

  it('does not rise after a round in which the server failed, and does not fall either', () => {
    const pacer = new Pacer({ start: 4, most: 100, ...world() });
    pacer.leave('failed');
    for (let i = 0; i < 4; i += 1) pacer.leave('answered');
    expect(pacer.limit).toBe(4);
    for (let i = 0; i < 4; i += 1) pacer.leave('answered');
    expect(pacer.limit).toBe(5);
  });

  it('lets nobody begin before Retry-After is over', async () => {
    const { now, after, move } = world();
    const pacer = new Pacer({ start: 2, most: 2, now, after });
    await pacer.enter(null);
    pacer.leave('limited', 5_000);
    let began = false;
    const entering = pacer.enter(null).then(() => {
      began = true;
    });
    move(4_999);
    await settled();
    expect(began).toBe(false);
    move(1);
    await entering;
    expect(began).toBe(true);
  });

  it('lets go of whoever stops waiting', async () => {
    const pacer = new Pacer({ start: 1, most: 1, ...world() });
    await pacer.enter(null);
    const controller = new AbortController();
    const waiting = pacer.enter(controller.signal);
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    const next = pacer.enter(null);
    pacer.leave('answered');
    await next;
  });

  it('never lets more in than its limit, and everybody in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('answered', 'limited', 'failed'), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        async (ends, start) => {
          const { now, after, move } = world();
          const pacer = new Pacer({ start, most: 12, now, after });
          let inside = 0;
          let served = 0;
          const work = async (how: 'answered' | 'limited' | 'failed') => {
            await pacer.enter(null);
            inside += 1;
            // A limit that falls leaves those who are in already.
            expect(inside).toBeLessThanOrEqual(12);
            await settled();
            inside -= 1;
            served += 1;
            pacer.leave(how, how === 'limited' ? 100 : null);
          };
          const all = Promise.all(ends.map((how) => work(how as 'answered')));
          for (let i = 0; i < 10 * ends.length && served < ends.length; i += 1) {
            await settled();
            move(100);
          }
          await all;
          expect(served).toBe(ends.length);
        },
      ),
      { numRuns: 40 },
    );
  });
});
