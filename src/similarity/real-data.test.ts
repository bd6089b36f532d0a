import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bandingFor, LshIndex } from './lsh.ts';
import { shinglesOf } from './shingles.ts';
import { sketchOf } from './sketch.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/data/text/banking77');

interface Row {
  readonly id: string;
  readonly text: string;
  readonly label: string;
}

const read = <T>(name: string): T[] =>
  readFileSync(join(FOLDER, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

/** The n-grams of scikit-learn's `char_wb` analyser with n from 3 to 5, one by one, with repeats. */
function grams(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .flatMap((word) => {
      const padded = ` ${word} `;
      const found: string[] = [];
      for (let n = 3; n <= 5; n += 1) {
        for (let at = 0; at === 0 || at + n <= padded.length; at += 1) found.push(padded.slice(at, at + n));
        if (padded.length <= n) break;
      }
      return found;
    });
}

/** TF-IDF vectors of length 1 (idf = ln((1 + n)/(1 + df)) + 1). */
function vectors(texts: readonly string[]): ReadonlyMap<string, number>[] {
  const counts = texts.map((text) => {
    const count = new Map<string, number>();
    for (const gram of grams(text)) count.set(gram, (count.get(gram) ?? 0) + 1);
    return count;
  });
  const df = new Map<string, number>();
  for (const count of counts) for (const gram of count.keys()) df.set(gram, (df.get(gram) ?? 0) + 1);
  return counts.map((count) => {
    const weights = Array.from(count, ([gram, n]) => [gram, n * (Math.log((1 + texts.length) / (1 + df.get(gram)!)) + 1)] as const);
    const norm = Math.sqrt(weights.reduce((sum, [, weight]) => sum + weight ** 2, 0)) || 1;
    return new Map(weights.map(([gram, weight]) => [gram, weight / norm]));
  });
}

function cosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [gram, weight] of a) sum += weight * (b.get(gram) ?? 0);
  return sum;
}

describe.skipIf(!existsSync(FOLDER))('Banking77 (skipped where the shared data is absent)', () => {
  it('has the 440 test rows with a near twin in train that an exhaustive search found, 418 of the same label and 22 of another', () => {
    const train = read<Row>('train.jsonl');
    const test = read<Row>('test.jsonl');
    const reference = read<{ id: string; sim: number; same_label: boolean }>('test_neardup.jsonl');
    const weighted = vectors([...train, ...test].map(({ text }) => text));
    const index = new LshIndex(bandingFor(0.7));
    for (const { text } of train) index.add(sketchOf(shinglesOf(text)));
    const found = test.flatMap(({ id, text, label }, i) => {
      let best = { similarity: 0, row: -1 };
      index.candidates(sketchOf(shinglesOf(text)), (row) => {
        const similarity = cosine(weighted[train.length + i]!, weighted[row]!);
        if (similarity > best.similarity) best = { similarity, row };
      });
      return Number(best.similarity.toFixed(4)) >= 0.9 ? [{ id, isSame: train[best.row]!.label === label }] : [];
    });
    expect([found.length, found.filter(({ isSame }) => isSame).length, found.filter(({ isSame }) => !isSame).length]).toEqual([
      440, 418, 22,
    ]);
    const near = reference.filter(({ sim }) => sim >= 0.9).map(({ id, same_label }) => ({ id, isSame: same_label }));
    expect(found).toEqual(near);
  });
});
