import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { Gate, type GateRow, trainGate } from './gate.ts';
import { gateJson, parseGate } from './gate-json.ts';

/** Requests about refunds are hard for the small model whatever it says of itself; elsewhere its signal tells. */
function rowsOf(n: number, options: { readonly withText: boolean; readonly seed?: number }): GateRow[] {
  const random = seededRandom(options.seed ?? 1);
  const words = ['parcel', 'invoice', 'address', 'password', 'order', 'account', 'colour', 'size'];
  return Array.from({ length: n }, (_, i) => {
    const isRefund = random.next() < 0.3;
    const token = random.next();
    const small = isRefund ? (random.next() < 0.4 ? 1 : 0) : random.next() < 0.5 + token / 2 ? 1 : 0;
    const text = `please help with my ${isRefund ? 'refund' : words[random.int(words.length)]} number ${random.int(50)}`;
    return { signals: { token }, text: options.withText ? text : null, small, big: 1, group: `g${i}` };
  });
}

/** P(a harmed row has the lower score). */
function ranking(rows: readonly GateRow[], scores: ArrayLike<number>): number {
  let [wins, pairs] = [0, 0];
  rows.forEach(({ small }, i) => {
    if (small === 1) return;
    rows.forEach((other, j) => {
      if (other.small === 0) return;
      pairs += 1;
      wins += scores[i]! < scores[j]! ? 1 : scores[i]! === scores[j]! ? 0.5 : 0;
    });
  });
  return wins / pairs;
}

describe('a gate classifier', () => {
  it('learns from the text what the signal does not tell, also out of sample', () => {
    const rows = rowsOf(900, { withText: true });
    const { model, heldOut } = trainGate(rows, { folds: 5, seed: 1 });
    const bySignal = ranking(
      rows,
      rows.map(({ signals }) => signals.token!),
    );
    expect(ranking(rows, heldOut)).toBeGreaterThan(bySignal + 0.03);
    const unseen = rowsOf(900, { withText: true, seed: 2 });
    const gate = new Gate(model);
    const scores = unseen.map((row) => gate.score(row));
    expect(ranking(unseen, scores)).toBeGreaterThan(bySignal + 0.03);
    expect(Math.abs(ranking(unseen, scores) - ranking(rows, heldOut))).toBeLessThan(0.04);
  });

  it('reads the signals alone where no text was kept, and a missing signal is no error', () => {
    const rows = rowsOf(400, { withText: false });
    const gate = new Gate(trainGate(rows, { folds: 4, seed: 1 }).model);
    const [low, high] = [0.1, 0.9].map((token) => gate.score({ signals: { token }, text: null }));
    expect(high).toBeGreaterThan(low!);
    const none = gate.score({ signals: {}, text: 'never seen before' });
    expect(none).toBeGreaterThan(0);
    expect(none).toBeLessThan(1);
  });

  it('reads no text at all where some rows have none: a blank would seem to mean something', () => {
    const rows = rowsOf(400, { withText: true }).map((row, i) => (i % 7 === 0 ? { ...row, text: null } : row));
    const { model } = trainGate(rows, { folds: 4, seed: 1 });
    const gate = new Gate(model);
    expect(model.readsText).toBe(false);
    const scores = ['please help with my refund number 3', 'please help with my parcel', null].map((text) =>
      gate.score({ signals: { token: 0.5 }, text }),
    );
    expect(new Set(scores).size).toBe(1);
  });

  it('is the same whenever it is trained on the same rows, and scores the same once stored', () => {
    const rows = rowsOf(400, { withText: true });
    const { model } = trainGate(rows, { folds: 5, seed: 1 });
    expect(trainGate(rows, { folds: 5, seed: 1 }).model).toEqual(model);
    const stored = parseGate(JSON.parse(JSON.stringify(gateJson(model))));
    expect(stored).toEqual(model);
    expect(new Gate(stored).score(rows[0]!)).toBe(new Gate(model).score(rows[0]!));
  });

  it('refuses what is no gate', () => {
    const { model } = trainGate(rowsOf(100, { withText: true }), { folds: 5, seed: 1 });
    const good = gateJson(model) as Record<string, unknown>;
    const broken = [
      null,
      {},
      { ...good, version: 2 },
      { ...good, signals: [{}] },
      { ...good, means: [] },
      { ...good, weights: '' },
      { ...good, idf: 'AAA=' },
    ];
    for (const stored of broken) expect(() => parseGate(stored)).toThrow('The gate classifier cannot be read');
  });
});
