import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { calibrate } from './calibrator.ts';
import { chooseSignal, type SignalRow, scoreSignals } from './choose.ts';
import { aurocHarm } from './reliability.ts';

/** Rows where `token` tells harm, `stated` only tells hard requests, on which both models fail, and `valid` never varies. */
function rowsOf(n: number, seed = 1): SignalRow[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => {
    const isHard = random.next() < 0.4;
    const isHarmed = !isHard && random.next() < 0.2;
    const small = isHard || isHarmed ? 0 : 1;
    const big = isHard ? 0 : 1;
    const token = isHarmed ? 0.5 * random.next() : 0.3 + 0.7 * random.next();
    const stated = isHard ? 0.5 * random.next() : 0.4 + 0.6 * random.next();
    return { small, big, signals: { token, stated, valid: 1 } };
  });
}

describe('choosing a signal', () => {
  it('takes the one that tells harm, not the one that only tells hard requests', () => {
    const { chosen, scores } = chooseSignal(rowsOf(1_000));
    expect(chosen).toMatchObject({ name: 'token', calibrator: { kind: 'isotonic' }, rows: 1_000 });
    const [best, ...others] = scores;
    expect(best?.name).toBe('token');
    const stated = others.find(({ name }) => name === 'stated')!;
    expect(stated.auroc!).toBeGreaterThan(best!.auroc!);
    expect(stated.aurocHarm!).toBeLessThan(best!.aurocHarm!);
    expect(others.find(({ name }) => name === 'valid')?.usable).toBe(false);
  });

  it('calibrates with Platt below 500 rows and isotonic regression from there, and gives P(right)', () => {
    const kinds = [499, 500].map((n) => chooseSignal(rowsOf(n)).chosen?.calibrator.kind);
    expect(kinds).toEqual(['platt', 'isotonic']);
    const rows = rowsOf(4_000);
    const { chosen } = chooseSignal(rows);
    const mean = rows.reduce((sum, { signals }) => sum + calibrate(chosen!.calibrator, signals.token!), 0) / rows.length;
    expect(mean).toBeCloseTo(rows.reduce((sum, { small }) => sum + small, 0) / rows.length, 3);
  });

  it('takes none that is noise, rare, unknown to the gateway, or too little measured', () => {
    const random = seededRandom(3);
    const noise = rowsOf(1_000).map((row) => ({ ...row, signals: { margin: random.next(), mood: row.small } }));
    const rare = rowsOf(1_000).map((row, i) => ({ ...row, signals: i % 3 === 0 ? row.signals : {} }));
    const few = rowsOf(20);
    for (const rows of [rare, few, []]) expect(chooseSignal(rows).chosen).toBeNull();
    expect(scoreSignals(noise).map(({ name }) => name)).toEqual(['margin']);
    expect(Math.abs(scoreSignals(noise)[0]!.worth! - 0.5)).toBeLessThan(3 * scoreSignals(noise)[0]!.standardError!);
  });

  it('keeps to the signal that a person named', () => {
    expect(chooseSignal(rowsOf(1_000), 'token').scores.map(({ name }) => name)).toEqual(['token']);
    // Named or not: a signal that says nothing about harm ranks nothing.
    expect(chooseSignal(rowsOf(1_000), 'stated').chosen).toBeNull();
    expect(chooseSignal(rowsOf(1_000), 'agreement').chosen).toBeNull();
  });

  it('depends on no order of the rows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), (seed) => {
        const rows = rowsOf(300, seed);
        const shuffled = seededRandom(seed).shuffle(rows);
        expect(chooseSignal(shuffled).chosen?.name).toBe(chooseSignal(rows).chosen?.name);
      }),
      { numRuns: 10 },
    );
  });
});

const answers = resolve('../shared/data/routing/llm-uncertainty-bench/cosmosqa_10k.csv');

describe.skipIf(!existsSync(answers))('on recorded answers of Qwen 14B beside 72B (skipped where the data set is absent)', () => {
  it('chooses what ranks harm best on requests that the choice has not seen, and beats a stale signal', () => {
    const [head, ...lines] = readFileSync(answers, 'utf8').trim().split(/\r?\n/);
    const names = head!.split(',');
    const column = (fields: readonly string[], name: string) => fields[names.indexOf(name)]!;
    const rows = lines.map((line): SignalRow => {
      const fields = line.split(',');
      const [token, second] = [Number(column(fields, 'Qwen-14B|p1')), Number(column(fields, 'Qwen-14B|p2'))];
      const small = column(fields, 'Qwen-14B|pick') === column(fields, 'Qwen-72B|pick') ? 1 : 0;
      // The smallest model's own confidence plays a signal that is about another answer.
      return { small, big: 1, signals: { token, margin: token - second, stated: Number(column(fields, 'Qwen-7B|p1')) } };
    });
    const { chosen } = chooseSignal(rows.filter((_, i) => i % 10 === 0));
    const unseen = rows.filter((_, i) => i % 10 !== 0);
    const harm = (name: string) =>
      aurocHarm(
        unseen.map(({ signals }) => signals[name]!),
        unseen.map(({ small }) => small),
        unseen.map(({ big }) => big),
      )!;
    const best = Math.max(...['token', 'margin', 'stated'].map(harm));
    expect(harm(chosen!.name)).toBeGreaterThan(best - 0.005);
    expect(harm(chosen!.name)).toBeGreaterThan(harm('stated') + 0.05);
    expect(harm(chosen!.name)).toBeGreaterThan(0.85);
  });
});
