import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCall } from '../../test/contracts/calls.ts';
import { type CapsConfig, parseConfig } from '../config/index.ts';
import { type NanoUsd, nanoUsd as usd } from '../core/index.ts';
import { PriceBook } from '../pricing/index.ts';
import { type Budget, Ledger } from '../run/index.ts';
import { ANYBODY } from './access.ts';
import { type AskedRun, pipelineBudgets } from './pipeline-budgets.ts';
import { mayUsePipeline } from './pipeline-scope.ts';
import { routeOf } from './routes.ts';

const NOW = Date.UTC(2026, 0, 15, 18);
const clock = { now: () => NOW, monotonic: () => NOW };
const config = parseConfig(
  `models:
  small: { provider: p, model: s, url: "http://127.0.0.1:9/v1", price: { input: 0.001, output: 100 } }
  big: { provider: p, model: b, url: "http://127.0.0.1:9/v1", price: { input: 0.001, output: 1000 } }
  gift: { provider: p, model: g, url: "http://127.0.0.1:9/v1" }
tasks:
  classify: { output: { kind: label, labels: [a, b] }, ladder: [small, big], parameters: { maxTokens: 10 } }
  reply: { output: { kind: text }, ladder: [small], parameters: { maxTokens: 100 } }
  free: { output: { kind: text }, ladder: [gift] }
pipelines:
  p:
    steps:
      - { step: sort, task: classify }
      - { step: draft, task: reply, when: request.go == true }
  named: { steps: [{ step: sort, task: classify, model: small }] }
  plan: { steps: [{ step: plan, controller: { model: big, tasks: [classify] } }] }
  gifts: { steps: [{ step: draft, task: free }] }
`.replaceAll('provider: p,', 'provider: openai-compatible,'),
  'smallfirst.yaml',
  {},
);
const pipeline = (name: string) => config.pipelines.get(name)!;
const prices = new PriceBook({ declared: config.prices, warn: () => {} });

function asked(caller: Partial<AskedRun['caller']> = {}): AskedRun {
  return {
    body: Buffer.from('{"input":{"text":"x"}}'),
    members: [],
    route: routeOf('POST', '/v1/pipelines/p', false),
    caller: { ...ANYBODY, key: 'app', ...caller },
    at: NOW,
  };
}

const caps = (parts: Partial<CapsConfig>): CapsConfig => ({ inputTokens: null, outputTokens: null, cost: null, ...parts });
const ofKey = (limit: number): Budget => ({ scope: 'key', name: 'app', window: 'day', limit: usd(limit) });
const ofTask = (name: string, limit: number): Budget => ({ scope: 'task', name, window: 'day', limit: usd(limit) });

function budgetsWith(...budgets: readonly Budget[]) {
  const ledger = new Ledger(budgets);
  const reserve = pipelineBudgets({ ledger, prices, clock, models: config.models, tasks: config.tasks, countTokens: null });
  const amounts = () => ledger.states(NOW).map(({ scope, spent, reserved }) => [scope, spent, reserved]);
  return { ledger, reserve, amounts };
}

describe('budgets of a pipeline’s run', () => {
  it('set the worst case of every step aside at its beginning, and settle what was spent', () => {
    const { reserve, amounts } = budgetsWith(ofKey(1), ofTask('reply', 1));
    const held = reserve(asked(), pipeline('p'));
    // Ten tokens at both rungs of the ladder, and a hundred of the draft, which may yet be skipped.
    const whole = usd(0.011) + usd(0.01);
    expect(amounts().map(([scope, spent, reserved]) => [scope, spent, Math.round((reserved as number) / 1e5)])).toEqual([
      ['key', 0, Math.round(whole / 1e5)],
      ['task', 0, Math.round(usd(0.01) / 1e5)],
    ]);
    const end = held?.hold('reply', () => usd(0.005));
    held?.settle(aCall({ task: 'reply', cost: usd(0.004), at: NOW }));
    end?.();
    held?.settle(aCall({ task: 'classify', cost: usd(0.001), at: NOW }));
    held?.release();
    held?.release();
    expect(amounts()).toEqual([
      ['key', usd(0.005), 0],
      ['task', usd(0.004), 0],
    ]);
    // An audit after the answer was spent all the same.
    held?.settle(aCall({ task: 'classify', cost: usd(0.002), at: NOW }));
    expect(amounts()[0]).toEqual(['key', usd(0.007), 0]);
  });

  it('refuse a step whose worst case has no room any more, and nothing stays held', () => {
    const { reserve, amounts } = budgetsWith(ofKey(0.03));
    const held = reserve(asked(), pipeline('p'));
    expect(() => held?.hold('classify', () => usd(0.9))).toThrow(/The key "app" has .* left of its daily budget/);
    const end = held?.hold('classify', () => usd(0.012));
    expect(() => held?.hold('reply', () => null)).toThrow(/no known price/);
    end?.();
    held?.release();
    expect(amounts()).toEqual([['key', 0, 0]]);
    expect(() => budgetsWith(ofKey(0.012)).reserve(asked(), pipeline('p'))).toThrow(/budget/);
    expect(() => budgetsWith(ofKey(1)).reserve(asked(), pipeline('gifts'))).toThrow(/no known price/);
  });

  it('take the planning model of a controller with its tasks, and the one model that a step names', () => {
    const reserved = (name: string) => {
      const { reserve, amounts } = budgetsWith(ofKey(100));
      reserve(asked(), pipeline(name));
      return Math.round((amounts()[0]?.[2] as number) / 1e6);
    };
    // 4,096 tokens of a plan.
    expect([reserved('named'), reserved('plan')]).toEqual([1, 4107]);
  });

  it('hold a run to its key’s cap, without a budget too, and leave everybody else alone', () => {
    const { reserve } = budgetsWith();
    expect(reserve(asked(), pipeline('p'))).toBeNull();
    expect(reserve(asked({ caps: caps({ outputTokens: 7 }) }), pipeline('gifts'))).toMatchObject({
      budget: null,
      outputLimit: 7,
      isLimited: false,
    });
    expect(reserve(asked({ caps: caps({ cost: usd(0.001) }) }), pipeline('p'))).toMatchObject({ budget: usd(0.001), isLimited: true });
    expect(() => reserve(asked({ caps: caps({ cost: usd(0.001) }) }), pipeline('gifts'))).toThrow(/no known price/);
    expect(() => reserve(asked({ caps: caps({ inputTokens: 1 }) }), pipeline('p'))).toThrow(/input tokens/);
  });

  it('never let askings at the same time spend more than there is', () => {
    const step = fc.record({
      task: fc.constantFrom('classify', 'reply', null),
      worst: fc.nat({ max: 9 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      ends: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 25, max: 60 }), (steps, limit) => {
        const { ledger, reserve } = budgetsWith(ofKey(limit / 1000), ofTask('reply', 0.02));
        const held = reserve(asked(), pipeline('p'));
        let spent = 0;
        for (const { task, worst, part, ends } of steps) {
          let end: (() => void) | undefined;
          try {
            end = held?.hold(task, () => usd(worst / 1000));
          } catch {
            continue;
          }
          const cost = Math.floor(usd(worst / 1000) * part) as NanoUsd;
          held?.settle(aCall({ task, cost, at: NOW }));
          spent += cost;
          // One that has not ended may still cost its worst.
          if (ends) end?.();
          for (const { limit: most, reserved } of ledger.states(NOW)) expect(reserved).toBeLessThanOrEqual(most);
        }
        held?.release();
        expect(spent).toBeLessThanOrEqual(usd(limit / 1000));
        expect(ledger.states(NOW)[0]).toMatchObject({ spent, reserved: 0 });
      }),
    );
  });
});

describe('who may run a pipeline', () => {
  it('is who may use all of its tasks, or all of its models', () => {
    const may = (name: string, scope: { readonly tasks?: readonly string[]; readonly models?: readonly string[] }) =>
      mayUsePipeline(
        { ...ANYBODY, tasks: scope.tasks ? new Set(scope.tasks) : null, models: scope.models ? new Set(scope.models) : null },
        pipeline(name),
        config.tasks,
      );
    expect([may('p', {}), may('p', { tasks: ['classify'] }), may('p', { tasks: ['classify', 'reply'] })]).toEqual([true, false, true]);
    expect([may('p', { models: ['small'] }), may('p', { models: ['small', 'big'] }), may('named', { models: ['small'] })]).toEqual([
      false,
      true,
      true,
    ]);
    expect([may('plan', { tasks: ['classify'] }), may('plan', { models: ['small'] }), may('plan', { models: ['small', 'big'] })]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
