import { describe, expect, it } from 'vitest';
import { type Config, type LockedCertificate, NO_LOCK, parseConfig, pinsOf, type TaskConfig } from './config/index.ts';
import { EscalationCaps, TaskPolicies } from './gateway/index.ts';
import type { StepAsk } from './pipeline/index.ts';
import { type PolicySteps, type StepPolicy, stepPolicy } from './pipeline-policy.ts';

const now = Date.UTC(2026, 10, 22);

function configOf(step: string): Config {
  return parseConfig(
    `models:
  tiny: { provider: openai, model: tiny-1, url: "http://127.0.0.1:1/v1" }
  mid: { provider: openai, model: mid-1, url: "http://127.0.0.1:1/v1" }
  big: { provider: openai, model: big-1, url: "http://127.0.0.1:1/v1" }
tasks:
  label: { output: { kind: label, labels: [a, b] }, ladder: [tiny, big], escalationsPerHour: 1 }
pipelines:
  p: { steps: [{ step: sort, task: label${step} }] }
`,
    'smallfirst.yaml',
    {},
  );
}

interface Life {
  readonly verdict?: LockedCertificate['verdict'];
  readonly certified?: boolean;
  readonly reason?: StepPolicy['reason'];
  readonly isHard?: boolean;
  readonly escalated?: boolean;
}

/** Who answers a step written so, where the life of its task is so. */
function policyOf(step: string, life: Life = {}) {
  const config = configOf(step);
  const task = config.tasks.get('label') as TaskConfig;
  const model = (name: string) => config.models.get(name)!;
  const certificate = {
    id: 'c',
    task: 'label',
    small: 'tiny',
    big: 'big',
    verdict: life.verdict ?? 'cascade',
    threshold: life.verdict === 'swap' ? null : 0.8,
    signal: 'token',
    calibrator: { kind: 'identity' },
    gate: null,
    floor: { retain: 0.98, level: 0.95 },
    accepted: 1,
    pins: pinsOf({ task, small: model('tiny'), big: model('big'), smallVersion: null, judge: null }),
    issuedAt: now - 1,
    expiresAt: now + 1,
  } as unknown as LockedCertificate;
  const voided: string[] = [];
  const escalations = new EscalationCaps({ clock: { now: () => now }, warn: () => {} });
  if (life.escalated) escalations.happened(task);
  const steps: PolicySteps = {
    policies: new TaskPolicies({
      models: config.models,
      lock: () => ({ ...NO_LOCK, certificates: new Map(life.certified === false ? [] : [['label', certificate]]) }),
      version: () => null,
      onVoided: ({ reason }) => voided.push(reason),
    }),
    life: {
      route: (_task, policy) =>
        life.reason === undefined || life.reason === null
          ? { policy, reason: null, watched: null }
          : {
              policy: { step: { ...policy.step, ladder: policy.step.ladder.slice(-1) }, isRouted: false, certificate: null },
              reason: life.reason,
              watched: null,
            },
      isHard: () => life.isHard ?? false,
      watch: () => null,
    },
    escalations,
    model,
  };
  const [asked] = config.pipelines.get('p')?.steps ?? [];
  if (asked === undefined) throw new Error('no step');
  const own = asked.ladder === null ? task : { ...task, ladder: asked.ladder };
  const found = stepPolicy(own, { messages: [] }, { step: asked, run: { id: 'r' } } as StepAsk, steps, now);
  const { policy, startAt, watched, reason, alone } = found;
  return { ladder: policy.step.ladder.map((rung) => rung.model.name), startAt, isWatched: watched !== null, reason, alone, voided };
}

const whole = { ladder: ['tiny', 'big'], startAt: 0, isWatched: true, reason: null, alone: null, voided: [] };
const ceiling = { ...whole, ladder: ['big'] };

describe('who answers a step', () => {
  it('is the ladder of its task where a certificate is in force, and what its life makes of that', () => {
    expect(policyOf('')).toEqual(whole);
    expect(policyOf('', { certified: false })).toEqual(ceiling);
    expect(policyOf('', { reason: 'outside-canary' })).toEqual({ ...ceiling, reason: 'outside-canary' });
    expect(policyOf('', { isHard: true })).toEqual({ ...whole, startAt: 1, reason: 'triaged' });
    // Past its cap nothing beside the ceiling is paid for.
    expect(policyOf('', { escalated: true })).toEqual({ ...ceiling, isWatched: false, reason: 'escalation-cap' });
  });

  it('is the ceiling where the certificate promises less than the step’s floor', () => {
    expect(policyOf(', floor: { retain: 0.98 }')).toEqual(whole);
    expect(policyOf(', floor: { retain: 0.99 }')).toEqual(ceiling);
    expect(policyOf(', floor: { level: 0.99 }')).toEqual(ceiling);
  });

  it('is the step’s own ladder, which voids no certificate where it does not fit', () => {
    expect(policyOf(', ladder: [tiny, mid, big]')).toEqual({ ...whole, ladder: ['tiny', 'mid', 'big'] });
    expect(policyOf(', ladder: [tiny, mid]')).toEqual({ ...ceiling, ladder: ['mid'] });
  });

  it('is the model that the step names, with what the certificate wants of it', () => {
    const named = (model: string, life: Life = {}) => policyOf(`, model: ${model}`, life);
    const alone = { ...whole, isWatched: false };
    expect(named('tiny')).toEqual({ ...alone, ladder: ['tiny'], alone: { threshold: 0.8 } });
    expect(named('tiny', { verdict: 'swap' })).toEqual({ ...alone, ladder: ['tiny'], alone: { threshold: 0 } });
    expect(named('tiny', { reason: 'fallen-back' })).toEqual({ ...alone, ladder: ['tiny'], alone: { threshold: null } });
    expect(named('mid')).toEqual({ ...alone, ladder: ['mid'], alone: { threshold: null } });
    expect(named('big')).toEqual({ ...alone, ladder: ['big'], alone: { threshold: null } });
  });
});
