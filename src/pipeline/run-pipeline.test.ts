import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PipelineConfig, parseConfig } from '../config/index.ts';
import { type EpochMs, type Json, type NanoUsd, nanoUsd, SmallfirstError } from '../core/index.ts';
import { type PipelineListener, type PipelineRun, type PipelineWorld, rowOf, runPipeline, type StepAnswer, type StepAsk } from './index.ts';

const HEAD = `models:
  small: { provider: openai, model: s-1, url: "http://127.0.0.1:9/v1", apiKey: k }
  frontier: { provider: openai, model: f-1, url: "http://127.0.0.1:9/v1", apiKey: k }
tasks:
  classify: { output: { kind: label, labels: [billing, shipping] }, ladder: [small, frontier] }
  extract: { output: { kind: json }, ladder: [frontier] }
  reply: { output: { kind: text }, ladder: [small, frontier] }
pipelines:
  p:
`;

function pipelineOf(text: string): PipelineConfig {
  const found = parseConfig(`${HEAD}${text}`, 'smallfirst.yaml', {}).pipelines.get('p');
  if (found === undefined) throw new Error('no pipeline');
  return found;
}

const run: PipelineRun = {
  id: 'r1',
  itemId: null,
  input: { text: 'charged twice' },
  request: {},
  budget: null,
  deadlineAt: null,
  signal: null,
  origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
};

type Script = (ask: StepAsk) => Partial<StepAnswer> | Promise<Partial<StepAnswer>>;

/** A world that answers by a script and keeps what it was asked. */
function world(script: Script, now: () => number = () => 0): PipelineWorld & { readonly asks: StepAsk[] } {
  const asks: StepAsk[] = [];
  return {
    asks,
    now: () => now() as EpochMs,
    answer: async (ask) => {
      asks.push(ask);
      if (ask.run.signal?.aborted) throw new SmallfirstError('ABORTED', 'gone');
      const usual: StepAnswer = {
        output: `${ask.step.name}: ${ask.input}`,
        isLabel: false,
        confidence: null,
        threshold: null,
        model: 'small',
        tier: 'small',
        decision: 'certified',
        cost: nanoUsd(0.001),
        calls: 1,
        escalated: false,
        latencyMs: 1,
        usage: null,
      };
      return { ...usual, ...(await script(ask)) };
    },
    costOf: () => 0 as NanoUsd,
  };
}

const ARTICLE = `    steps:
      - { step: classify, task: classify }
      - { step: extract, task: extract, when: 'classify.label == "billing"' }
      - { step: draft, task: reply, model: small, input: "{{ classify.label }}, {{ extract.output.total }}: {{ input.text }}" }
      - { step: polish, task: reply, model: frontier, input: "{{ draft.output }}", when: "request.customerFacing || draft.confidence < draft.threshold" }
`;

const articleScript: Script = ({ step }) => {
  if (step.name === 'classify') return { output: 'billing', isLabel: true, confidence: 0.95, threshold: 0.8 };
  if (step.name === 'extract') return { output: { total: 12 } };
  if (step.name === 'draft') return { confidence: 0.9, threshold: 0.7 };
  return { model: 'frontier', tier: 'frontier' };
};

describe('a pipeline', () => {
  it('runs the article’s steps, and leaves out the polish where the draft is sure and nobody outside reads it', async () => {
    const result = await runPipeline(pipelineOf(ARTICLE), { ...run, request: { customerFacing: false } }, world(articleScript));
    expect(rowOf(result)).toEqual({
      id: 'r1',
      steps: {
        classify: {
          output: 'billing',
          label: 'billing',
          confidence: 0.95,
          threshold: 0.8,
          model: 'small',
          tier: 'small',
          decision: 'certified',
          costUsd: 0.001,
        },
        extract: { output: { total: 12 }, confidence: null, model: 'small', tier: 'small', decision: 'certified', costUsd: 0.001 },
        draft: {
          output: 'draft: billing, 12: charged twice',
          confidence: 0.9,
          threshold: 0.7,
          model: 'small',
          tier: 'small',
          decision: 'certified',
          costUsd: 0.001,
        },
      },
      skipped: ['polish'],
      output: 'draft: billing, 12: charged twice',
      costUsd: 0.003,
    });
  });

  it('polishes for customers, and what nobody certified', async () => {
    const polished = async (request: Record<string, Json>, draft: Partial<StepAnswer>) =>
      (
        await runPipeline(
          pipelineOf(ARTICLE),
          { ...run, request },
          world((ask) => (ask.step.name === 'draft' ? draft : articleScript(ask))),
        )
      ).steps.has('polish');
    expect(await polished({ customerFacing: true }, { confidence: 0.9, threshold: 0.7 })).toBe(true);
    expect(await polished({ customerFacing: false }, { confidence: 0.6, threshold: 0.7 })).toBe(true);
    expect(await polished({ customerFacing: false }, { confidence: 0.9, threshold: null })).toBe(true);
    expect(await polished({ customerFacing: false }, { confidence: null, threshold: 0.1 })).toBe(true);
  });

  it('runs a step whose condition cannot be evaluated, and says so', async () => {
    const result = await runPipeline(
      pipelineOf(ARTICLE),
      run,
      world((ask) => (ask.step.name === 'draft' ? { confidence: 0.9, threshold: 0.7 } : articleScript(ask))),
    );
    expect(result.steps.get('polish')?.conditionError).toBe('No such key: customerFacing');
    expect(rowOf(result).steps).toMatchObject({ polish: { conditionError: 'No such key: customerFacing' } });
  });

  it('skips what reads a skipped step only where its condition says so, with nothing in its place', async () => {
    const pipeline = pipelineOf(ARTICLE);
    const asked = world((ask) => (ask.step.name === 'classify' ? { output: 'shipping', isLabel: true } : articleScript(ask)));
    await runPipeline(pipeline, run, asked);
    expect(asked.asks.find(({ step }) => step.name === 'draft')?.input).toBe('shipping, : charged twice');
  });

  it('fans out over a list and gives a list', async () => {
    const pipeline = pipelineOf(`    steps:
      - { step: extract, task: extract }
      - { step: each, task: reply, forEach: extract.output.items, input: "{{ index }} {{ item.name }}" }
      - { step: sum, task: reply, input: "{{ each.output | join: '; ' }}" }
`);
    const items = Array.from({ length: 20 }, (_, i) => ({ name: `n${i}` }));
    const result = await runPipeline(
      pipeline,
      run,
      world(({ step, index }) =>
        step.name === 'extract' ? { output: { items } } : step.name === 'each' ? { confidence: index === 3 ? 0.2 : 0.9 } : {},
      ),
    );
    expect(result.steps.get('each')).toMatchObject({ confidence: 0.2, cost: nanoUsd(0.02), calls: 20, decision: 'each' });
    expect(result.output).toBe(`sum: ${items.map(({ name }, i) => `each: ${i} ${name}`).join('; ')}`);
    const none = await runPipeline(
      pipeline,
      run,
      world(({ step }) => (step.name === 'extract' ? { output: { items: [] } } : {})),
    );
    expect(none.steps.get('each')).toMatchObject({ output: [], cost: 0, model: null });
    await expect(
      runPipeline(
        pipeline,
        run,
        world(({ step }) => (step.name === 'extract' ? { output: { items: 'x' } } : {})),
      ),
    ).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const many = Array.from({ length: 101 }, () => 1);
    await expect(
      runPipeline(
        pipeline,
        run,
        world(({ step }) => (step.name === 'extract' ? { output: { items: many } } : {})),
      ),
    ).rejects.toThrow('atMost allows 100');
  });

  it('goes on without a step that may fail, and ends at one that may not', async () => {
    const text = `    steps:
      - { step: extract, task: extract, onFailure: continue }
      - { step: draft, task: reply, input: "{{ extract.output.total }}|{{ input.text }}" }
`;
    const fails: Script = ({ step }) => {
      if (step.name === 'extract') throw new SmallfirstError('UPSTREAM_FAILED', 'broken');
      return {};
    };
    const result = await runPipeline(pipelineOf(text), run, world(fails));
    expect(result.output).toBe('draft: |charged twice');
    expect(rowOf(result).steps).toMatchObject({
      extract: { output: null, decision: 'failed', error: { code: 'UPSTREAM_FAILED', message: 'broken' } },
    });
    await expect(runPipeline(pipelineOf(text.replace(', onFailure: continue', '')), run, world(fails))).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
    });
  });

  it('runs branches side by side, and a branch that fails ends the others', async () => {
    const pipeline = pipelineOf(`    steps:
      - parallel:
          - - { step: a, task: reply }
          - - { step: b, task: reply }
            - { step: c, task: reply, input: "{{ b.output }}" }
      - { step: join, task: reply, input: "{{ a.output }} + {{ c.output }}" }
`);
    let waiting: (() => void) | null = null;
    const together = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    const result = await runPipeline(
      pipeline,
      run,
      // a ends only when b was asked: one after the other would never end.
      world(async ({ step }) => {
        if (step.name === 'a') await together;
        if (step.name === 'b') waiting?.();
        return {};
      }),
    );
    expect(result.output).toBe('join: a: charged twice + c: b: charged twice');
    const failing = world(({ step, run: { signal } }) => {
      if (step.name === 'b') throw new SmallfirstError('UPSTREAM_FAILED', 'broken');
      if (step.name !== 'a') return {};
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new SmallfirstError('ABORTED', 'gone'))));
    });
    await expect(runPipeline(pipeline, run, failing)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect(failing.asks.map(({ step }) => step.name)).toEqual(['a', 'b']);
  });

  it('tells the words of a step only when they are sure to be the answer', async () => {
    const told = async (request: Record<string, Json>, text = ARTICLE): Promise<readonly string[]> => {
      const names: string[] = [];
      const listener: PipelineListener = {
        stepStarted: () => {},
        stepSkipped: () => {},
        stepEnded: () => {},
        words: (name) => {
          names.push(name);
          return null;
        },
      };
      await runPipeline(pipelineOf(text), { ...run, request }, world(articleScript), listener);
      return names;
    };
    // The draft's confidence is known after its words.
    expect(await told({ customerFacing: true })).toEqual(['polish']);
    expect(await told({ customerFacing: false })).toEqual([]);
    const plain = ARTICLE.replace(' || draft.confidence < draft.threshold', '');
    expect(await told({ customerFacing: false }, plain)).toEqual(['draft']);
    expect(await told({ customerFacing: true }, plain)).toEqual(['polish']);
    expect(await told({ customerFacing: false }, `    output: "{{ draft.output }}"\n${plain}`)).toEqual(['draft']);
    expect(await told({ customerFacing: false }, `    output: "Dear, {{ draft.output }}"\n${plain}`)).toEqual([]);
  });

  it('refuses an input without a text before anything is paid for', async () => {
    const asked = world(() => ({}));
    await expect(runPipeline(pipelineOf(ARTICLE), { ...run, input: { body: 'x' } }, asked)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(asked.asks).toEqual([]);
  });
});

/** Random pipelines: steps with conditions on earlier ones, fan-outs, branches. */
const pipelines = fc
  .array(
    fc.record({
      when: fc.constantFrom(
        '',
        'request.go',
        'PREV.confidence < PREV.threshold',
        'PREV.output == "x"',
        'request.missing.key',
        'size(PREV.output) > 99',
      ),
      each: fc.boolean(),
      parallel: fc.boolean(),
      onFailure: fc.constantFrom('stop', 'continue'),
      budget: fc.constantFrom('', ', budget: 0.002', ', budget: 0.01'),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((steps) => {
    const lines = ['    steps:', '      - { step: s0, task: reply }'];
    let before = 's0';
    for (const [i, { when, each, parallel, onFailure, budget }] of steps.entries()) {
      const name = `s${i + 1}`;
      const condition = when === '' ? '' : `, when: '${when.replaceAll('PREV', before)}'`;
      const fan = each ? ', forEach: "[1, 2, 3]", input: "{{ item }}"' : ', input: "{{ input.text }}"';
      const body = `task: reply${condition}${fan}, onFailure: ${onFailure}${budget}`;
      if (parallel)
        lines.push('      - parallel:', `          - - { step: ${name}, ${body} }`, `          - - { step: ${name}b, ${body} }`);
      else lines.push(`      - { step: ${name}, ${body} }`);
      before = name;
    }
    return `${lines.join('\n')}\n`;
  });

describe('any pipeline', () => {
  it('ends, asks a step only where its condition holds or cannot be told, and never spends more than it may', async () => {
    await fc.assert(
      fc.asyncProperty(
        pipelines,
        fc.boolean(),
        fc.constantFrom(null, 0.004, 0.02),
        fc.infiniteStream(fc.nat({ max: 9 })),
        async (text, go, budget, dice) => {
          const pipeline = pipelineOf(text);
          let spent = 0;
          const asked = world(({ budget: granted }) => {
            const roll = dice.next().value as number;
            if (roll === 0) throw new SmallfirstError('UPSTREAM_FAILED', 'broken');
            // A ladder never spends more than it was granted: it refuses instead.
            if (granted !== null && granted < nanoUsd(0.001)) throw new SmallfirstError('BUDGET_EXCEEDED', 'no money');
            spent += nanoUsd(0.001);
            return { confidence: roll / 10, threshold: 0.5, output: roll === 5 ? 'x' : 'y' };
          });
          const outcome = await runPipeline(
            pipeline,
            { ...run, request: { go }, budget: budget === null ? null : nanoUsd(budget) },
            asked,
          ).catch((error: unknown) => error);
          if (budget !== null) expect(spent).toBeLessThanOrEqual(nanoUsd(budget));
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(SmallfirstError);
            return;
          }
          const result = outcome as Awaited<ReturnType<typeof runPipeline>>;
          expect(result.cost).toBe(spent);
          for (const step of pipeline.steps) {
            const ran = result.steps.has(step.name);
            expect(ran).toBe(!result.skipped.includes(step.name));
            if (step.when?.source === 'request.go') expect(ran).toBe(go);
            if (step.when?.source === 'request.missing.key') expect(result.steps.get(step.name)?.conditionError).toBeDefined();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('asks nothing more once it was aborted', async () => {
    await fc.assert(
      fc.asyncProperty(pipelines, fc.nat({ max: 6 }), async (text, after) => {
        const controller = new AbortController();
        let calls = 0;
        const asked = world(() => {
          calls += 1;
          if (calls > after) controller.abort();
          return { confidence: 0.1, threshold: 0.9, output: 'x' };
        });
        const outcome = await runPipeline(pipelineOf(text), { ...run, request: { go: true }, signal: controller.signal }, asked).catch(
          (error: unknown) => error,
        );
        if (!controller.signal.aborted) return;
        // What was under way side by side may still end: at most a fan-out in each of two branches.
        expect(calls).toBeLessThanOrEqual(after + 6);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ABORTED' });
      }),
      { numRuns: 100 },
    );
  });

  it('ends at its deadline', async () => {
    let time = 0;
    const late = world(
      () => {
        time += 40_000;
        return {};
      },
      () => time,
    );
    const pipeline = pipelineOf(`    deadlineSeconds: 60\n${ARTICLE}`);
    await expect(runPipeline(pipeline, run, late)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(late.asks).toHaveLength(2);
  });
});
