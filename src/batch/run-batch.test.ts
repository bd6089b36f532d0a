import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PipelineConfig, PipelineStep } from '../config/index.ts';
import { type Call, type NanoUsd, nanoUsd, SmallfirstError, systemClock } from '../core/index.ts';
import type { PipelineWorld, StepAnswer, StepAsk } from '../pipeline/index.ts';
import { UpstreamError } from '../providers/index.ts';
import { openJobFolder } from './job-folder.ts';
import { Journal } from './journal.ts';
import { KeptCalls } from './kept-calls.ts';
import { type BatchDeps, type BatchPlan, runBatch } from './run-batch.ts';
import type { BatchSummary } from './types.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-batch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const step = (name: string, more: Partial<PipelineStep> = {}): PipelineStep => ({
  kind: 'step',
  name,
  task: name,
  input: null,
  when: null,
  forEach: null,
  atMost: 100,
  model: null,
  ladder: null,
  floor: null,
  budget: null,
  onFailure: 'stop',
  controller: null,
  purpose: 'answer',
  ...more,
});
const pipelineOf = (...steps: readonly PipelineStep[]): PipelineConfig => ({
  name: 'p',
  nodes: steps,
  steps,
  output: null,
  budget: null,
  deadlineMs: null,
});

const answer = (cost: NanoUsd): StepAnswer => ({
  output: 'fine',
  isLabel: false,
  confidence: null,
  threshold: null,
  model: 'm',
  tier: 'frontier',
  decision: 'ceiling',
  cost,
  calls: 1,
  escalated: false,
  latencyMs: 1,
  usage: null,
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a row of the test says about itself. */
type Behaviour = (ask: StepAsk) => {
  readonly cost: NanoUsd;
  readonly error?: SmallfirstError;
  readonly turns?: number;
  readonly done?: () => void;
};

/** A world in which calls cost what they say, are refused where they may not, and are recorded. */
function worldOf(calls: KeptCalls, behaviour: Behaviour, paid: (cost: NanoUsd) => void): PipelineWorld {
  return {
    now: () => systemClock.now(),
    costOf: () => 0 as NanoUsd,
    answer: async (ask) => {
      const { cost, error, turns = 1, done } = behaviour(ask);
      if (ask.budget !== null && cost > ask.budget) throw new SmallfirstError('BUDGET_EXCEEDED', 'too little');
      for (let i = 0; i < turns; i += 1) await turn();
      if (ask.run.signal?.aborted) throw new SmallfirstError('ABORTED', 'stopped');
      done?.();
      paid(cost);
      calls.row(ask, { model: 'm', cost } as Call);
      if (error !== undefined) throw error;
      return answer(cost);
    },
  };
}

interface Ran {
  readonly summary: BatchSummary;
  readonly paid: number;
  readonly ids: readonly number[];
  readonly errors: readonly { readonly id: number; readonly error: { readonly code: string } }[];
}

async function run(count: number, behaviour: Behaviour, plan: Partial<BatchPlan> = {}, deps: Partial<BatchDeps> = {}): Promise<Ran> {
  const [input, output, errors] = ['in.jsonl', 'out.jsonl', 'err.jsonl'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(input, Array.from({ length: count }, (_, id) => `${JSON.stringify({ id, text: 't' })}\n`).join(''));
  const card = { pipeline: 'p', pipelineHash: 'h', input: { path: input, version: '1' }, errors, ordered: plan.isOrdered ?? false };
  const job = openJobFolder(join(folder, 'job'), card, true);
  const journal = new Journal(job.journal, job.card.finished);
  const calls = new KeptCalls({ jobId: job.card.id, journal, pacer: () => null, now: () => 0, after: () => () => {} });
  let paid = 0;
  const summary = await runBatch(
    {
      pipeline: pipelineOf(step('a')),
      input,
      output,
      errors,
      isOrdered: false,
      maxCost: null,
      width: 8,
      request: {},
      total: count,
      ...plan,
    },
    {
      clock: systemClock,
      world: worldOf(calls, behaviour, (cost) => {
        paid += cost;
      }),
      calls,
      journal,
      folder: job,
      signal: new AbortController().signal,
      concurrency: () => 0,
      backlog: () => 0,
      onProgress: () => {},
      ...deps,
    },
  );
  const rows = <T>(path: string): T[] => {
    try {
      return readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as T);
    } catch {
      return [];
    }
  };
  return { summary, paid, ids: rows<{ id: number }>(output).map(({ id }) => id), errors: rows(errors) };
}

const cents = (value: number): NanoUsd => nanoUsd(value / 100);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

describe('the cap of a job', () => {
  it('is never overspent, whatever rows cost and however many run, and as many rows are done as it allows one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ a: fc.integer({ min: 0, max: 5 }), b: fc.integer({ min: 0, max: 5 }), fails: fc.boolean() }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.integer({ min: 0, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        async (costs, cap, width) => {
          rmSync(join(folder, 'job'), { recursive: true, force: true });
          const behaviour: Behaviour = (ask) => {
            const { a, b, fails } = costs[Number(ask.run.itemId)] ?? { a: 0, b: 0, fails: false };
            if (ask.step.name === 'a') return { cost: cents(a), turns: 1 + (a % 3) };
            // What the first step cost counts where the second one fails.
            return { cost: cents(b), ...(fails ? { error: new SmallfirstError('UPSTREAM_REJECTED', 'no') } : {}) };
          };
          const pipeline = pipelineOf(step('a'), step('b'));
          const { summary, paid } = await run(costs.length, behaviour, { pipeline, maxCost: cents(cap), width });
          expect(paid).toBeLessThanOrEqual(cents(cap));
          expect(summary.costUsd).toBeCloseTo(paid / 1e9, 9);
          // It ends early only where what is left is too little for a row.
          if (summary.stopped === null) expect(summary.done + summary.failed).toBe(costs.length);
          else expect(cap - paid / 1e7).toBeLessThan(10);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('does not end the job where a row meets a limit of its own', async () => {
    const behaviour: Behaviour = (ask) => ({ cost: cents(ask.run.itemId === '3' ? 5 : 1) });
    const pipeline = pipelineOf(step('a', { budget: cents(2) }));
    const { summary, errors } = await run(6, behaviour, { pipeline, maxCost: cents(100) });
    expect([summary.done, summary.failed, summary.stopped]).toEqual([5, 1, null]);
    expect(errors.map(({ id, error }) => [id, error.code])).toEqual([[3, 'BUDGET_EXCEEDED']]);
  });

  it('takes no step for failed that the cap alone kept from being asked', async () => {
    const behaviour: Behaviour = () => ({ cost: cents(1) });
    const pipeline = pipelineOf(step('a', { onFailure: 'continue' }));
    const { summary, ids } = await run(10, behaviour, { pipeline, maxCost: cents(4), width: 3 });
    expect([summary.done, summary.failed, summary.stopped, ids.length]).toEqual([4, 0, 'max-cost', 4]);
  });

  it('is for one run: the next one goes on, and counts what it spends itself', async () => {
    const behaviour: Behaviour = () => ({ cost: cents(1) });
    await run(10, behaviour, { maxCost: cents(4) });
    const { summary, ids } = await run(10, behaviour, { maxCost: cents(100) });
    expect([summary.skipped, summary.done, summary.costUsd, summary.stopped]).toEqual([4, 6, 0.06, null]);
    expect([...ids].sort((a, b) => a - b)).toEqual(upTo(10));
  });
});

describe('a provider that is gone', () => {
  const down = new UpstreamError('UPSTREAM_FAILED', 'The upstream of big refused the connection.');

  it('ends the job, fails no row for it, and says what it said', async () => {
    const { summary, errors } = await run(100, () => ({ cost: cents(0), error: down }));
    expect(summary).toMatchObject({ done: 0, failed: 0, stopped: 'upstream', error: { code: 'UPSTREAM_FAILED', message: down.message } });
    expect(errors).toEqual([]);
    const { summary: next } = await run(100, () => ({ cost: cents(0) }));
    expect([next.done, next.skipped, next.stopped]).toEqual([100, 0, null]);
  });

  it('fails the rows where others are answered', async () => {
    const { summary, errors } = await run(60, (ask) => ({ cost: cents(0), ...(Number(ask.run.itemId) % 2 === 0 ? { error: down } : {}) }));
    expect([summary.done, summary.failed, summary.stopped]).toEqual([30, 30, null]);
    expect(errors.map(({ id }) => id).sort((a, b) => a - b)).toEqual(upTo(60).filter((i) => i % 2 === 0));
  });
});

describe('a slow row', () => {
  it('lets the others get ahead only so far, and everything is written in order', async () => {
    let ahead = 0;
    let isSlowDone = false;
    const behaviour: Behaviour = (ask) => {
      const id = Number(ask.run.itemId);
      if (!isSlowDone) ahead = Math.max(ahead, id);
      const done = (): void => {
        if (id === 0) isSlowDone = true;
      };
      return { cost: cents(0), turns: id === 0 ? 1_500 : 1, done };
    };
    const { summary, ids } = await run(4_000, behaviour, { isOrdered: true });
    expect([summary.done, ids]).toEqual([4_000, upTo(4_000)]);
    // As far as it may: 1,024 rows.
    expect(ahead).toBe(1_023);
  });
});

describe('a job that is stopped', () => {
  it('writes what is finished, fails nothing, and goes on later', async () => {
    const controller = new AbortController();
    let asked = 0;
    const behaviour: Behaviour = () => {
      asked += 1;
      if (asked === 30) controller.abort();
      return { cost: cents(1) };
    };
    const first = await run(100, behaviour, {}, { signal: controller.signal });
    expect([first.summary.stopped, first.summary.failed, first.ids.length]).toEqual(['aborted', 0, first.summary.done]);
    const second = await run(100, behaviour);
    expect([second.summary.skipped, second.summary.done]).toEqual([first.summary.done, 100 - first.summary.done]);
    expect([...second.ids].sort((a, b) => a - b)).toEqual(upTo(100));
  });

  it('waits for the record where it is behind', async () => {
    let backlog = 64 * 1024 * 1024;
    let looks = 0;
    const { summary } = await run(
      2_000,
      () => ({ cost: cents(0) }),
      {},
      {
        backlog: () => {
          looks += 1;
          if (looks > 3) backlog = 0;
          return backlog;
        },
      },
    );
    expect(summary.done).toBe(2_000);
    expect(looks).toBeGreaterThan(3);
  });
});
