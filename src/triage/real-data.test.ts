import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGsm8k } from '../../bench/routellm.ts';
import { trainTriage } from './train.ts';

const folder = resolve('../shared/data/routing/routellm');

describe.skipIf(!existsSync(folder))('triage on RouteLLM’s answers to GSM8K (skipped where ../shared is absent)', () => {
  it('finds who needs GPT-4 better than chance, and loses that when the answers are dealt at random', () => {
    const rows = readGsm8k(folder);
    expect(rows).toHaveLength(1307);
    const half = rows.filter((_row, index) => index % 2 === 0);
    const { report } = trainTriage(half, { seed: 1 });
    expect(report.quality).toMatchObject({ small: 424 / 654, big: 557 / 654 });
    expect(report.use).toBe(true);
    expect(report.apgr).toBeGreaterThan(0.6);
    // The answers of another question: same qualities, nothing to learn from the text.
    const dealt = half.map((row, index) => ({ ...row, small: rows[index * 2 + 1]?.small ?? 0, big: rows[index * 2 + 1]?.big ?? 0 }));
    expect(trainTriage(dealt, { seed: 1 }).report).toMatchObject({ use: false, refusals: ['no-better-than-random'] });
  });
});
