import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Config, type ModelConfig, parseConfig } from '../config/index.ts';
import { nanoUsd, SmallfirstError, systemClock, type Usage, ZERO_USD } from '../core/index.ts';
import { type CallContext, ClientRegistry, loadRecording, type ModelClient, providers } from '../providers/index.ts';
import { openSqliteStore, type Store } from '../store/index.ts';
import { type EvalDeps, type EvalPlan, type EvalProgress, evaluate } from './index.ts';

const CONFIG = `
models:
  small: { provider: replay, data: answers.jsonl, price: { input: 0.1, output: 0.4 } }
  odd: { provider: replay, data: answers.jsonl }
  big: { provider: replay, data: answers.jsonl, price: { input: 3, output: 15 } }
tasks:
  sort:
    output: { kind: label, labels: [card, loan] }
    ladder: [small, odd, big]
    prompt: { system: Sort it., user: "Text: {{input}}" }
  draft: { output: { kind: text }, ladder: [small, big] }
  json: { output: { kind: json }, ladder: [small, big], metric: json-fields }
`;

interface World {
  readonly folder: string;
  readonly config: Config;
  readonly store: Store;
  readonly calls: { model: string; itemId: string | null; text: string }[];
  readonly progress: EvalProgress[];
  readonly deps: EvalDeps;
  plan(parts?: Partial<EvalPlan>): EvalPlan;
  model(name: string): ModelConfig;
}

const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A folder with a config, a set and a recording, a real store, and clients whose calls are noted. */
async function world(set: readonly unknown[], answers: readonly unknown[]): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'eval-'));
  await writeFile(join(folder, 'set.jsonl'), jsonl(set));
  await writeFile(join(folder, 'answers.jsonl'), jsonl(answers));
  const config = parseConfig(CONFIG, join(folder, 'smallfirst.yaml'), {}, { providers });
  const store = await openSqliteStore(':memory:');
  opened.push(store);
  const registry = new ClientRegistry({
    loadRecording,
    loadStudent: () => Promise.reject(new Error('no students here')),
    upstream: (name) => {
      throw new Error(`nothing over HTTP here: ${name}`);
    },
  });
  const calls: World['calls'] = [];
  const progress: EvalProgress[] = [];
  const noted = async (model: ModelConfig): Promise<ModelClient> => {
    const client = await registry.client(model);
    return {
      ...client,
      call: (request, context: CallContext) => {
        const text = request.messages
          .map((message) => message.content.map((part) => (part.type === 'text' ? part.text : '')).join(''))
          .join('|');
        calls.push({ model: model.name, itemId: context.itemId, text });
        return client.call(request, context);
      },
    };
  };
  const model = (name: string) => config.models.get(name)!;
  const prices: Readonly<Record<string, number>> = { small: 1, big: 30 };
  return {
    folder,
    config,
    store,
    calls,
    progress,
    model,
    deps: {
      store: store.evals,
      client: noted,
      price: ({ name }, used: Usage) => (name in prices ? nanoUsd(((prices[name] ?? 0) * (used.freshInput + used.output)) / 1e6) : null),
      loadTokenizer: async () => (text) => text.split(/\s+/).length,
      clock: systemClock,
      signal: new AbortController().signal,
      onProgress: (at) => progress.push(at),
    },
    plan: (parts) => ({
      task: config.tasks.get('sort')!,
      candidates: [model('small')],
      ceiling: model('big'),
      set: join(folder, 'set.jsonl'),
      limit: null,
      concurrency: 4,
      repeats: 1,
      maxCost: null,
      ...parts,
    }),
  };
}

/** The same answers, as a provider reports them that is paid for them. */
function asIfLive(client: ModelClient): ModelClient {
  return {
    async *call(request, context) {
      for await (const event of client.call(request, context)) yield event.type === 'end' ? { ...event, usageSource: 'reported' } : event;
    },
  };
}

/** Items 1…n, all cards; the small model is wrong on `wrong` of them, the big one never. */
function cards(n: number, wrong: (i: number) => boolean) {
  const ids = Array.from({ length: n }, (_, i) => i);
  return {
    set: ids.map((i) => ({ id: i, text: `lost card ${i}`, expected: 'card' })),
    answers: ids.map((i) => ({
      id: i,
      answers: {
        small: {
          text: wrong(i) ? 'loan' : 'Card.',
          latencyMs: 10 + i,
          signals: { stated: wrong(i) ? 0.3 : 0.9 },
          usage: { freshInput: 10, output: 1 },
        },
        odd: 'card',
        big: { text: 'card', latencyMs: 500, usage: { freshInput: 10, output: 1 } },
      },
    })),
  };
}

describe('an eval', () => {
  it('scores every model, sets candidates beside the ceiling and says what it cost', async () => {
    const { set, answers } = cards(200, (i) => i % 20 === 0);
    const here = await world(set, answers);
    const { report } = await evaluate(here.plan({ candidates: [here.model('small'), here.model('odd')] }), here.deps);
    expect(report).toMatchObject({
      task: 'sort',
      set: { items: 200 },
      metric: 'exact',
      reference: 'gold',
      ceiling: 'big',
      floor: { retain: 0.98, level: 0.95, quality: 0.98 },
      cells: { planned: 600, asked: 600, found: 0, errors: 0 },
      stopped: null,
    });
    expect(report.spentUsd).toBe(0);
    expect(report.models).toEqual([
      {
        model: 'small',
        provider: 'replay',
        role: 'candidate',
        n: 200,
        quality: 0.95,
        interval: { low: expect.closeTo(0.9104, 4), high: expect.closeTo(0.9726, 4) },
        macroF1: expect.closeTo(190 / 195 / 2, 10),
        invalid: 0,
        errors: 0,
        costPer1000Usd: expect.closeTo(0.011, 10),
        unpriced: 0,
        usage: { reported: 0, recorded: 200, counted: 0 },
        latencyMs: { p50: 109.5, p95: expect.closeTo(199.05, 6), n: 200 },
        confidence: { signal: 'stated', share: 1 },
      },
      expect.objectContaining({ model: 'odd', quality: 1, costPer1000Usd: null, unpriced: 200, latencyMs: null, confidence: null }),
      expect.objectContaining({ model: 'big', role: 'ceiling', quality: 1, macroF1: 1, costPer1000Usd: expect.closeTo(0.33, 10) }),
    ]);
    const [small] = report.comparisons;
    expect(small).toMatchObject({
      candidate: 'small',
      n: 200,
      pairs: 200,
      difference: expect.closeTo(-0.05, 10),
      lost: 10,
      gained: 0,
      retained: 0.95,
      verdict: 'FAIL',
      because: 'keeps 95.0 %, which is surely less than 98.0 %',
    });
    expect(small?.mcnemarP).toBeCloseTo(2 / 1024, 10);
    expect(small?.disagreements.slice(0, 2)).toEqual([
      { id: '0', line: 1, expected: 'card', candidate: 'loan', ceiling: 'card' },
      { id: '20', line: 21, expected: 'card', candidate: 'loan', ceiling: 'card' },
    ]);
    expect(report.comparisons[1]).toMatchObject({ candidate: 'odd', verdict: 'PASS', lost: 0 });
    expect(report.notes).toEqual([
      'UNPRICED, which is not free: odd. Declare their prices in the config.',
      'Recorded answers are priced at what their calls would cost; nothing was spent on them.',
      'Each verdict is a statement of its own at 95 %; they are not promised together.',
    ]);
    expect(here.progress.at(-1)).toMatchObject({ done: 600, total: 600, errors: 0 });
    expect(here.calls.find(({ itemId }) => itemId === '7')?.text).toBe('Sort it.|Text: lost card 7');
  });

  it('says when there is not enough evidence, and how much more it would take', async () => {
    const { set, answers } = cards(40, () => false);
    const here = await world(set, answers);
    const { report } = await evaluate(here.plan(), here.deps);
    expect(report.comparisons[0]).toMatchObject({ verdict: 'NOT ENOUGH EVIDENCE', retained: 1 });
    expect(report.comparisons[0]?.pairsNeeded).toBeGreaterThan(50);
  });

  it('gives pairs that can be certified', async () => {
    const { set, answers } = cards(3, (i) => i === 1);
    const here = await world(set, answers);
    const outcome = await evaluate(here.plan(), here.deps);
    expect(outcome.pairs('small')[1]).toEqual({
      id: '1',
      small: { quality: 0, cost: nanoUsd(11e-6), latencyMs: 11, confidence: 0.3 },
      big: { quality: 1, cost: nanoUsd(330e-6), latencyMs: 500 },
    });
    expect(() => outcome.pairs('nobody')).toThrow(SmallfirstError);
  });

  it('asks nothing twice, scores again when gold answers change, and asks again when the prompt does', async () => {
    const { set, answers } = cards(5, () => false);
    const here = await world(set, answers);
    await evaluate(here.plan(), here.deps);
    expect(here.calls.length).toBe(10);
    await writeFile(join(here.folder, 'set.jsonl'), jsonl(set.map((row) => ({ ...row, expected: 'loan' }))));
    const again = (await evaluate(here.plan(), here.deps)).report;
    expect(here.calls.length).toBe(10);
    expect(again).toMatchObject({ cells: { planned: 10, asked: 0, found: 10 }, spentUsd: 0, floor: { quality: 0 } });
    expect(again.models.map(({ quality, costPer1000Usd }) => [quality, costPer1000Usd])).toEqual([
      [0, expect.closeTo(0.011, 10)],
      [0, expect.closeTo(0.33, 10)],
    ]);
    const task = { ...here.config.tasks.get('sort')!, prompt: { system: null, user: 'Other: {{input}}' } };
    await evaluate(here.plan({ task }), here.deps);
    expect(here.calls.length).toBe(20);
  });

  it('asks again when a recording changed, and makes independent cells of repeats', async () => {
    const { set, answers } = cards(4, () => false);
    const here = await world(set, answers);
    const outcome = await evaluate(here.plan({ repeats: 3 }), here.deps);
    expect(outcome.report.cells).toMatchObject({ planned: 24, asked: 24 });
    expect(
      outcome
        .pairs('small')
        .map(({ id, cluster }) => `${id} ${cluster}`)
        .slice(0, 4),
    ).toEqual(['0#1 item 0', '0#2 item 0', '0#3 item 0', '1#1 item 1']);
    expect(outcome.report.comparisons[0]).toMatchObject({ n: 4, pairs: 12, mcnemarP: null });
    expect((await evaluate(here.plan({ repeats: 2 }), here.deps)).report.cells).toMatchObject({ asked: 0, found: 16 });
  });

  it('keeps errors out of the results, counts them against a PASS, and asks them again', async () => {
    const { set, answers } = cards(300, () => false);
    const here = await world(set, answers);
    let broken = true;
    const flaky: EvalDeps = {
      ...here.deps,
      client: async (model) => {
        const client = await here.deps.client(model);
        return {
          ...client,
          call: (request, context) => {
            const fails = broken && model.name === 'small' && Number(context.itemId) % 15 === 0;
            if (fails) throw new SmallfirstError('UPSTREAM_FAILED', 'It broke.');
            return client.call(request, context);
          },
        };
      },
    };
    const first = (await evaluate(here.plan(), flaky)).report;
    expect(first.models[0]).toMatchObject({ n: 280, errors: 20, quality: 1 });
    expect(first.comparisons[0]).toMatchObject({
      verdict: 'NOT ENOUGH EVIDENCE',
      because: 'it would pass, were it not for 20 items without an answer; run again to fill the gaps',
    });
    expect(first.notes).toContain(
      'small failed on 20 items (the first: UPSTREAM_FAILED: It broke.), left out of its quality. Run again to fill the gaps.',
    );
    broken = false;
    const second = (await evaluate(here.plan(), flaky)).report;
    expect(second.cells).toMatchObject({ asked: 20, found: 580, errors: 0 });
    expect(second.comparisons[0]).toMatchObject({ verdict: 'PASS', pairs: 300 });
  });

  it('stops at Ctrl-C, keeps what is finished, gives no verdict, and goes on from there', async () => {
    const { set, answers } = cards(200, () => false);
    const here = await world(set, answers);
    const controller = new AbortController();
    const stopping = {
      ...here.deps,
      signal: controller.signal,
      onProgress: ({ done }: EvalProgress) => done === 100 && controller.abort(),
    };
    const first = (await evaluate(here.plan(), stopping)).report;
    expect(first.stopped).toBe('aborted');
    expect(first.comparisons[0]).toMatchObject({ verdict: 'NOT ENOUGH EVIDENCE', because: 'the run was stopped; run again to finish it' });
    expect(first.cells.asked).toBeGreaterThanOrEqual(100);
    const second = (await evaluate(here.plan(), here.deps)).report;
    expect(second.cells).toEqual({ planned: 400, asked: 400 - first.cells.asked, found: first.cells.asked, errors: 0 });
    expect(second.comparisons[0]?.verdict).toBe('PASS');
  });

  it('spends no more than it may', async () => {
    const { set, answers } = cards(100, () => false);
    const here = await world(set, answers);
    const live = { ...here.deps, client: async (model: ModelConfig) => asIfLive(await here.deps.client(model)) };
    const { report } = await evaluate(here.plan({ maxCost: nanoUsd(0.01), concurrency: 8 }), live);
    expect(report.stopped).toBe('max-cost');
    expect(report.spentUsd).toBeLessThanOrEqual(0.01);
    expect(report.spentUsd).toBeGreaterThan(0.009);
    const nothing = (
      await evaluate(here.plan({ maxCost: ZERO_USD, task: { ...here.config.tasks.get('sort')!, name: 'other' } }), here.deps)
    ).report;
    expect(nothing).toMatchObject({ stopped: 'max-cost', cells: { asked: 0 }, spentUsd: 0 });
    expect(nothing.comparisons[0]).toMatchObject({ pairs: 0, verdict: 'NOT ENOUGH EVIDENCE' });
  });

  it('measures agreement with the ceiling where there are no gold answers', async () => {
    const here = await world(
      [
        { id: 1, text: 'a' },
        { id: 2, text: 'b' },
        { id: 3, text: 'c' },
      ],
      [
        { id: 1, answers: { small: 'card', big: 'loan' } },
        { id: 2, answers: { small: 'card', big: 'CARD' } },
        { id: 3, answers: { small: 'card', big: 'I cannot say' } },
      ],
    );
    const { report } = await evaluate(here.plan(), here.deps);
    expect(report.reference).toBe('ceiling');
    expect(report.models.map(({ model, n, quality, macroF1 }) => [model, n, quality, macroF1])).toEqual([
      ['small', 2, 0.5, null],
      ['big', 2, 1, null],
    ]);
    expect(report.notes.slice(0, 2)).toEqual([
      'No row has a gold answer: quality is agreement with big.',
      'big gave no usable answer to 1 item, which is left out.',
    ]);
    await expect(evaluate(here.plan({ task: here.config.tasks.get('draft')! }), here.deps)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('gives nothing for answers that are truncated or not of the declared kind', async () => {
    const here = await world(
      [
        { id: 1, text: 'a', expected: { x: 1, y: 2 } },
        { id: 2, text: 'b', expected: { x: 1, y: 2 } },
        { id: 3, text: 'c', expected: { x: 1, y: 2 } },
      ],
      [1, 2, 3].map((id) => ({
        id,
        answers: { small: ['{"x":1,"y":3}', { text: '{"x":1,"y":2}', stop: 'length' }, 'x is 1'][id - 1], big: '{"y":2,"x":1}' },
      })),
    );
    const { report } = await evaluate(here.plan({ task: here.config.tasks.get('json')! }), here.deps);
    expect(report.models.map(({ quality, invalid, macroF1 }) => [quality, invalid, macroF1])).toEqual([
      [expect.closeTo(0.5 / 3, 10), 2, null],
      [1, 0, null],
    ]);
  });

  it('keeps dollar signs and placeholders in an item as they are', async () => {
    const here = await world(
      [{ id: 1, text: "$& $1 {{input}} $'", expected: 'card' }],
      [{ id: 1, answers: { small: 'card', big: 'card' } }],
    );
    await evaluate(here.plan(), here.deps);
    expect(here.calls[0]?.text).toBe("Sort it.|Text: $& $1 {{input}} $'");
  });
});
