import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { calibrate, ece, fitIsotonic, fitPlatt, reliabilityReport } from './index.ts';

const file = new URL('../../../shared/data/routing/lifeeval-confidence/answers.csv', import.meta.url);

/** Recorded BoolQ answers of a model: the confidence in a column, and whether the answer was right. */
function boolq(model: string, column: 'stated_conf' | 'token_prob'): readonly (readonly [number, number])[] {
  // Columns after `answer` are counted from the end, because answers may hold commas.
  const place = { correct: -5, stated_conf: -4, token_prob: -3 };
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','))
    .filter((cells) => cells[0] === 'boolq_valid' && cells[1]!.includes(model) && cells.at(place[column]) !== '')
    .map((cells) => [Math.min(1, Number(cells.at(place[column]))), Number(cells.at(place.correct))] as const);
}

/** Mean ECE over ten random halves: raw, and after calibration on the other half. */
function halves(rows: readonly (readonly [number, number])[]) {
  const sums = { raw: 0, platt: 0, isotonic: 0 };
  for (let seed = 0; seed < 10; seed += 1) {
    const shuffled = seededRandom(seed).shuffle(rows);
    const [fit, test] = [shuffled.slice(0, shuffled.length / 2), shuffled.slice(shuffled.length / 2)];
    const [values, outcomes] = [fit.map(([x]) => x), fit.map(([, y]) => y)];
    const right = test.map(([, y]) => y);
    const after = (calibrator: ReturnType<typeof fitPlatt> | ReturnType<typeof fitIsotonic>) =>
      ece(
        test.map(([x]) => calibrate(calibrator, x)),
        right,
      )!;
    sums.raw +=
      ece(
        test.map(([x]) => x),
        right,
      )! / 10;
    sums.platt += after(fitPlatt(values, outcomes)) / 10;
    sums.isotonic += after(fitIsotonic(values, outcomes)) / 10;
  }
  return sums;
}

// The data set is not part of this repository: without it beside the checkout there is nothing to compare with.
describe.skipIf(!existsSync(file))('on recorded BoolQ answers', () => {
  it.each([
    ['Llama-3.1-8B', 'token_prob', 0.293, 0.052, 0.04],
    ['Llama-3.1-8B', 'stated_conf', 0.18, 0.038, 0.041],
    ['gpt-4o', 'token_prob', 0.162, 0.051, 0.033],
  ] as const)('%s %s has the calibration errors measured before with other code', (model, column, raw, platt, isotonic) => {
    const measured = halves(boolq(model, column));
    expect(Math.abs(measured.raw - raw)).toBeLessThan(0.012);
    // Stated confidences are mostly ties, and ties averaged over their orders leave less noise than the order of a file did there.
    for (const [now, then] of [
      [measured.platt, platt],
      [measured.isotonic, isotonic],
    ] as const) {
      expect(now).toBeLessThan(then + 0.01);
      if (column === 'token_prob') expect(now).toBeGreaterThan(then - 0.015);
    }
  });

  it('tells right from wrong better by token than by what the model states', () => {
    const auroc = (column: 'stated_conf' | 'token_prob') => {
      const rows = boolq('gpt-4o', column);
      return reliabilityReport(
        rows.map(([x]) => x),
        rows.map(([, y]) => y),
      ).auroc!;
    };
    expect(auroc('token_prob')).toBeGreaterThan(auroc('stated_conf'));
  });
});
