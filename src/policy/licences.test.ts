import { describe, expect, it } from 'vitest';
import type { Certificate } from '../core/index.ts';
import { changedPins, type LicenceEvidence, licences } from './licences.ts';

const certificate: Certificate = {
  id: 'c1',
  task: 'classify',
  small: 'small',
  big: 'frontier',
  verdict: 'cascade',
  threshold: 0.83,
  signal: 'token',
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: null,
  delta: 0.04,
  pins: { small: 'llama-3.1', prompt: 'abc' },
  pairs: 1240,
  accepted: 0.7,
  retained: 0.995,
  retainedLowerBound: 0.981,
  counts: { kept: 800, lost: 5, gained: 9 },
  evidenceHash: 'e',
  issuedAt: 1_000,
  expiresAt: 2_000,
};

function licencesOf(changes: Partial<LicenceEvidence>) {
  const evidence = { certificate, ladder: ['small', 'mid', 'frontier'], fixedThreshold: null, now: 1_500, pins: certificate.pins };
  return licences({ ...evidence, ...changes });
}

describe('licences', () => {
  it('a certificate licenses its small rung against its ceiling, and no other rung', () => {
    expect(licencesOf({})).toEqual([
      { kind: 'certified', threshold: 0.83 },
      { kind: 'uncertified', why: 'other-model' },
      { kind: 'certified', threshold: null },
    ]);
  });

  it('a swap accepts every valid answer, but only those with a confidence when its evidence escalated the others', () => {
    const swap: Certificate = { ...certificate, verdict: 'swap', threshold: null, accepted: 1 };
    expect(licencesOf({ certificate: swap })[0]).toEqual({ kind: 'certified', threshold: null });
    expect(licencesOf({ certificate: { ...swap, accepted: 0.99 } })[0]).toEqual({
      kind: 'certified',
      threshold: Number.NEGATIVE_INFINITY,
    });
  });

  it('is uncertified, with the reason, when the certificate does not hold here and now', () => {
    const reasons = [
      licencesOf({ certificate: null }),
      licencesOf({ now: 2_000 }),
      licencesOf({ pins: { ...certificate.pins, prompt: 'abd' } }),
      licencesOf({ pins: { small: 'llama-3.1' } }),
      licencesOf({ pins: { ...certificate.pins, schema: 'new' } }),
      licencesOf({ ladder: ['small', 'frontier', 'bigger'] }),
      licencesOf({ certificate: { ...certificate, verdict: 'frontier', threshold: null } }),
      licencesOf({ certificate: { ...certificate, threshold: null } }),
      licencesOf({ certificate: { ...certificate, expiresAt: Number.NaN } }),
    ].map(([small]) => (small?.kind === 'uncertified' ? small.why : small?.kind));
    expect(reasons).toEqual([
      'no-certificate',
      'expired',
      'pins-changed',
      'pins-changed',
      'pins-changed',
      'other-ceiling',
      'frontier-verdict',
      'malformed',
      'expired',
    ]);
  });

  it("a person's threshold overrides the certificate on every rung below the ceiling", () => {
    expect(licencesOf({ fixedThreshold: 0.7 })).toEqual([
      { kind: 'fixed', threshold: 0.7 },
      { kind: 'fixed', threshold: 0.7 },
      { kind: 'certified', threshold: null },
    ]);
  });

  it('a ladder of one rung is its own ceiling', () => {
    expect(licencesOf({ ladder: ['small'], certificate: null })).toEqual([{ kind: 'certified', threshold: null }]);
  });
});

describe('changedPins', () => {
  it('names what differs on either side, and does not mistake inherited names for pins', () => {
    expect(changedPins({ a: '1', b: '2', toString: 'x' }, { b: '3', c: '4' })).toEqual(['a', 'b', 'c', 'toString']);
    expect(changedPins({ a: '1' }, { a: '1' })).toEqual([]);
  });
});
