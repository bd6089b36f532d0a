import { describe, expect, it } from 'vitest';
import type { StoredPair } from '../store/types.ts';
import { covariateReference, saferThresholds } from './live-monitor-evidence.ts';

describe('saferThresholds', () => {
  it('are the quarters from the threshold to certainty, and none without a signal', () => {
    const of = (parts: Partial<Parameters<typeof saferThresholds>[0]>) =>
      saferThresholds({ verdict: 'cascade', threshold: 0.6, signal: 'token', ...parts });
    expect(of({})).toEqual([expect.closeTo(0.7, 12), expect.closeTo(0.8, 12), expect.closeTo(0.9, 12)]);
    expect(of({ threshold: 1 })).toEqual([]);
    expect(of({ signal: null })).toEqual([]);
    expect(of({ verdict: 'frontier', threshold: null })).toEqual([]);
    expect(of({ verdict: 'swap', threshold: null })).toEqual([0.5, 0.75, 0.9]);
    expect(of({ verdict: 'swap', threshold: null, signal: null })).toEqual([]);
  });
});

describe('covariateReference', () => {
  const pairs = [
    { confidence: 0.9, skip: false, input: 'twelve chars', smallOutput: 'billing', bigOutput: 'refund' },
    { confidence: 0.5, skip: false, input: null, smallOutput: 'billing', bigOutput: 'refund' },
    { confidence: 0.9, skip: true, input: null, smallOutput: null, bigOutput: 'other' },
  ] as StoredPair[];
  const certificate = { verdict: 'cascade', threshold: 0.7, accepted: 0.5 } as const;

  it('tells of each request its confidence, length and the label that the policy gives', () => {
    expect(covariateReference(pairs, certificate, true)).toEqual([
      { confidence: 0.9, length: 12, category: 'billing' },
      { confidence: 0.5, length: null, category: 'refund' },
      { confidence: 0.9, length: null, category: 'other' },
    ]);
    expect(covariateReference(pairs, certificate, false).map(({ category }) => category)).toEqual([null, null, null]);
  });
});
