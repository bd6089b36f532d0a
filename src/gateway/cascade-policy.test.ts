import { describe, expect, it } from 'vitest';
import { type LockedCertificate, NO_LOCK, parseConfig, pinsOf } from '../config/index.ts';
import { judgeOf } from '../judge/index.ts';
import { TaskPolicies, type Voided } from './cascade-policy.ts';

const now = Date.UTC(2026, 10, 22);
const config = parseConfig(
  `
models:
  tiny: { provider: openai, model: tiny-1, url: "http://127.0.0.1:1/v1" }
  mid: { provider: openai, model: mid-1 }
  big: { provider: anthropic, model: big-1 }
tasks:
  label: { output: { kind: label, labels: [a, b] }, ladder: [tiny, mid, big] }
  fixed: { output: { kind: label, labels: [a, b] }, ladder: [tiny, big], threshold: 0.7 }
  alone: { output: { kind: text }, ladder: [big] }
`,
  'smallfirst.yaml',
  {},
);
const label = config.tasks.get('label')!;
const pins = pinsOf({ task: label, small: config.models.get('tiny')!, big: config.models.get('big')!, smallVersion: null, judge: null });

const certificate: LockedCertificate = {
  id: 'c',
  task: 'label',
  small: 'tiny',
  big: 'big',
  verdict: 'cascade',
  threshold: 0.8,
  signal: 'token',
  calibrator: { kind: 'identity' },
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: null,
  delta: 0.04,
  pairs: 1_000,
  accepted: 0.8,
  retained: 0.99,
  retainedLowerBound: 0.98,
  counts: { kept: 1, lost: 0, gained: 0 },
  evidenceHash: '',
  pins,
  issuedAt: now - 1,
  expiresAt: now + 1,
};

function policiesWith(parts: Partial<LockedCertificate> | null, version: string | null = null): TaskPolicies {
  const certificates = new Map(parts === null ? [] : [['label', { ...certificate, ...parts }]]);
  return new TaskPolicies({ models: config.models, lock: () => ({ ...NO_LOCK, certificates }), version: () => version });
}

const routes = (policies: TaskPolicies, fingerprint: string | null = null, at = now) => policies.policyOf(label, fingerprint, at).isRouted;

describe('TaskPolicies', () => {
  it('say nothing of a certificate that does not fit another ladder than its task’s: there it is not in force, and nowhere else void', () => {
    const voided: Voided[] = [];
    const policies = new TaskPolicies({
      models: config.models,
      lock: () => ({ ...NO_LOCK, certificates: new Map([['label', certificate]]) }),
      version: () => null,
      onVoided: (one) => voided.push(one),
    });
    const elsewhere = { ...label, ladder: ['tiny', 'mid'] };
    expect([policies.policyOf(elsewhere, null, now, { isTold: false }).isRouted, voided]).toEqual([false, []]);
    policies.policyOf(elsewhere, null, now);
    expect([voided.length, policies.policyOf(label, null, now).isRouted]).toEqual([1, true]);
  });

  it('licenses the small model of a certificate, and gives nobody else a part but the ceiling', () => {
    const { step, isRouted, certificate: inForce } = policiesWith({ gate: { tokens: 8 } }).policyOf(label, null, now);
    expect([isRouted, inForce?.id, step.task, step.output]).toEqual([true, 'c', 'label', label.output]);
    expect(step.ladder.map(({ model, licence, gate }) => [model.name, licence, gate])).toEqual([
      ['tiny', { kind: 'certified', threshold: 0.8 }, { tokens: 8 }],
      ['mid', { kind: 'uncertified', why: 'other-model' }, undefined],
      ['big', { kind: 'certified', threshold: null }, undefined],
    ]);
  });

  it('observes a task without a certificate: its ladder is its ceiling', () => {
    const { step, isRouted, certificate: inForce } = policiesWith(null).policyOf(label, null, now);
    expect([isRouted, inForce, step.ladder.map(({ model }) => model.name)]).toEqual([false, null, ['big']]);
    expect(policiesWith(null).policyOf(config.tasks.get('alone')!, null, now).isRouted).toBe(false);
  });

  it("takes a person's threshold without any evidence, and over any", () => {
    const { step, isRouted, certificate: inForce } = policiesWith({}).policyOf(config.tasks.get('fixed')!, null, now);
    expect([isRouted, inForce, step.ladder[0]?.licence]).toEqual([true, null, { kind: 'fixed', threshold: 0.7 }]);
  });

  it.each<[string, Partial<LockedCertificate>]>([
    ['has expired', { expiresAt: now }],
    ['is for another ceiling', { big: 'mid' }],
    ['is for a model that is gone', { small: 'gone' }],
    ['says that the frontier stays', { verdict: 'frontier' }],
    ['pins another small model', { pins: { ...pins, small: 'openai/tiny-2' } }],
    ['pins another kind of answer', { pins: { ...pins, output: '0' } }],
    ['pins a version that the model does not have', { pins: { ...pins, 'small.version': 'sha' } }],
    ['pins what nobody can check', { pins: { ...pins, weather: 'fair' } }],
  ])('licenses nothing by a certificate that %s', (_what, parts) => {
    expect(routes(policiesWith(parts))).toBe(false);
  });

  it('needs every pin of the certificate and no more, and the checksum where one is pinned', () => {
    expect(routes(policiesWith({}))).toBe(true);
    expect(routes(policiesWith({ pins: { ...pins, 'small.version': 'sha' } }, 'sha'))).toBe(true);
    expect(routes(policiesWith({ pins: { ...pins, 'small.version': 'sha' } }, 'other'))).toBe(false);
  });

  it('is void for requests of another template than the one that is pinned', () => {
    const policies = policiesWith({ pins: { ...pins, template: 'aa' } });
    expect([routes(policies, 'aa'), routes(policies, 'bb'), routes(policies, null)]).toEqual([true, false, false]);
    expect(routes(policiesWith({}), 'bb')).toBe(true);
  });

  it.each(['tiny', 'big'])('is void once %s says that it is another version than the first that was seen', (model) => {
    let held = certificate;
    const policies = new TaskPolicies({
      models: config.models,
      lock: () => ({ ...NO_LOCK, certificates: new Map([['label', held]]) }),
      version: () => null,
    });
    policies.observe(model, null);
    policies.observe(model, 'v1');
    policies.observe('mid', 'v1');
    expect(routes(policies)).toBe(true);
    policies.observe('mid', 'v2');
    expect(routes(policies)).toBe(true);
    policies.observe(model, 'v2');
    expect([routes(policies), routes(policies)]).toEqual([false, false]);
    // New evidence is about the version that serves now.
    held = { ...certificate, id: 'newer' };
    expect([routes(policies), routes(policies)]).toEqual([true, true]);
    held = certificate;
    expect(routes(policies)).toBe(false);
  });

  it('is void while a model serves another version than the one that is pinned, from its first answer on', () => {
    const policies = policiesWith({ pins: { ...pins, 'small.served': 'v1' } });
    expect(routes(policies)).toBe(true);
    policies.observe('tiny', 'v2');
    expect(routes(policies)).toBe(false);
    policies.observe('tiny', 'v1');
    expect(routes(policies)).toBe(true);
  });

  it('is void under another model where what it was asked as is all that its evidence says of a version', () => {
    const asked = (version: string) => policiesWith({ pins: { ...pins, 'small.served': version } });
    expect([routes(asked('asked:openai/tiny-1')), routes(asked('asked:openai/tiny-0'))]).toEqual([true, false]);
    const policies = asked('asked:openai/tiny-1');
    policies.observe('tiny', 'v2');
    expect(routes(policies)).toBe(false);
  });

  it.each(['observe', 'shadow'] as const)('routes nothing of a task in %s mode, whatever the lock or a person says', (mode) => {
    const policies = policiesWith({});
    expect(policies.policyOf({ ...label, mode }, null, now).isRouted).toBe(false);
    expect(policies.policyOf({ ...config.tasks.get('fixed')!, mode }, null, now).isRouted).toBe(false);
  });

  it('holds a certificate to the triage that its rows were skipped by', () => {
    const withTriage = (parts: Partial<LockedCertificate>, triage: string | null) => {
      const certificates = new Map([['label', { ...certificate, ...parts }]]);
      return new TaskPolicies({
        models: config.models,
        lock: () => ({ ...NO_LOCK, certificates }),
        version: () => null,
        triage: () => triage,
      });
    };
    const pinned = { pins: { ...pins, triage: 'sha256:1' } };
    expect(
      [
        withTriage({}, null),
        withTriage(pinned, 'sha256:1'),
        withTriage({}, 'sha256:1'),
        withTriage(pinned, null),
        withTriage(pinned, 'sha256:2'),
      ].map((policies) => routes(policies)),
    ).toEqual([true, true, false, false, false]);
  });

  it('holds a certificate to the judge and the rubric that its answers were scored by', () => {
    const judged = (metric: string) => {
      const yaml = `
models: { tiny: { provider: openai }, big: { provider: openai }, one: { provider: anthropic }, two: { provider: anthropic, model: other } }
tasks: { reply: { output: { kind: text }, ladder: [tiny, big], metric: ${metric} } }
`;
      const { models, tasks } = parseConfig(yaml, 'smallfirst.yaml', {});
      const task = tasks.get('reply')!;
      return { models, task, judge: judgeOf(task, models) };
    };
    const good = '{ judge: one, rubric: { text: Be right. } }';
    const routed = (certifiedBy: string, now_: string): boolean => {
      const then = judged(certifiedBy);
      const pins = pinsOf({ ...then, small: then.models.get('tiny')!, big: then.models.get('big')!, smallVersion: null });
      const { models, task } = judged(now_);
      const held = { ...certificate, task: 'reply', pins };
      const lock = { ...NO_LOCK, certificates: new Map([['reply', held]]) };
      return new TaskPolicies({ models, lock: () => lock, version: () => null }).policyOf(task, null, now).isRouted;
    };
    expect(routed(good, good)).toBe(true);
    expect(routed(good, '{ judge: two, rubric: { text: Be right. } }')).toBe(false);
    expect(routed(good, '{ judge: one, rubric: { text: Be polite. } }')).toBe(false);
    expect(routed(good, 'rouge-l')).toBe(false);
    expect(routed('rouge-l', good)).toBe(false);
    // Whom we choose when nobody is named is pinned by name too.
    expect(routed('{ rubric: { text: Be right. } }', '{ rubric: { text: Be right. } }')).toBe(true);
    expect(routed('{ rubric: { text: Be right. } }', '{ judge: big, rubric: { text: Be right. } }')).toBe(false);
  });

  it.each<[string, Partial<LockedCertificate>, string | null, readonly [string, readonly string[]] | null]>([
    ['in force', {}, null, null],
    ['of another template, as the next request may be of the certified one', { pins: { ...pins, template: 'aa' } }, 'bb', null],
    ['expired', { expiresAt: now }, null, ['The certificate expired on 2026-11-22T00:00:00.000Z.', []]],
    ['of another ceiling', { big: 'mid' }, null, ['The certificate was measured against mid, which is the ceiling no more.', []]],
    [
      'of another model',
      { pins: { ...pins, small: 'openai/tiny-0' } },
      null,
      [`What the certificate pins has changed: small was "openai/tiny-0" and is ${JSON.stringify(pins.small)}.`, ['small']],
    ],
  ])('tells of a certificate that is %s', (_what, parts, fingerprint, expected) => {
    const told: Voided[] = [];
    const certificates = new Map([['label', { ...certificate, ...parts }]]);
    const sources = { models: config.models, lock: () => ({ ...NO_LOCK, certificates }), version: () => null };
    const policies = new TaskPolicies({ ...sources, onVoided: (voided) => void told.push(voided) });
    policies.policyOf(label, fingerprint, now);
    expect(told.map(({ reason, changed }) => [reason, changed])).toEqual(expected === null ? [] : [expected]);
  });
});
