import { describe, expect, it } from 'vitest';
import type { BatchSummary } from '../../batch/index.ts';
import { describeEstimate, describeSummary } from './batch-report.ts';

const one: BatchSummary = {
  rows: 1,
  done: 1,
  failed: 0,
  skipped: 0,
  costUsd: 0.5,
  rowsPerSecond: 2,
  escalated: 1,
  atRisk: 1,
  reused: 1,
  stopped: null,
};
const files = { output: 'out.jsonl', errors: 'out.errors.jsonl' };

describe('what a job says of itself', () => {
  it('speaks of one row as of one, and of many as of many', () => {
    expect(describeSummary(one, files).split('\n')).toEqual(
      expect.arrayContaining([
        '1 of 1 row done, 0 failed; 2.0 rows/s.',
        expect.stringMatching(/; 1 row escalated\.$/),
        '1 answer of the earlier run was used again.',
        '1 call was under way when the earlier run ended, and asked again.',
      ]),
    );
    const many = describeSummary({ ...one, rows: 2_000, done: 2_000, escalated: 0, atRisk: 2, reused: 3 }, files).split('\n');
    expect(many).toEqual(
      expect.arrayContaining([
        '2,000 of 2,000 rows done, 0 failed; 2.0 rows/s.',
        expect.stringMatching(/; 0 rows escalated\.$/),
        '3 answers of the earlier run were used again.',
        '2 calls were under way when the earlier run ended, and asked again.',
      ]),
    );
  });

  it('estimates one row as one', () => {
    expect(describeEstimate({ rows: 1, sampled: 1, lowUsd: 1, highUsd: 2, unpriced: [] }, undefined)).toMatch(/^1 row, /);
  });
});
