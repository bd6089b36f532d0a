import { describe, expect, it } from 'vitest';
import { nanoUsd, usage } from '../../core/index.ts';
import { PriceBook } from '../../pricing/index.ts';
import { TaskDiscovery } from '../tasks/index.ts';
import type { AuditCall } from '../types.ts';
import { moves } from './moves.ts';
import { adviceFor } from './recommend.ts';

const book = new PriceBook({ warn: () => {} });
const AT = Date.UTC(2026, 10, 20);

function call(i: number, parts: Partial<AuditCall>): AuditCall {
  return {
    ...{
      callId: `c${i}`,
      source: 'openai-jsonl',
      file: 'log.jsonl',
      line: i,
      at: Date.UTC(2026, 10, 1, 9) + (i % 10) * 86_400_000,
      provider: 'openai',
    },
    ...{ model: 'gpt-4o', servedModel: null, endpoint: null, usage: usage({ freshInput: 800, output: 3 }), serviceTier: 'default' },
    ...{
      cost: nanoUsd(0.00203),
      unpriced: null,
      priceId: null,
      reportedCost: null,
      latencyMs: null,
      firstTokenMs: null,
      status: 'ok',
      error: null,
    },
    ...{
      system: 'Classify the ticket as one of: billing, refund, other. Answer with the label.',
      userTexts: [`ticket text number ${i} of many`],
    },
    ...{ hints: { tag: 't', functionId: null, promptName: null, route: null }, tools: [], toolCalls: [], responseFormat: null },
    ...{
      output: ['billing', 'refund', 'other'][i % 3]!,
      finish: 'stop',
      conversation: null,
      key: null,
      team: null,
      params: { temperature: 0, maxTokens: null },
    },
    ...parts,
  };
}

function advise(calls: readonly AuditCall[]) {
  const discovery = new TaskDiscovery();
  for (const each of calls) discovery.add(each);
  const [task] = discovery.finish().tasks;
  return adviceFor(task!, book, AT);
}

const many = (n: number, parts: (i: number) => Partial<AuditCall> = () => ({})) => Array.from({ length: n }, (_, i) => call(i, parts(i)));

describe('a recommendation', () => {
  it('moves a narrow label task, untested, with dollars by its formula', () => {
    const { best } = advise(many(300));
    // 300 calls for $0.609; gpt-6-luna at $0.1 and $0.5 per million charges 300 · (800 · .1 + 3 · .5) / 10⁶, and as much for an eval of all 300.
    const spend = 0.609;
    const cheap = (300 * (800 * 0.1 + 3 * 0.5)) / 1e6;
    const saved = (escalated: number) => spend - cheap - escalated * spend - (1 - escalated) * 0.02 * spend - cheap;
    expect(best).toMatchObject({ move: 'swap', tested: false, candidate: { provider: 'openai', model: 'gpt-6-luna' }, n: 300 });
    expect([best.low, best.base, best.high].map((usd) => usd.toFixed(9))).toEqual(
      [saved(0.2), saved(0.05), saved(0)].map((usd) => usd.toFixed(9)),
    );
  });

  it('calls a swap tested only when the log itself has the same prompts on both models with equal answers', () => {
    const both = (differ: number) =>
      many(200).flatMap((each, i) => [
        each,
        {
          ...each,
          callId: `${each.callId}-cheap`,
          model: 'gpt-4o-mini',
          cost: nanoUsd(0.00012),
          output: i < differ ? 'something else' : each.output,
        },
      ]);
    const agreed = advise(both(4)).best;
    expect(agreed).toMatchObject({ move: 'swap', tested: true, n: 200, candidate: { provider: 'openai', model: 'gpt-4o-mini' } });
    expect(agreed.low).toBeLessThan(agreed.base);
    expect(agreed.base).toBeLessThan(agreed.high);
    expect(advise(both(60)).best.tested).toBe(false);
  });

  it('keeps what uses tools, what is high stakes and what was paid nothing for', () => {
    expect(
      advise(
        many(50, () => ({ tools: ['pay'], usage: usage({ freshInput: 90, output: 9 }), output: 'I paid it for you today, as you asked.' })),
      ).best,
    ).toMatchObject({
      move: 'keep',
      base: 0,
    });
    const stakes = advise(
      many(50, (i) => ({
        system: 'Answer the legal question of a client.',
        output: `It depends on clause ${i} of your agreement, in my view.`,
      })),
    );
    expect(stakes.best.reason).toMatch(/cost more than the call/);
    expect(advise(many(50, () => ({ cost: nanoUsd(0) }))).best.move).toBe('keep');
  });

  it('has a cache answer what repeats, at what the repeats cost', () => {
    const { best, facts } = advise(
      many(200, (i) => ({
        userTexts: [`question ${i % 4}`],
        model: 'gpt-6-luna',
        output: `A rather long answer about topic number ${i % 4}, always the same.`,
      })),
    );
    expect(facts.repeats).toBeCloseTo(196 / 200, 10);
    expect(best).toMatchObject({ move: 'cache', tested: false });
    expect(best.high).toBeCloseTo(196 * 0.00203, 9);
  });

  it('has the prompt cache hold a long static beginning', () => {
    const system = `You are the assistant of a shop. ${'Follow the house rules to the letter. '.repeat(200)}`;
    const { best, others } = advise(
      many(100, (i) => ({
        system,
        tools: ['look_up'],
        usage: usage({ freshInput: 1_900, output: 40 }),
        cost: nanoUsd(0.00515),
        output: `Something about order ${i}, in a sentence or two.`,
      })),
    );
    expect([best, ...others].map(({ row }) => row)).toContain('prompt-cache');
    expect(best).toMatchObject({ move: 'shorten', tested: false });
  });
});

describe('the decision table', () => {
  it('has a row that always fits, one id per row, and assumptions that go from cautious to bold with a source', () => {
    expect(moves.at(-1)).toMatchObject({ move: 'keep', when: [] });
    expect(new Set(moves.map(({ id }) => id)).size).toBe(moves.length);
    expect(new Set(moves.map(({ move }) => move))).toEqual(new Set(['swap', 'cascade', 'keep', 'fine-tune', 'cache', 'batch', 'shorten']));
    for (const { assumption } of moves) if (assumption !== null) expect(assumption.source.length).toBeGreaterThan(10);
  });

  it('never ranks low above base or base above high', () => {
    for (const calls of [many(300), many(80, (i) => ({ output: `Free text about ${i} that goes on for a while.` }))]) {
      const { best, others } = advise(calls);
      for (const { low, base, high } of [best, ...others]) expect([low, base, high]).toEqual([low, base, high].sort((a, b) => a - b));
    }
  });
});
