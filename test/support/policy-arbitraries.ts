import fc from 'fast-check';
import type { NanoUsd } from '../../src/core/index.ts';
import type { Action, Attempt, AttemptResult, Evidence, Licence, Need, Rung } from '../../src/policy/index.ts';
import { nextAction } from '../../src/policy/index.ts';

/** How a model of a made-up world behaves when it is called. */
export interface Behaviour {
  readonly result: AttemptResult;
  readonly confidence: number | null;
  readonly cost: NanoUsd;
  readonly ms: number;
}

/** A request in a made-up world: all of the evidence but the attempts, and what each rung would do. */
export interface Scenario {
  readonly evidence: Omit<Evidence, 'tried' | 'now'>;
  readonly behaviours: readonly Behaviour[];
}

/** One decision with the evidence it was made from. */
export interface Decision {
  readonly evidence: Evidence;
  readonly action: Action;
}

const confidences = fc.option(fc.constantFrom(0, 0.1, 0.5, 0.69, 0.7, 0.9, 1), { nil: null });
const thresholds = fc.constantFrom(0.1, 0.5, 0.7, 0.9, 1);

const licences: fc.Arbitrary<Licence> = fc.oneof(
  fc.record({ kind: fc.constant('certified' as const), threshold: fc.option(thresholds, { nil: null }) }),
  fc.record({ kind: fc.constant('fixed' as const), threshold: thresholds }),
  fc.record({ kind: fc.constant('uncertified' as const), why: fc.constant('no-certificate' as const) }),
);

const rungs = fc.record({
  tier: fc.constantFrom('small' as const, 'mid' as const, 'frontier' as const),
  boundary: fc.constantFrom('internal', 'eu', 'any'),
  capabilities: fc.uniqueArray(fc.constantFrom('tools' as const, 'images' as const), { maxLength: 2 }).map((list) => new Set(list)),
  contextWindow: fc.option(fc.constantFrom(1_000, 8_000), { nil: null }),
  estimatedCost: fc.option(
    fc.integer({ min: 0, max: 100 }).map((cost) => cost as NanoUsd),
    { nil: null, freq: 8 },
  ),
  estimatedMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null }),
  licence: licences,
  available: fc.constantFrom(true, true, true, false),
});

const needs: fc.Arbitrary<Need> = fc.record({
  capabilities: fc.uniqueArray(fc.constantFrom('tools' as const, 'images' as const), { maxLength: 1 }).map((list) => new Set(list)),
  tokens: fc.constantFrom(10, 5_000),
  boundaries: fc.option(
    fc.uniqueArray(fc.constantFrom('internal', 'eu', 'any'), { minLength: 1 }).map((list) => new Set(list)),
    { nil: null },
  ),
});

const behaviours = fc.record({
  result: fc.constantFrom<AttemptResult>('complete', 'complete', 'complete', 'invalid', 'truncated', 'refused', 'failed'),
  confidence: confidences,
  costShare: fc.double({ min: 0, max: 1, noNaN: true }),
  ms: fc.integer({ min: 0, max: 150 }),
});

/** Requests over ladders of up to five rungs. What a call costs never passes the rung's estimate. */
export const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    places: fc.array(fc.tuple(rungs, behaviours), { maxLength: 5 }),
    need: needs,
    startAt: fc.integer({ min: -1, max: 6 }),
    polish: fc.boolean(),
    budget: fc.option(
      fc.integer({ min: 0, max: 250 }).map((budget) => budget as NanoUsd),
      { nil: null },
    ),
    deadlineAt: fc.option(fc.integer({ min: 0, max: 300 }), { nil: null }),
  })
  .map(({ places, ...rest }) => ({
    evidence: { ...rest, ladder: places.map(([rung], index): Rung => ({ ...rung, model: `model-${index}` })) },
    behaviours: places.map(([rung, behaviour]) => ({
      result: behaviour.result,
      confidence: behaviour.result === 'complete' ? behaviour.confidence : null,
      cost: Math.floor(behaviour.costShare * (rung.estimatedCost ?? 100)) as NanoUsd,
      ms: behaviour.ms,
    })),
  }));

/** Plays a request to its end and returns every decision. Throws when it has not ended after more calls than there are rungs. */
export function play(scenario: Scenario): readonly Decision[] {
  const decisions: Decision[] = [];
  const tried: Attempt[] = [];
  let now = 0;
  for (;;) {
    const evidence: Evidence = { ...scenario.evidence, tried: [...tried], now };
    const action = nextAction(evidence);
    decisions.push({ evidence, action });
    if (action.do !== 'call') return decisions;
    if (tried.length > scenario.evidence.ladder.length) throw new Error('the policy does not end');
    const behaviour = scenario.behaviours[scenario.evidence.ladder.findIndex((rung) => rung.model === action.model)];
    if (!behaviour) throw new Error(`the policy called ${action.model}, which is not on the ladder`);
    tried.push({ model: action.model, result: behaviour.result, confidence: behaviour.confidence, cost: behaviour.cost });
    now += behaviour.ms;
  }
}
