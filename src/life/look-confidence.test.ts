import { describe, expect, it } from 'vitest';
import { storedPair } from '../../test/support/life-pairs.ts';
import { seededRandom } from '../statistics/index.ts';
import type { StoredPair } from '../store/index.ts';
import { confidenceReader, freezeConfidence } from './look-confidence.ts';

/** Answers whose signal tells some of the harm; with `hint`, the text tells more. */
function pairsOf(n: number, hint: boolean): StoredPair[] {
  const random = seededRandom(5);
  return Array.from({ length: n }, (_, i) => {
    const isHard = random.next() < 0.3;
    const token = random.next();
    const right = isHard ? 0.3 : 0.6 + token * 0.4;
    const topic = hint && isHard ? 'contract law' : ['parcels', 'sizes', 'colours'][random.int(3)];
    return storedPair({
      id: `p${i}`,
      at: i,
      input: `a question about ${topic} and ${random.int(1_000)}`,
      smallQuality: random.next() < right ? 1 : 0,
      signals: { token },
    });
  });
}

describe('freezing confidence', () => {
  it('uses a gate classifier only where it beats the signal on rows that it had not seen', () => {
    const [plain, hinted] = [false, true].map((hint) => freezeConfidence(pairsOf(900, hint), { only: null, gate: true }));
    expect(plain).toMatchObject({ signal: 'token', gate: null, gateTrial: { used: false } });
    expect(hinted).toMatchObject({ signal: null, gateTrial: { used: true } });
    expect(hinted!.gateTrial!.difference.low).toBeGreaterThan(0);
    const read = confidenceReader(hinted!);
    const of = (topic: string) => read(storedPair({ id: 'x', input: `a question about ${topic} and 7`, signals: { token: 0.8 } }))!;
    expect(of('contract law')).toBeLessThan(of('parcels'));
    expect(read(storedPair({ id: 'x', input: null, signals: { token: 0.8 } }))).toBeNull();
  });

  it('tries no gate where none may be used, a person named the signal, or rows are few', () => {
    expect(freezeConfidence(pairsOf(900, true), { only: null, gate: false }).gateTrial).toBeNull();
    expect(freezeConfidence(pairsOf(900, true), { only: 'token', gate: true }).gateTrial).toBeNull();
    expect(freezeConfidence(pairsOf(200, true), { only: null, gate: true }).gateTrial).toBeNull();
  });

  it('fixes at most 41 thresholds, falling, of which the last accepts every answer', () => {
    const { grid } = freezeConfidence(pairsOf(900, false), { only: null, gate: false });
    expect(grid).toEqual([...grid!].sort((a, b) => b - a));
    expect(grid!.length).toBeLessThanOrEqual(41);
    expect(grid!.at(-1)).toBe(0);
  });

  it('has no confidence for an answer without the signal', () => {
    const read = confidenceReader(freezeConfidence(pairsOf(900, false), { only: null, gate: false }));
    expect(read(storedPair({ id: 'x', signals: {} }))).toBeNull();
    expect(read(storedPair({ id: 'x', signals: { token: 0.9 } }))).toBeGreaterThan(0.5);
  });
});
