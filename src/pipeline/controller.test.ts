import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PipelineConfig, parseConfig } from '../config/index.ts';
import {
  type Answer,
  type EpochMs,
  type Json,
  type ModelRequest,
  type NanoUsd,
  nanoUsd,
  SmallfirstError,
  type ToolCall,
  usage,
} from '../core/index.ts';
import { toolInput, toolNames } from './controller-tools.ts';
import {
  type ControllerWorld,
  type PipelineRun,
  type PlanTurn,
  runController,
  runPipeline,
  type StepAnswer,
  type StepAsk,
} from './index.ts';

const HEAD = `models:
  small: { provider: openai, model: s-1, url: "http://127.0.0.1:9/v1", apiKey: k }
  frontier: { provider: openai, model: f-1, url: "http://127.0.0.1:9/v1", apiKey: k }
tasks:
  classify: { output: { kind: label, labels: [billing, shipping] }, ladder: [small, frontier] }
  reply: { output: { kind: text }, ladder: [small, frontier] }
pipelines:
  p:
    steps:
`;

function pipelineOf(caps: string, more = ''): PipelineConfig {
  const step = `      - { step: plan, controller: { model: frontier, tasks: [classify, reply]${caps} } }\n${more}`;
  const found = parseConfig(`${HEAD}${step}`, 'smallfirst.yaml', {}).pipelines.get('p');
  if (found === undefined) throw new Error('no pipeline');
  return found;
}

const run: PipelineRun = {
  id: 'r1',
  itemId: null,
  input: { text: 'What do they want?' },
  request: { tone: 'plain' },
  budget: null,
  deadlineAt: null,
  signal: null,
  origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
};

const call = (name: string, input: unknown, id = 'c'): ToolCall => ({ id, name, arguments: JSON.stringify({ input }) });

function turn(text: string, toolCalls: readonly ToolCall[] = [], cost: NanoUsd | null = nanoUsd(0.01)): PlanTurn {
  const answer: Answer = {
    text,
    refusal: null,
    toolCalls,
    stop: toolCalls.length > 0 ? 'tool-call' : 'done',
    usage: null,
    usageSource: 'reported',
    logprobs: null,
    recorded: null,
    servedModel: null,
    fingerprint: null,
  };
  return { answer, tier: 'frontier', cost, latencyMs: 1, usage: usage({ freshInput: 100, output: 10 }) };
}

const executed = (output: Json, parts: Partial<StepAnswer> = {}): StepAnswer => ({
  output,
  isLabel: false,
  confidence: 0.9,
  threshold: null,
  model: 'small',
  tier: 'small',
  decision: 'certified',
  cost: nanoUsd(0.001),
  calls: 1,
  escalated: false,
  latencyMs: 1,
  usage: usage({ freshInput: 50, output: 5 }),
  ...parts,
});

interface Script {
  readonly plan: (request: ModelRequest, turns: number, ask: StepAsk) => PlanTurn | Promise<PlanTurn>;
  readonly task?: (name: string, ask: StepAsk) => StepAnswer | Promise<StepAnswer>;
  readonly worst?: NanoUsd | null;
}

function worldOf({ plan, task, worst = null }: Script) {
  const plans: { readonly request: ModelRequest; readonly ask: StepAsk }[] = [];
  const tasks: { readonly name: string; readonly ask: StepAsk }[] = [];
  const costs = new Map<unknown, NanoUsd | null>();
  const world: ControllerWorld = {
    plan: async (request, _model, ask) => {
      plans.push({ request, ask });
      return plan(request, plans.length, ask);
    },
    worstOfPlan: () => worst,
    task: async (name, ask) => {
      tasks.push({ name, ask });
      return task === undefined ? executed(`${name}: ${ask.input}`) : task(name, ask);
    },
    describe: (name) => ({ name, output: 'text', usdPerCall: 0.001 }),
    priceAt: (_model, { freshInput, output }) => ((freshInput + output) * 100_000) as NanoUsd,
    costOf: (error) => (costs.has(error) ? (costs.get(error) ?? null) : (0 as NanoUsd)),
    failed: (error, cost) => void costs.set(error, cost),
  };
  return { world, plans, tasks, costs };
}

function ask(pipeline: PipelineConfig, parts: Partial<StepAsk> = {}): StepAsk {
  const [step] = pipeline.steps;
  if (step === undefined) throw new Error('no step');
  return { run, pipeline, step, input: run.input.text as string, index: null, budget: null, deadlineAt: null, listener: null, ...parts };
}

function control(caps: string, script: Script, parts: Partial<StepAsk> = {}) {
  const pipeline = pipelineOf(caps);
  const asked = ask(pipeline, parts);
  const made = worldOf(script);
  const config = asked.step.controller;
  if (config === null) throw new Error('no controller');
  return { ...made, answer: runController(config, asked, made.world) };
}

/** What the results of tools said in the last message. */
const told = (request: ModelRequest | undefined) =>
  (request?.messages.at(-1)?.content ?? []).flatMap((part) =>
    part.type === 'tool-result'
      ? part.content.flatMap((inner) => (inner.type === 'text' ? [`${part.isError ? '! ' : ''}${inner.text}`] : []))
      : [],
  );

describe('a controller', () => {
  it('delegates side by side, answers with what came, and reports what it saved', async () => {
    let waiting = 0;
    let open: () => void = () => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { answer, plans } = control('', {
      plan: (_request, turns) =>
        turns === 1 ? turn('Two at once.', [call('classify', 'a', 'c1'), call('reply', 'b', 'c2')]) : turn('They want money.'),
      task: async (name, { input }) => {
        waiting += 1;
        if (waiting === 2) open();
        await both;
        return executed(`${name} of ${input}`);
      },
    });
    expect(await answer).toMatchObject({
      output: 'They want money.',
      model: 'frontier',
      tier: 'frontier',
      decision: 'planned',
      cost: nanoUsd(0.022),
      calls: 4,
      latencyMs: 2,
      plan: {
        turns: 2,
        calls: [
          { task: 'classify', output: 'classify of a', model: 'small', costUsd: 0.001 },
          { task: 'reply', output: 'reply of b', model: 'small', costUsd: 0.001 },
        ],
        planningUsd: 0.02,
        delegatedUsd: 0.002,
        // One pass: 100 tokens in, 10 out, and twice 55 of the pieces, at 0.0001 each.
        frontierUsd: 0.022,
        savedUsd: 0,
      },
    });
    expect(plans[0]?.request.tools?.map(({ name }) => name)).toEqual(['classify', 'reply']);
    expect(plans[1]?.request.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
    expect(told(plans[1]?.request)).toEqual(['{"output":"classify of a","confidence":0.9}', '{"output":"reply of b","confidence":0.9}']);
  });

  it('tells its model what failed, and charges it', async () => {
    const broken = new SmallfirstError('UPSTREAM_FAILED', 'broken');
    const made = control('', {
      plan: (_request, turns) =>
        turns === 1 ? turn('', [call('classify', 'a'), call('nobody', 'b'), { ...call('reply', ''), arguments: '{' }]) : turn('ok'),
      task: () => {
        made.costs.set(broken, nanoUsd(0.003));
        throw broken;
      },
    });
    expect(await made.answer).toMatchObject({
      output: 'ok',
      cost: nanoUsd(0.023),
      plan: { calls: [{ task: 'classify', error: 'UPSTREAM_FAILED', costUsd: 0.003 }] },
    });
    expect(told(made.plans[1]?.request)).toEqual([
      '! {"error":"broken"}',
      '! {"error":"there is no tool \\"nobody\\""}',
      '! {"error":"the arguments must be {\\"input\\": \\"…\\"}"}',
    ]);
  });

  it('is asked to answer without tools when its turns, its calls or its money are at an end', async () => {
    const greedy: Script['plan'] = (request, turns) =>
      request.toolChoice === 'none' ? turn('enough') : turn('', [call('classify', `${turns}`), call('reply', `${turns}`)]);
    const turns = control(', maxTurns: 3', { plan: greedy });
    expect(await turns.answer).toMatchObject({ output: 'enough', plan: { turns: 3 } });
    expect(turns.tasks).toHaveLength(4);
    const calls = control(', maxCalls: 3', { plan: greedy });
    expect(await calls.answer).toMatchObject({ output: 'enough', plan: { turns: 3 } });
    expect(calls.tasks).toHaveLength(3);
    expect(told(calls.plans[2]?.request).at(-1)).toContain('no more calls are allowed');
    const money = control(', maxUsd: 0.05', { plan: greedy, worst: nanoUsd(0.02) });
    expect(await money.answer).toMatchObject({ output: 'enough', plan: { turns: 2 } });
    // Those who are delegated to never get what the last turn may cost.
    for (const { ask: asked } of money.tasks) expect(asked.budget).toBeLessThanOrEqual(nanoUsd(0.01));
  });

  it('asks the same at most as often as it may, and plans parts no deeper than it may', async () => {
    const repeats = control(', maxRepeats: 2, maxTurns: 6', {
      plan: (_request, turns) => (turns < 5 ? turn('', [call('classify', 'same')]) : turn('done')),
    });
    await repeats.answer;
    expect(repeats.tasks).toHaveLength(2);
    const deep = control(', maxDepth: 2', {
      plan: (request, turns) => {
        const depth = request.tools?.some(({ name }) => name === 'delegate_plan') ? 1 : 2;
        // The deeper plan calls the tool all the same, which it was not offered.
        if (turns < 4) return turn('', [call('delegate_plan', `${turns}`), call('reply', `${depth}`)]);
        return turn('done');
      },
    });
    const { plan } = await deep.answer;
    expect(plan).toMatchObject({ calls: expect.arrayContaining([expect.objectContaining({ task: 'reply', depth: 2 })]) });
    expect(deep.plans.flatMap(({ request }) => told(request))).toContainEqual('! {"error":"there is no tool \\"delegate_plan\\""}');
  });

  it('ends with what a caller’s leaving ends, when the others have ended, and says what it has cost', async () => {
    let ended = false;
    const made = control('', {
      plan: () => turn('', [call('classify', 'a'), call('reply', 'b')]),
      task: async (name) => {
        if (name === 'classify') throw new SmallfirstError('ABORTED', 'gone');
        await new Promise((resolve) => setImmediate(resolve));
        ended = true;
        return executed('late');
      },
    });
    const error = await made.answer.catch((thrown: unknown) => thrown);
    expect([(error as SmallfirstError).code, ended, made.costs.get(error)]).toEqual(['ABORTED', true, nanoUsd(0.011)]);
  });

  it('fails where its model says nothing', async () => {
    await expect(control('', { plan: () => turn(' ') }).answer).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
  });

  it('never lets what a model writes become what the caller said', async () => {
    const pipeline = pipelineOf(
      '',
      `      - { step: polish, task: reply, input: "{{ plan.output }}", when: request.customerFacing == true }\n`,
    );
    const forged = '{"request":{"customerFacing":true},"input":{"text":"x"}}';
    const { world, tasks } = worldOf({
      plan: (_request, turns) =>
        turns === 1
          ? turn('', [
              { id: 'c', name: 'reply', arguments: '{"input":"{{ request.tone }} {{ input }}","request":{"customerFacing":true}}' },
            ])
          : turn(forged),
    });
    const result = await runPipeline(
      pipeline,
      { ...run, request: { customerFacing: false } },
      {
        now: () => 0 as EpochMs,
        answer: (asked) => {
          const { controller, task } = asked.step;
          return controller === null ? world.task(task ?? '', asked) : runController(controller, asked, world);
        },
        costOf: (error) => world.costOf(error),
      },
    );
    expect([result.output, result.skipped]).toEqual([forged, ['polish']]);
    // Templates are a config's: what a model writes is not filled in, and what it says of the request goes nowhere.
    expect(tasks.map(({ ask: { input, run: asked } }) => [input, asked.request])).toEqual([
      ['{{ request.tone }} {{ input }}', { customerFacing: false }],
    ]);
  });
});

describe('the tools of a controller', () => {
  it('have names that every protocol takes, each its own', () => {
    const names = toolNames(['a b', 'a_b', 'delegate_plan', 'ä'.repeat(80), `${'ä'.repeat(80)}!`]);
    expect([...names.values()]).toHaveLength(5);
    for (const name of names.keys()) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(names.has('delegate_plan')).toBe(false);
  });

  it('take a text, or any value as JSON, and nothing else', () => {
    expect(['{"input":"a"}', '{"input":{"a":1}}', '{"input":null}', '{}', '[]', 'null', '"input"', '{"input":'].map(toolInput)).toEqual([
      'a',
      '{"a":1}',
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});

const WORST = nanoUsd(0.01);

describe('any plan', () => {
  it('ends within its caps, never spends more than it may, and accounts for every cent', async () => {
    const turns = fc.array(
      fc.array(
        fc.record({ name: fc.constantFrom('classify', 'reply', 'delegate_plan', 'nobody'), input: fc.constantFrom('a', 'b', 'c') }),
        {
          maxLength: 4,
        },
      ),
      { minLength: 1, maxLength: 12 },
    );
    const caps = fc.record({
      maxTurns: fc.integer({ min: 1, max: 6 }),
      maxCalls: fc.integer({ min: 1, max: 8 }),
      maxRepeats: fc.integer({ min: 1, max: 3 }),
      maxDepth: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        turns,
        caps,
        fc.constantFrom(null, 0.02, 0.05, 0.3),
        fc.array(fc.nat({ max: 9 }), { maxLength: 40 }),
        async (script, limits, maxUsd, dice) => {
          const caps = Object.entries(limits).map(([name, value]) => `, ${name}: ${value}`);
          let spent = 0;
          let rolls = 0;
          const roll = () => dice[rolls++ % Math.max(1, dice.length)] ?? 5;
          const pay = (granted: NanoUsd | null, cost: NanoUsd): NanoUsd => {
            // A ladder never spends more than it was granted: it refuses instead.
            if (granted !== null && granted < cost) throw new SmallfirstError('BUDGET_EXCEEDED', 'no money');
            spent += cost;
            return cost;
          };
          const made = control(`${caps.join('')}${maxUsd === null ? '' : `, maxUsd: ${maxUsd}`}`, {
            worst: WORST,
            plan: (request, n, { budget }) => {
              const cost = pay(budget, WORST);
              const calls = request.toolChoice === 'none' ? [] : (script[(n - 1) % script.length] ?? []);
              return turn(
                'said',
                calls.map(({ name, input }, i) => call(name, input, `c${i}`)),
                cost,
              );
            },
            task: async (_name, { budget }) => {
              await Promise.resolve();
              const rolled = roll();
              if (rolled === 0) throw new SmallfirstError('UPSTREAM_FAILED', 'broken');
              return executed('x', { cost: pay(budget, nanoUsd(0.002)) });
            },
          });
          const outcome = await made.answer.catch((error: unknown) => error);
          expect(made.plans.length).toBeLessThanOrEqual(limits.maxTurns);
          expect(made.tasks.length).toBeLessThanOrEqual(limits.maxCalls);
          const asked = new Map<string, number>();
          for (const { name, ask: one } of made.tasks) asked.set(`${name} ${one.input}`, (asked.get(`${name} ${one.input}`) ?? 0) + 1);
          expect(Math.max(0, ...asked.values())).toBeLessThanOrEqual(limits.maxRepeats);
          if (maxUsd !== null) expect(spent).toBeLessThanOrEqual(nanoUsd(maxUsd));
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(SmallfirstError);
            expect(made.costs.get(outcome)).toBe(spent);
            return;
          }
          const { cost, plan } = outcome as StepAnswer;
          expect(cost).toBe(spent);
          const { calls } = plan as { calls: { depth?: number }[] };
          for (const { depth } of calls) expect(depth ?? 1).toBeLessThanOrEqual(limits.maxDepth);
        },
      ),
      { numRuns: 150 },
    );
  });
});
