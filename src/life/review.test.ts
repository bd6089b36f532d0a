import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storedPair } from '../../test/support/life-pairs.ts';
import type { LockedCertificate } from '../config/index.ts';
import type { Look, TaskEvent } from '../store/types.ts';
import { isLookDue, reviewTask } from './review.ts';
import { unifiedDiff } from './review-diff.ts';
import type { Proposal, ReviewQuestion } from './review-types.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;

const certificate: LockedCertificate = {
  id: 'old',
  task: 'classify',
  small: 'small',
  big: 'frontier',
  verdict: 'cascade',
  threshold: 0.8,
  signal: 'token',
  calibrator: { kind: 'identity' },
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: 1,
  delta: 0.025,
  pairs: 500,
  accepted: 0.5,
  retained: 1,
  retainedLowerBound: 0.99,
  counts: { kept: 500, lost: 0, gained: 0 },
  evidenceHash: 'ab'.repeat(32),
  pins: { small: 'vendor/small', 'small.served': 'small-1' },
  issuedAt: NOW - 5 * DAY,
  expiresAt: NOW + 25 * DAY,
};

function question(over: Partial<ReviewQuestion> = {}): ReviewQuestion {
  return {
    name: 'classify',
    task: { name: 'classify', mode: 'live', ladder: ['small', 'middle', 'frontier'] },
    locked: certificate,
    proposals: [],
    pins: new Map([['small', { small: 'vendor/small' }]]),
    served: new Map(),
    events: [],
    looks: [],
    voided: new Map(),
    evidence: [],
    pairs: [],
    traffic: null,
    now: NOW,
    ...over,
  };
}

function proposal(over: Partial<LockedCertificate>, at = NOW - DAY): Proposal {
  return { certificate: { ...certificate, id: 'next', issuedAt: at, ...over }, look: { k: 2, n: 900, delta: 0.0125 }, at };
}

function look(over: Partial<Look>): Look {
  const { task, small, big, method } = certificate;
  const found = { verdict: 'frontier', retained: 0.9, lowerBound: 0.8, certificate: null } as const;
  return { id: 'l', task, small, big, series: 's', k: 2, n: 900, delta: 0.0125, at: NOW - DAY, by: 'review', method, ...found, ...over };
}

function event(kind: TaskEvent['kind'], at: number, of: string | null = 'old'): TaskEvent {
  return { id: `${kind} ${at}`, task: 'classify', at, kind, certificate: of, reason: `It was ${kind}.`, detail: null };
}

const verdictOf = (over: Partial<ReviewQuestion>) => reviewTask(question(over)).verdict;

describe('the review of a task', () => {
  it.each([
    [0.7, 'loosened'],
    [0.505, 'renewed'],
    [0.3, 'tightened'],
  ])('calls a certificate that keeps %s, where the old one kept 0.5, %s', (accepted, verdict) => {
    const { after, look: decided, ...rest } = reviewTask(question({ proposals: [proposal({ accepted })] }));
    expect({ verdict: rest.verdict, after: after?.id, k: decided?.k }).toEqual({ verdict, after: 'next', k: 2 });
  });

  it('proposes nothing from before an alarm, of other pins, or of a ladder that is gone', () => {
    expect(verdictOf({ proposals: [proposal({})], events: [event('alarm', NOW - 1)] })).toBe('void');
    expect(verdictOf({ proposals: [proposal({ pins: { small: 'vendor/other' } })] })).toBe('in-force');
    expect(verdictOf({ proposals: [proposal({ big: 'gone' })] })).toBe('in-force');
    expect(verdictOf({ proposals: [proposal({}, NOW - 2 * DAY)], events: [event('alarm', NOW - 3 * DAY)] })).toBe('renewed');
  });

  it('holds what a later look at its own model could not certify for void, and not what one at another could not', () => {
    expect(verdictOf({ looks: [look({})] })).toBe('void');
    expect(verdictOf({ looks: [look({ small: 'middle' })] })).toBe('in-force');
    expect(verdictOf({ looks: [look({ at: NOW - 6 * DAY })] })).toBe('in-force');
    expect(reviewTask(question({ looks: [look({ verdict: 'not-enough' })] }))).toMatchObject({
      verdict: 'not-enough',
      after: { id: 'old' },
    });
  });

  it.each([
    ['a version that was not pinned', { served: new Map([['small', 'small-2']]) }, 'small.served was small-1 and is small-2'],
    [
      'a triage that the evidence did not have',
      { pins: new Map([['small', { small: 'vendor/small', triage: 't' }]]) },
      'triage was nothing',
    ],
    ['its end', { now: certificate.expiresAt }, 'It expired on'],
    ['a task that is gone', { task: null }, 'no such task'],
    ['a rollback', { events: [event('rollback', NOW - DAY)] }, 'It was rollback.'],
    ['what the store says', { voided: new Map([['old', 'Somebody said so.']]) }, 'Somebody said so.'],
  ])('is void by %s', (_what, over, reason) => {
    const review = reviewTask(question(over));
    expect(review).toMatchObject({ verdict: 'void', after: null });
    expect(review.reason).toContain(reason);
  });

  it('stands again where it recovered, and keeps the incidents', () => {
    const events = [event('alarm', NOW - 3 * DAY), event('recovered', NOW - 2 * DAY)];
    expect(reviewTask(question({ events }))).toMatchObject({ verdict: 'in-force', incidents: events });
  });

  it('asks for a look when the certificate is old or void, and not twice in a week', () => {
    const evidence = [{ small: 'small', n: 600, size: 1_000, k: 2, missing: 700 }];
    const old = { locked: { ...certificate, issuedAt: NOW - 22 * DAY }, evidence };
    expect(isLookDue(question({ evidence }))).toBe(false);
    expect(isLookDue(question(old))).toBe(true);
    expect(isLookDue(question({ ...old, evidence: [] }))).toBe(false);
    expect(isLookDue(question({ ...old, looks: [look({ at: NOW - 6 * DAY })] }))).toBe(false);
    expect(isLookDue(question({ ...old, proposals: [proposal({})] }))).toBe(false);
    expect(isLookDue(question({ evidence, events: [event('alarm', NOW - DAY)] }))).toBe(true);
  });

  it('estimates what is retained from the audits of this certificate alone', () => {
    const audit = { drawn: 'audit', certificate: 'old', confidence: 0.9, inclusion: 0.5 } as const;
    const pairs = [
      ...Array.from({ length: 9 }, (_, i) => storedPair({ id: `a${i}`, ...audit })),
      storedPair({ id: 'wrong', ...audit, smallQuality: 0 }),
      storedPair({ id: 'escalated', ...audit, confidence: 0.1, smallQuality: 0 }),
      storedPair({ id: 'of another', ...audit, certificate: 'older', smallQuality: 0 }),
      storedPair({ id: 'shadow', smallQuality: 0 }),
    ];
    expect(reviewTask(question({ pairs })).live).toMatchObject({ retained: expect.closeTo(10 / 11, 10), rows: 11, audits: 10 });
  });
});

/** What a unified diff makes of the text that it is about. */
function patched(before: string, diff: string): string {
  const source = before === '' ? [] : before.slice(0, -1).split('\n');
  const out: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(2, -1)) {
    const [, from, count] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (from !== undefined) {
      const start = Number(count) === 0 ? Number(from) : Number(from) - 1;
      out.push(...source.slice(at, start));
      at = start;
    } else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      expect(source[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) out.push(line.slice(1));
      at += 1;
    }
  }
  return [...out, ...source.slice(at)].map((line) => `${line}\n`).join('');
}

describe('unifiedDiff', () => {
  it('is empty for the same text, and shows three lines around a change', () => {
    expect(unifiedDiff('a\n', 'a\n', 'f')).toBe('');
    expect(unifiedDiff('1\n2\n3\n4\n5\n6\n7\n8\n9\n', '1\n2\n3\n4\nx\n6\n7\n8\n9\n', 'f')).toBe(
      '--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n',
    );
    expect(unifiedDiff('', 'a\n', 'f')).toBe('--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n');
  });

  it('turns any text into any other', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 40 }).map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(fc.property(text, text, (before, after) => before === after || patched(before, unifiedDiff(before, after, 'f')) === after));
  });
});
