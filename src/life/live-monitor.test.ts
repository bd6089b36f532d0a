import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EpochMs, Json } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import type { StoredPair, TaskEvent } from '../store/types.ts';
import { LiveMonitor } from './live-monitor.ts';
import type { EventSource, LiveSettings, WatchedCertificate } from './live-monitor-types.ts';

const certificate: WatchedCertificate = {
  id: 'c1',
  task: 'classify',
  verdict: 'cascade',
  threshold: 0.7,
  accepted: 0.8,
  floor: { retain: 0.98, level: 0.95 },
};
const settings: LiveSettings = { auditShare: 0.02, stages: [0.05, 0.25, 1], auditsPerStage: 200, saferThresholds: [0.9, 0.8, 0.7, 0.5] };

/** Ids and times that count up, so that whole events can be compared. */
function source(from: EpochMs = 1_000_000): EventSource & { at: EpochMs } {
  let ids = 0;
  return {
    at: from,
    newId() {
      ids += 1;
      return `e${ids}`;
    },
    now() {
      return this.at;
    },
  };
}

let serial = 0;
function pair(parts: Partial<StoredPair>): StoredPair {
  serial += 1;
  return {
    id: `p${String(serial).padStart(9, '0')}`,
    task: 'classify',
    small: 'small',
    big: 'big',
    at: 1_000_000 + serial,
    drawn: 'audit',
    inclusion: 1,
    cluster: null,
    smallQuality: 1,
    bigQuality: 1,
    confidence: 0.95,
    signals: {},
    smallCost: null,
    bigCost: null,
    smallLatencyMs: null,
    bigLatencyMs: null,
    requestId: null,
    certificate: 'c1',
    prompt: null,
    servedSmall: null,
    servedBig: null,
    input: null,
    smallOutput: null,
    bigOutput: null,
    by: 'agreement',
    skip: false,
    ...parts,
  };
}

/** Runs traffic through a monitor as a gateway does: draws by its probabilities, and keeps what a store would hold. */
class Traffic {
  readonly pairs: StoredPair[] = [];
  readonly events: TaskEvent[];
  readonly monitor: LiveMonitor;
  readonly #random;
  readonly #source = source();

  constructor(monitor: LiveMonitor, seed: number) {
    this.monitor = monitor;
    this.#random = seededRandom(seed);
    this.events = [...monitor.open(this.#source)];
  }

  /** Lets `count` requests come, of which the share `lost(confidence)` of the small model's answers is wrong. */
  run(count: number, lost: (confidence: number) => number): void {
    for (let i = 0; i < count; i += 1) {
      if (this.#random.next() >= this.monitor.exposure) continue;
      const confidence = 0.5 + 0.5 * this.#random.next();
      const threshold = typeof this.monitor.standing === 'string' ? 0.7 : this.monitor.standing.provisional;
      const inclusion = this.monitor.auditProbability(confidence, confidence >= threshold);
      if (this.#random.next() >= inclusion) continue;
      const row = pair({ confidence, inclusion, smallQuality: this.#random.next() < lost(confidence) ? 0 : 1 });
      this.#source.at = row.at;
      this.pairs.push(row);
      this.events.push(...this.monitor.audited(row, this.#source));
    }
  }

  kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }
}

function restored(pairs: readonly StoredPair[], events: readonly TaskEvent[], with_: LiveSettings = settings): LiveMonitor {
  const monitor = new LiveMonitor(certificate, with_);
  monitor.restore(pairs, events);
  return monitor;
}

const good = () => 0.004;

describe('a live monitor', () => {
  it('begins with the first stage of the canary, and says so once', () => {
    const monitor = new LiveMonitor(certificate, settings);
    const events = monitor.open(source());
    expect(events).toEqual([
      {
        id: 'e1',
        task: 'classify',
        at: 1_000_000,
        kind: 'stage',
        certificate: 'c1',
        reason: 'The certificate may route 5 % of the traffic.',
        detail: { stage: 0, complete: false, exposure: 0.05, settings: { auditShare: 0.02, stages: [0.05, 0.25, 1], auditsPerStage: 200 } },
      },
    ]);
    expect(monitor.open(source())).toEqual([]);
    expect([monitor.exposure, monitor.standing, monitor.estimate()]).toEqual([0.05, 'certified', null]);
    expect(restored([], events).open(source())).toEqual([]);
  });

  it('audits the canary’s own answers so much that a stage costs what it would at full exposure, never above 1', () => {
    const probabilities = ([stages, auditShare]: [readonly number[], number]) => {
      const monitor = new LiveMonitor(certificate, { ...settings, stages, auditShare });
      return [monitor.auditProbability(0.9, true), monitor.auditProbability(0.6, false)];
    };
    expect(probabilities([[0.05, 1], 0.02])).toEqual([expect.closeTo(0.4, 12), expect.closeTo(0.3, 12)]);
    expect(probabilities([[0.05, 1], 0.1])).toEqual([1, 1]);
    expect(probabilities([[], 0.02])).toEqual([0.02, 0.015]);
  });

  it('lets a good certificate through its canary and stays quiet', () => {
    const traffic = new Traffic(new LiveMonitor(certificate, settings), 1);
    traffic.run(150_000, good);
    expect(traffic.kinds()).toEqual(['stage', 'stage', 'stage', 'stage']);
    expect(traffic.events.at(-1)?.detail).toMatchObject({ complete: true, exposure: 1 });
    const estimate = traffic.monitor.estimate()!;
    const truth = 0.4 + 0.6 * 0.996;
    expect(estimate.low < truth && truth < estimate.high && estimate.high - estimate.low < 0.02).toBe(true);
    expect(traffic.monitor.snapshot()).toMatchObject({ exposure: 1, standing: 'certified', canary: { state: 'complete' } });
  });

  it('rolls back a bad one within its canary, for good', () => {
    const traffic = new Traffic(new LiveMonitor(certificate, settings), 2);
    traffic.run(100_000, () => 0.25);
    expect(traffic.kinds().at(-1)).toBe('rollback');
    expect(traffic.events.at(-1)?.reason).toMatch(
      /^The canary at (5|25) % of the traffic was rolled back: .* \(E = 2\d(\.\d)?, limit 20\)\.$/,
    );
    expect([traffic.monitor.exposure, traffic.monitor.standing]).toEqual([0, 'ceiling']);
    const again = restored(traffic.pairs, traffic.events, { ...settings, stages: [], auditShare: 0.5 });
    expect([again.open(source()), again.exposure]).toEqual([[], 0]);
  });

  it('alarms on a drop and goes on with a safer threshold where only the less confident answers fail', () => {
    const traffic = new Traffic(new LiveMonitor(certificate, { ...settings, stages: [] }), 3);
    traffic.run(50_000, good);
    expect(traffic.kinds()).toEqual(['stage']);
    traffic.run(100_000, (confidence) => (confidence < 0.8 ? 0.5 : 0.001));
    expect(traffic.kinds()).toEqual(['stage', 'alarm', 'provisional']);
    expect(traffic.monitor.standing).toEqual({ provisional: 0.8 });
    expect(traffic.events[2]?.reason).toMatch(/^Answers from confidence 0\.8 on go on provisionally, uncertified: /);
    traffic.run(200_000, () => 0.3);
    expect(traffic.kinds()).toEqual(['stage', 'alarm', 'provisional', 'alarm', 'provisional', 'alarm']);
    expect(traffic.events.map(({ detail }) => (detail as { threshold?: Json }).threshold)).toEqual([undefined, null, 0.8, 0.8, 0.9, 0.9]);
    expect([traffic.monitor.exposure, traffic.monitor.standing]).toEqual([0, 'ceiling']);
  });

  it('leaves all to the ceiling where no safer threshold stands well', () => {
    const monitor = new LiveMonitor(certificate, { ...settings, stages: [], saferThresholds: [] });
    const deps = source();
    const kinds = Array.from({ length: 30 }, () => monitor.audited(pair({ smallQuality: 0, inclusion: 0.015 }), deps))
      .flat()
      .map(({ kind }) => kind);
    expect([kinds, monitor.exposure, monitor.standing]).toEqual([['alarm'], 0, 'ceiling']);
  });

  it('leaves all to the ceiling where nothing was audited that a safer threshold accepts: each request would pay twice', () => {
    const kindsAfter = (sure: number) => {
      const monitor = new LiveMonitor(certificate, { ...settings, stages: [], saferThresholds: [0.9] });
      const deps = source();
      const rows = [...Array(sure).fill(pair({ confidence: 0.95 })), ...Array(40).fill(pair({ confidence: 0.75, smallQuality: 0 }))];
      const events = rows.flatMap((row: StoredPair) => monitor.audited({ ...row, inclusion: 0.015 }, deps));
      return [events.map(({ kind }) => kind), monitor.standing];
    };
    expect(kindsAfter(4)).toEqual([['alarm'], 'ceiling']);
    expect(kindsAfter(5)).toEqual([['alarm', 'provisional'], { provisional: 0.9 }]);
  });

  it('counts a request below the threshold, without confidence, or sent upwards by triage as escalated', () => {
    const lossAt = (parts: Partial<StoredPair>, of: Partial<WatchedCertificate> = {}) => {
      const monitor = new LiveMonitor({ ...certificate, ...of }, settings);
      monitor.audited(pair({ smallQuality: 0, ...parts }), source());
      return monitor.snapshot().audit.accepted === 1;
    };
    expect(lossAt({ confidence: 0.7 })).toBe(true);
    expect(lossAt({ confidence: 0.69 })).toBe(false);
    expect(lossAt({ confidence: null })).toBe(false);
    expect(lossAt({ confidence: 0.9, skip: true })).toBe(false);
    const swap = { verdict: 'swap', threshold: null, accepted: 1 } as const;
    expect(lossAt({ confidence: null }, swap)).toBe(true);
    expect(lossAt({ confidence: null }, { ...swap, accepted: 0.99 })).toBe(false);
    expect(lossAt({ confidence: 0.01 }, { ...swap, accepted: 0.99 })).toBe(true);
  });

  it('passes over what is not an audit of its certificate, and counts what cannot be read', () => {
    const monitor = new LiveMonitor(certificate, settings);
    monitor.restore(
      [
        pair({ drawn: 'uniform' }),
        pair({ certificate: 'c0' }),
        pair({ certificate: null }),
        pair({ smallQuality: Number.NaN }),
        pair({ bigQuality: 2 }),
      ],
      [{ id: 'x', task: 'classify', at: 1, kind: 'rollback', certificate: 'c0', reason: '', detail: {} }],
    );
    expect(monitor.snapshot().audit).toMatchObject({ rows: 0, accepted: 0, unreadable: 2 });
    expect(monitor.exposure).toBe(0.05);
  });

  it('warns when requests no longer look like those of the certificate', () => {
    const random = seededRandom(9);
    const request = () => ({ confidence: random.next(), length: 100 + random.int(100), category: 'billing' });
    const monitor = new LiveMonitor(certificate, settings, Array.from({ length: 500 }, request));
    const events = Array.from({ length: 1_000 }, () => monitor.observed({ ...request(), length: 300 }, source())).flat();
    expect(events).toEqual([
      {
        id: 'e1',
        task: 'classify',
        at: 1_000_000,
        kind: 'covariate',
        certificate: 'c1',
        reason: expect.stringMatching(
          /^Input lengths of the latest requests differ from those that the certificate was issued on: PSI \d+\.\d\d, above 0\.2\.$/,
        ),
        detail: { covariate: 'length', psi: expect.any(Number), ks: { distance: 1, p: expect.closeTo(0, 9) } },
      },
    ]);
    expect(monitor.exposure).toBe(0.05);
  });
});

describe('a live monitor after a restart', () => {
  const bursts = fc.array(fc.record({ count: fc.integer({ min: 1, max: 25_000 }), lost: fc.constantFrom(0, 0.004, 0.02, 0.1, 0.4) }), {
    minLength: 1,
    maxLength: 4,
  });

  it('knows what it knew, in one fold or in pages, whatever happened', () => {
    fc.assert(
      fc.property(bursts, fc.nat(1_000), fc.nat(), (list, seed, cut) => {
        const traffic = new Traffic(new LiveMonitor(certificate, settings), seed);
        for (const { count, lost } of list) traffic.run(count, () => lost);
        const known = traffic.monitor.snapshot();
        const whole = restored(traffic.pairs, traffic.events);
        expect(whole.snapshot()).toEqual(known);
        expect(whole.open(source())).toEqual([]);
        const paged = new LiveMonitor(certificate, settings);
        const at = traffic.pairs.length === 0 ? 0 : cut % traffic.pairs.length;
        paged.restore(traffic.pairs.slice(0, at), traffic.events, true);
        paged.restore(traffic.pairs.slice(at), []);
        expect(paged.snapshot()).toEqual(known);
        expect(paged.open(source())).toEqual([]);
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it('records what a crash kept it from recording', () => {
    fc.assert(
      fc.property(bursts, fc.nat(1_000), (list, seed) => {
        const traffic = new Traffic(new LiveMonitor(certificate, settings), seed);
        for (const { count, lost } of list) traffic.run(count, () => lost);
        const monitor = restored(traffic.pairs, traffic.events.slice(0, -1));
        const missing = monitor.open(source()).map(({ kind, detail }) => ({ kind, detail }));
        expect(missing).toEqual(traffic.events.slice(-1).map(({ kind, detail }) => ({ kind, detail })));
        expect(monitor.snapshot()).toEqual(traffic.monitor.snapshot());
      }),
      { numRuns: 20, seed: 2 },
    );
  });

  it('goes on where the store no longer holds the pairs: what is on record has happened', () => {
    const traffic = new Traffic(new LiveMonitor(certificate, settings), 1);
    traffic.run(60_000, good);
    expect(traffic.kinds()).toEqual(['stage', 'stage', 'stage']);
    expect(restored([], traffic.events).exposure).toBe(1);
    traffic.run(40_000, (confidence) => (confidence < 0.8 ? 0.5 : 0.001));
    const { standing } = traffic.monitor;
    expect(standing).toEqual({ provisional: 0.8 });
    expect(restored([], traffic.events).standing).toEqual(standing);
    const voided: TaskEvent = {
      id: 'v',
      task: 'classify',
      at: 9e15,
      kind: 'voided',
      certificate: 'c1',
      reason: 'The prompt changed.',
      detail: {},
    };
    expect(restored(traffic.pairs, [...traffic.events, voided]).exposure).toBe(0);
  });

  it('restarts its detectors, and says so, when the audit share changes', () => {
    const traffic = new Traffic(new LiveMonitor(certificate, { ...settings, stages: [] }), 4);
    traffic.run(20_000, () => 0.05);
    const before = traffic.monitor.snapshot();
    expect(before.detector.rows).toBeGreaterThan(100);
    const changed = { ...settings, stages: [], auditShare: 0.05 };
    const monitor = restored(traffic.pairs, traffic.events, changed);
    const deps = source(9e12);
    const events = monitor.open(deps);
    expect(events.map(({ kind, reason }) => [kind, reason])).toEqual([
      ['stage', 'The settings changed: 5 % of accepted answers are audited, and the certificate may route 100 % of the traffic.'],
    ]);
    expect(monitor.snapshot()).toMatchObject({ detector: { e: 1, rows: 0 }, audit: { share: 0.05, rows: before.audit.rows } });
    // A third process folds the old rows by the old share and the new ones by the new share.
    const later = Array.from({ length: 50 }, () => pair({ at: 9e12 + serial, inclusion: 0.05, smallQuality: serial % 10 === 0 ? 0 : 1 }));
    for (const row of later) monitor.audited(row, deps);
    const third = restored([...traffic.pairs, ...later], [...traffic.events, ...events], changed);
    expect(third.snapshot()).toEqual(monitor.snapshot());
    expect(third.open(source())).toEqual([]);
  });
});
