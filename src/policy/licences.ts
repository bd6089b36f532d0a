import type { Certificate, EpochMs } from '../core/index.ts';
import type { Licence, UncertifiedReason } from './types.ts';

/** What decides over the licences of a task's ladder. */
export interface LicenceEvidence {
  /** The task's certificate, or null without one. */
  readonly certificate: Certificate | null;
  /** Model names, cheapest first; the last is the ceiling. */
  readonly ladder: readonly string[];
  /** A person's number for every rung below the ceiling; null without one. */
  readonly fixedThreshold: number | null;
  readonly now: EpochMs;
  /** The pins as they are now, by the same names as in the certificate. */
  readonly pins: Readonly<Record<string, string>>;
}

/**
 * The licence of each rung, in the ladder's order. A certificate licenses its small model against its ceiling and nothing else: two
 * pairwise certificates do not add up, because a middle rung would answer only what the small one was unsure of. A person's fixed
 * threshold overrides the certificate, and is never certified. The ceiling's entry is `certified` with no threshold: it needs none.
 */
export function licences(evidence: LicenceEvidence): readonly Licence[] {
  const last = evidence.ladder.length - 1;
  const flaw = flawOf(evidence);
  return evidence.ladder.map((model, index): Licence => {
    if (index === last) return { kind: 'certified', threshold: null };
    if (evidence.fixedThreshold !== null) return { kind: 'fixed', threshold: evidence.fixedThreshold };
    if (flaw !== null || evidence.certificate === null) return { kind: 'uncertified', why: flaw ?? 'no-certificate' };
    if (evidence.certificate.small !== model) return { kind: 'uncertified', why: 'other-model' };
    return { kind: 'certified', threshold: thresholdOf(evidence.certificate) };
  });
}

/** The pins that differ, by name, sorted; a name that only one side has differs too. Any of them voids a certificate. */
export function changedPins(certified: Readonly<Record<string, string>>, current: Readonly<Record<string, string>>): readonly string[] {
  const names = new Set([...Object.keys(certified), ...Object.keys(current)]);
  return [...names].filter((name) => !Object.hasOwn(certified, name) || certified[name] !== current[name]).sort();
}

/** Why a certificate is not in force for this ladder, or null when it is. */
function flawOf({ certificate, ladder, now, pins }: LicenceEvidence): UncertifiedReason | null {
  if (certificate === null) return 'no-certificate';
  if (certificate.big !== ladder.at(-1)) return 'other-ceiling';
  if (certificate.verdict === 'frontier') return 'frontier-verdict';
  if (certificate.verdict === 'cascade' && !Number.isFinite(certificate.threshold)) return 'malformed';
  // Written so that a date that is no number counts as passed.
  if (!(now < certificate.expiresAt)) return 'expired';
  return changedPins(certificate.pins, pins).length > 0 ? 'pins-changed' : null;
}

/** The threshold that was certified. A swap whose evidence held rows without confidence escalated those rows: so does its licence. */
function thresholdOf(certificate: Certificate): number | null {
  if (certificate.verdict === 'cascade') return certificate.threshold;
  return certificate.accepted < 1 ? Number.NEGATIVE_INFINITY : null;
}
