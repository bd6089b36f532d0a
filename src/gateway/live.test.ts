import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LockedCertificate, parseConfig } from '../config/index.ts';
import { newId as newUuid, SmallfirstError } from '../core/index.ts';
import { openSqliteStore, type Store, type TaskEvent } from '../store/index.ts';
import { gateJson, trainGate } from '../triage/index.ts';
import { LiveTasks } from './live.ts';
import { TextJudge } from './live-judge.ts';
import { EventTeller } from './live-tell.ts';
import { TaskTriages } from './triage.ts';

const now = Date.UTC(2026, 10, 22);
const config = parseConfig(
  `
models: { small: { provider: openai }, big: { provider: openai } }
tasks:
  label: { output: { kind: label, labels: [a, b] }, ladder: [small, big] }
  quiet: { output: { kind: label, labels: [a, b] }, ladder: [small, big], mode: shadow, shadow: { share: 1 } }
`,
  'smallfirst.yaml',
  {},
);
const task = config.tasks.get('label')!;
const model = (name: string) => config.models.get(name)!;

const certificate: LockedCertificate = {
  id: 'c',
  task: 'label',
  small: 'small',
  big: 'big',
  verdict: 'swap',
  threshold: null,
  signal: null,
  calibrator: null,
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: null,
  delta: 0.04,
  pairs: 1_000,
  accepted: 1,
  retained: 0.99,
  retainedLowerBound: 0.98,
  counts: { kept: 1, lost: 0, gained: 0 },
  evidenceHash: '',
  pins: {},
  issuedAt: now - 1,
  expiresAt: now + 1_000,
};

const policy = {
  step: {
    task: 'label',
    step: null,
    pipeline: null,
    output: task.output,
    ladder: ['small', 'big'].map((name) => ({ model: model(name), licence: { kind: 'certified' as const, threshold: null } })),
  },
  isRouted: true,
  certificate,
};

function opened() {
  const events: TaskEvent[] = [];
  const clock = { now: () => now, monotonic: () => 0 };
  const newId = newUuid;
  const client = (): never => {
    throw new SmallfirstError('MODEL_NOT_FOUND', 'nobody is asked');
  };
  const countTokens = async () => (text: string) => text.length;
  const prices = { price: () => null };
  const live = new LiveTasks({
    tasks: config.tasks,
    triages: new TaskTriages(new Map()),
    capture: config.capture,
    teller: new EventTeller({ record: (event) => events.push(event), warn: () => {}, info: () => {}, newId, now: clock.now }),
    warn: () => {},
    record: () => {},
    judge: new TextJudge({ clock, newId, prices, models: config.models, client, countTokens }),
    ask: { clock, newId, prices, model, client, countTokens, observe: () => {} },
  });
  return { live, events };
}

let folder: string;
const stores: Store[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-live-'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** A store with these events. */
async function holding(events: readonly TaskEvent[]): Promise<Store> {
  const store = await openSqliteStore(join(folder, `${stores.length}.db`));
  stores.push(store);
  await store.events.add(events);
  return store;
}

const event = (kind: TaskEvent['kind'], parts: Partial<TaskEvent> = {}): TaskEvent => ({
  id: newUuid(),
  task: 'label',
  at: now,
  kind,
  certificate: 'c',
  reason: 'because',
  detail: {},
  ...parts,
});

const reasons = (live: LiveTasks, count: number) =>
  new Set(Array.from({ length: count }, (_, i) => live.route(task, policy, `request-${i}`).reason));

describe('a certificate that came into the lock', () => {
  it('does not route before its record was read: an alarm may be in it', async () => {
    const { live } = opened();
    expect(live.route(task, policy, 'request')).toMatchObject({ reason: 'unknown-standing', policy: { isRouted: false }, watched: null });
    expect(live.route(task, policy, 'request').policy.step.ladder.map((rung) => rung.model.name)).toEqual(['big']);
    const gone = await openSqliteStore(join(folder, 'gone.db'));
    await gone.close();
    await expect(live.restore([certificate], gone)).rejects.toThrow();
    expect(reasons(live, 3)).toEqual(new Set(['unknown-standing']));
    await live.restore([certificate], await holding([]));
    expect(reasons(live, 300)).toEqual(new Set([null, 'outside-canary']));
  });

  it('is approved and enters its first stage once, however often it is read', async () => {
    const first = opened();
    await first.live.restore([certificate], await holding([]));
    await first.live.restore([certificate], await holding([]));
    expect(first.events.map(({ kind, certificate: id }) => [kind, id])).toEqual([
      ['approved', 'c'],
      ['stage', 'c'],
    ]);
    const second = opened();
    await second.live.restore([certificate], await holding(first.events));
    expect(second.events).toEqual([]);
  });

  it('is routed no more once it is void, which is told once, and of which a new process knows', async () => {
    const { live, events } = opened();
    live.voided({ certificate, reason: 'too early', changed: [] });
    await live.restore([certificate], await holding([event('approved'), event('stage')]));
    events.length = 0;
    live.voided({ certificate, reason: 'small has changed', changed: ['small'] });
    live.voided({ certificate, reason: 'small has changed', changed: ['small'] });
    expect(events.map(({ kind, reason, detail }) => [kind, reason, detail])).toEqual([
      ['voided', 'small has changed', { changed: ['small'] }],
    ]);
    expect(reasons(live, 20)).toEqual(new Set(['fallen-back']));
    const next = opened();
    await next.live.restore([certificate], await holding(events));
    expect([reasons(next.live, 20), next.events, next.live.standing(task, certificate).voided]).toEqual([
      new Set(['fallen-back']),
      [],
      'small has changed',
    ]);
  });

  it('by a gate classifier has safer thresholds to fall to, as one by a signal has', async () => {
    const rows = Array.from({ length: 80 }, (_, i) => ({
      signals: { stated: (i % 10) / 10 },
      text: `request ${i}`,
      small: i % 10 < 4 ? 0 : 1,
      big: 1,
      group: `g${i}`,
    }));
    const classifier = gateJson(trainGate(rows, { folds: 4, seed: 1 }).model);
    const { live } = opened();
    const cascade = {
      ...certificate,
      verdict: 'cascade' as const,
      threshold: 0.6,
      accepted: 0.5,
      calibrator: { kind: 'identity' as const },
    };
    await live.restore([{ ...cascade, classifier }], await holding([]));
    const safer = live
      .standing(task, { ...cascade, classifier })
      .monitor?.snapshot()
      .safer.map(({ threshold }) => threshold);
    expect(safer).toEqual([0.7, 0.8, 0.9].map((threshold) => expect.closeTo(threshold, 12)));
  });

  it('is forgotten when it leaves the lock, and its task is not watched in another mode', async () => {
    const { live } = opened();
    await live.restore([certificate, { ...certificate, id: 'q', task: 'quiet' }], await holding([]));
    expect([live.watches, live.standing(config.tasks.get('quiet')!, null).watched]).toEqual([1, false]);
    await live.restore([], await holding([]));
    expect([live.watches, reasons(live, 2)]).toEqual([0, new Set(['unknown-standing'])]);
  });
});
