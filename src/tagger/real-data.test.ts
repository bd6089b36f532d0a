import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareFields, type ExtractionRow, type Fields, Tagger, trainTagger } from './index.ts';

const file = resolve(import.meta.dirname, '../../../shared/data/text/snips/train.jsonl');

describe.skipIf(!existsSync(file))('field extractor on requests of seven kinds (skipped where the data set is absent)', () => {
  it('finds most slots of requests that it has not seen, from five hundred others', () => {
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter((_, line) => line % 20 === 0)
      .map((line): ExtractionRow => {
        const { text, target } = JSON.parse(line) as { text: string; target: { slots: Fields } };
        return { text, fields: target.slots };
      });
    const training = rows.filter((_, row) => row % 5 !== 0);
    const tagger = new Tagger(trainTagger(training, { seed: 1, folds: 2 }).model);
    let right = 0;
    let off = 0;
    let sure = 0;
    let exact = 0;
    const unseen = rows.filter((_, row) => row % 5 === 0);
    for (const { text, fields } of unseen) {
      const answer = tagger.predict(text);
      const counts = compareFields(answer.fields, fields);
      right += counts.right;
      off += counts.wrong + counts.missing;
      sure += answer.confidence;
      exact += counts.exact ? 1 : 0;
    }
    expect((2 * right) / (2 * right + off)).toBeGreaterThan(0.75);
    expect(Math.abs(sure - exact) / unseen.length).toBeLessThan(0.25);
  });
});
