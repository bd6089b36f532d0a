import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LockedCertificate } from '../config/index.ts';
import type { Json, NanoUsd } from '../core/index.ts';
import type { StoredPair, TaskEvent, TaskEventKind } from '../store/types.ts';
import { promotionFigures, promotionGates } from './promotion-figures.ts';
import { versionHistory } from './version-history.ts';
import { type RetireWorld, retirementsOf } from './version-retire.ts';
import type { KnownVersion, VersionQuestion } from './version-types.ts';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;

const known = (version: number, changes: Partial<KnownVersion> = {}): KnownVersion => ({
  model: `student/sort@${version}`,
  isOnLadder: true,
  lineage: {
    kind: 'student',
    hash: `sha256:${version}`,
    dataset: 'd',
    rows: 100,
    until: (900 + version) * DAY,
    trainedAt: (900 + version) * DAY,
    job: null,
    prune: null,
  },
  ...changes,
});
const certificate = (version: number, changes: Partial<LockedCertificate> = {}): LockedCertificate => ({
  id: `c${version}`,
  task: 'sort',
  small: `student/sort@${version}`,
  big: 'frontier',
  verdict: 'cascade',
  threshold: 0.5,
  signal: 'probability',
  calibrator: { kind: 'identity' },
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: 1,
  delta: 0.02,
  pairs: 600,
  accepted: 0.7,
  retained: 1,
  retainedLowerBound: 0.99,
  counts: { kept: 1, lost: 0, gained: 0 },
  evidenceHash: 'ab'.repeat(32),
  pins: {},
  issuedAt: (910 + version) * DAY,
  expiresAt: NOW + DAY,
  ...changes,
});
let ids = 0;
const event = (day: number, kind: TaskEventKind, of: string | null, detail: Json = {}): TaskEvent => {
  ids += 1;
  return { id: `e${ids}`, task: 'sort', at: day * DAY, kind, certificate: of, reason: `${kind} ${of ?? ''}`.trim(), detail };
};
const stage = (day: number, of: string, exposure: number, complete: boolean) =>
  event(day, 'stage', of, { stage: 0, complete, exposure, settings: { auditShare: 0.02, stages: [0.5, 1], auditsPerStage: 200 } });

const question = (changes: Partial<VersionQuestion>): VersionQuestion => ({
  task: 'sort',
  big: 'frontier',
  isLive: true,
  known: [known(1), known(2)],
  events: [],
  certificates: [],
  locked: null,
  pairs: new Map(),
  lastCalls: new Map(),
  now: NOW,
  ...changes,
});
const held = (...certificates: readonly LockedCertificate[]) => certificates.map((each) => ({ certificate: each, voided: null }));
const stages = (changes: Partial<VersionQuestion>) =>
  versionHistory(question(changes)).map((version) => `${version.model.slice(-1)} ${version.stage} ${version.exposure}`);

describe('the history of versions', () => {
  it('begins with what was trained, and goes on with pairs and a certificate that waits', () => {
    expect(stages({})).toEqual(['1 trained 0', '2 trained 0']);
    expect(stages({ pairs: new Map([['student/sort@1', 40]]), certificates: held(certificate(2)) })).toEqual([
      '1 shadow 0',
      '2 certified 0',
    ]);
    expect(stages({ certificates: held(certificate(2, { expiresAt: NOW })) })).toEqual(['1 trained 0', '2 trained 0']);
  });

  it('follows the canary by its stages until all of the traffic is routed', () => {
    const locked = certificate(1);
    const begun = [event(920, 'promoted', 'c1', { model: 'student/sort@1' }), stage(921, 'c1', 0.5, false)];
    expect(stages({ locked, events: begun })).toEqual(['1 canary 0.5', '2 trained 0']);
    expect(stages({ locked, events: [...begun, stage(930, 'c1', 1, true)] })).toEqual(['1 live 1', '2 trained 0']);
    expect(stages({ locked, events: begun, isLive: false })).toEqual(['1 certified 0', '2 trained 0']);
  });

  it('tells an alarm, a void certificate, a successor and a rollback from each other', () => {
    const locked = certificate(1);
    const first = [event(920, 'approved', 'c1'), stage(921, 'c1', 1, true)];
    expect(stages({ locked, events: [...first, event(940, 'alarm', 'c1')] })[0]).toBe('1 rolled-back 0');
    expect(stages({ locked, events: [...first, event(940, 'voided', 'c1')] })[0]).toBe('1 void 0');
    expect(stages({ locked: certificate(1, { expiresAt: NOW - 1 }), events: first })[0]).toBe('1 void 0');
    const second = [...first, event(950, 'promoted', 'c2', { model: 'student/sort@2' }), stage(951, 'c2', 0.5, false)];
    const both = { certificates: held(certificate(2), certificate(1)) };
    expect(stages({ ...both, locked: certificate(2), events: second })).toEqual(['1 superseded 0', '2 canary 0.5']);
    const back = [
      ...second,
      event(960, 'reverted', 'c2', { model: 'student/sort@2' }),
      event(960, 'promoted', 'c1', { model: 'student/sort@1' }),
    ];
    expect(stages({ ...both, locked, events: back })).toEqual(['1 live 1', '2 rolled-back 0']);
    const [one, two] = versionHistory(question({ ...both, locked, events: back }));
    expect([one?.promotedAt, two?.endedAt, two?.endedBecause]).toEqual([920 * DAY, 960 * DAY, 'reverted c2']);
  });

  it('keeps what a version was when its files and its place in the config are gone', () => {
    const lineage = { ...known(7).lineage } as unknown as Json;
    const [gone] = versionHistory(
      question({
        known: [],
        events: [
          event(905, 'candidate', null, { model: 'student/sort@7', hash: 'sha256:7', lineage }),
          event(906, 'golden', null, {
            model: 'student/sort@7',
            alarm: 'regression',
            n: 50,
            quality: 0.5,
            trusted: 'frontier',
            trustedQuality: 1,
          }),
          event(990, 'retired', null, { model: 'student/sort@7', rule: 'idle' }),
        ],
      }),
    );
    expect(gone).toMatchObject({ model: 'student/sort@7', stage: 'retired', isOnLadder: false, lineage: known(7).lineage });
    expect(gone?.golden).toMatchObject({ alarm: 'regression', n: 50, quality: 0.5 });
  });
});

const world: RetireWorld = { now: NOW, idleMs: 30 * DAY, shutdownOf: () => null };

describe('versions that may go', () => {
  it('are idle candidates, and those that two others followed, and never the last one before the present', () => {
    const promoted = [1, 2, 3].flatMap((version) => [
      event(920 + version, 'promoted', `c${version}`, { model: `student/sort@${version}` }),
      stage(920 + version, `c${version}`, 1, true),
    ]);
    const versions = versionHistory(
      question({
        known: [1, 2, 3, 4, 5].map((version) => known(version)),
        events: promoted,
        certificates: held(certificate(3), certificate(2), certificate(1)),
        locked: certificate(3),
        lastCalls: new Map([['student/sort@5', NOW - DAY]]),
      }),
    );
    expect(retirementsOf(versions, world).map(({ model, rule }) => [model, rule])).toEqual([
      ['student/sort@1', 'superseded-twice'],
      ['student/sort@4', 'idle'],
    ]);
  });

  it('are what a vendor turned off, and a void certificate beside one in force; a model that was never trained stays', () => {
    const versions = versionHistory(
      question({
        known: [known(1), known(2), known(3), known(4, { lineage: { ...known(4).lineage, kind: 'model' } })],
        events: [event(920, 'approved', 'c1'), event(940, 'voided', 'c1'), event(950, 'approved', 'c2'), stage(951, 'c2', 1, true)],
        certificates: held(certificate(2), certificate(1)),
        locked: certificate(2),
      }),
    );
    const off = { ...world, shutdownOf: (model: string) => (model === 'student/sort@3' ? NOW - 1 : null) };
    expect(retirementsOf(versions, off).map(({ model, rule }) => [model, rule])).toEqual([
      ['student/sort@1', 'void'],
      ['student/sort@3', 'shut-down'],
    ]);
  });

  it('never include the version in force, whatever happened to the others', () => {
    const kinds = fc.constantFrom<TaskEventKind>('candidate', 'promoted', 'approved', 'reverted', 'voided', 'alarm', 'rollback', 'retired');
    const happened = fc.record({ version: fc.integer({ min: 1, max: 4 }), kind: kinds, day: fc.integer({ min: 900, max: 999 }) });
    fc.assert(
      fc.property(fc.array(happened, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (all, current) => {
        const events = [...all]
          .sort((a, b) => a.day - b.day)
          .filter(({ version }) => version !== current)
          .map(({ version, kind, day }) => event(day, kind, `c${version}`, { model: `student/sort@${version}` }));
        const versions = versionHistory(
          question({
            known: [1, 2, 3, 4].map((version) => known(version)),
            events: [...events, event(999, 'promoted', `c${current}`, { model: `student/sort@${current}` })],
            certificates: held(certificate(4), certificate(3), certificate(2), certificate(1)),
            locked: certificate(current),
          }),
        );
        const gone = retirementsOf(versions, { ...world, shutdownOf: () => NOW - 1 }).map(({ model }) => model);
        expect(gone).not.toContain(`student/sort@${current}`);
        expect(versions.find(({ model }) => model.endsWith(String(current)))?.stage).toBe('canary');
      }),
      { numRuns: 200 },
    );
  });
});

const pair = (n: number, changes: Partial<StoredPair> = {}): StoredPair => ({
  id: `p${n}`,
  task: 'sort',
  small: 'student/sort@2',
  big: 'frontier',
  at: n,
  drawn: 'uniform',
  inclusion: 1,
  cluster: null,
  smallQuality: 1,
  bigQuality: 1,
  confidence: null,
  signals: { probability: n % 4 === 0 ? 0.2 : 0.9 },
  smallCost: 100 as NanoUsd,
  bigCost: 1_000 as NanoUsd,
  smallLatencyMs: 1,
  bigLatencyMs: 400,
  requestId: null,
  certificate: null,
  prompt: null,
  servedSmall: null,
  servedBig: null,
  input: null,
  smallOutput: null,
  bigOutput: null,
  by: 'agreement',
  skip: false,
  ...changes,
});
const many = (changes: Partial<StoredPair> = {}) => Array.from({ length: 100 }, (_, n) => pair(n, changes));
const states = (pairs: readonly StoredPair[], incumbent: LockedCertificate | null = null, ratio = 1.5) =>
  promotionGates(promotionFigures(certificate(2), incumbent, pairs), ratio).map(({ name, state }) => `${name} ${state}`);

describe('what a promotion costs and how long it takes', () => {
  it('counts both calls where the policy escalates', () => {
    const { candidate, ceiling } = promotionFigures(certificate(2), null, many());
    // A quarter has a confidence below the threshold.
    expect(candidate).toEqual({ pairs: 100, cost: 100 + 0.25 * 1_000, p95Ms: 401 });
    expect(ceiling).toEqual({ pairs: 100, cost: 1_000, p95Ms: 400 });
    expect(states(many())).toEqual(['cost passed', 'latency passed']);
  });

  it('fails what is no cheaper than the ceiling, dearer than what answers now, unpriced, or too slow', () => {
    expect(states(many({ smallCost: 800 as NanoUsd }))).toEqual(['cost failed', 'latency passed']);
    expect(states(many({ smallCost: null }))).toEqual(['cost failed', 'latency passed']);
    expect(states(many({ smallLatencyMs: 500 }))).toEqual(['cost passed', 'latency failed']);
    const cheaper = many({ small: 'student/sort@1', smallCost: 0 as NanoUsd });
    expect(states([...many(), ...cheaper], certificate(1))).toEqual(['cost failed', 'latency passed']);
    expect(states([...many(), ...many({ small: 'student/sort@1' })], certificate(1))).toEqual(['cost passed', 'latency passed']);
  });

  it('says so where no pair knows how long an answer took, and counts a triaged request as the ceiling alone', () => {
    expect(states(many({ smallLatencyMs: null, bigLatencyMs: null }))).toEqual(['cost passed', 'latency skipped']);
    expect(promotionFigures(certificate(2), null, many({ skip: true })).candidate.cost).toBe(1_000);
  });
});
