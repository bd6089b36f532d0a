import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ScriptedUpstream, type Step, serve } from '../../../test/support/upstream-world.ts';
import type { EvalReport } from '../../eval/index.ts';
import { openStoreToRead } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';
import { runCertify } from './certify.ts';
import { runEval } from './eval.ts';

/** A judge that scores by what it finds between its lines: `fine` 1, `so-so` .5, anything else 0. `mute` answers get no verdict. */
const judging: Step = (_, response, body) => {
  const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] };
  const [, said = ''] = /BEGIN ANSWER [0-9a-f]{24}\n([\s\S]*)\nEND ANSWER/.exec(messages[1]?.content ?? '') ?? [];
  const score = said.startsWith('fine') ? 1 : said.startsWith('so-so') ? 0.5 : 0;
  const content = said.startsWith('mute') ? 'Well.' : JSON.stringify({ reason: `it says ${said.slice(0, 6)}`, score });
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      id: 'c',
      model: 'judge-1',
      choices: [choice],
      usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
    }),
  );
};

interface World {
  readonly cwd: string;
  readonly judge: ScriptedUpstream;
  readonly documents: EvalReport[];
  readonly notes: string[];
  readonly texts: string[];
  run(more?: object): Promise<number>;
  rubric(text: string): Promise<void>;
  readonly io: CommandIo;
}

async function world(items: number, small: (i: number) => string, big: (i: number) => string): Promise<World> {
  const judge = await serve(judging);
  const cwd = await mkdtemp(join(tmpdir(), 'eval-judge-'));
  const rubric = (text: string) => writeFile(join(cwd, 'rubric.md'), text);
  await rubric('It says fine.');
  await writeFile(
    join(cwd, 'smallfirst.yaml'),
    `models:
  small: { provider: replay, model: llama-small, data: answers.jsonl, price: { free: true } }
  big: { provider: replay, model: claude-big, data: answers.jsonl, price: { free: true } }
  judge: { provider: openai, model: gpt-judge, url: "${judge.url}", apiKey: k, price: { input: 1, output: 10 } }
tasks:
  reply: { output: { kind: text }, ladder: [small, big], metric: { judge: judge, rubric: rubric.md }, floor: { retain: 0.9, level: 0.95 } }
`,
  );
  const ids = Array.from({ length: items }, (_, i) => i);
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(cwd, 'set.jsonl'), lines(ids.map((id) => ({ id, text: `question ${id}` }))));
  await writeFile(
    join(cwd, 'answers.jsonl'),
    lines(ids.map((id) => ({ id, answers: { 'llama-small': small(id), 'claude-big': big(id) } }))),
  );
  const documents: EvalReport[] = [];
  const [notes, texts]: [string[], string[]] = [[], []];
  const io: CommandIo = {
    out: (text) => texts.push(text),
    json: (document) => documents.push(document as EvalReport),
    note: (text) => notes.push(text),
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd,
    signal: new AbortController().signal,
    width: 120,
  };
  const options = { config: 'smallfirst.yaml', task: 'reply', set: 'set.jsonl', data: 'data', json: true };
  return { cwd, judge, documents, notes, texts, io, rubric, run: (more = {}) => runEval({ ...options, ...more }, io) };
}

describe('smallfirst eval of a text task', () => {
  it('is scored by the judge, one answer at a time, and says by whom', async () => {
    const here = await world(
      30,
      (i) => (i % 3 === 0 ? `so-so ${i}` : `fine ${i}`),
      (i) => (i % 5 === 0 ? `fine ${i}` : `fine, big ${i}`),
    );
    await here.run({ pairs: 'pairs.jsonl', models: ['small'] });
    const [report] = here.documents;
    expect(report).toMatchObject({ metric: 'judge:judge', reference: 'none', stopped: null });
    expect(report?.models.map(({ model, n, quality }) => ({ model, n, quality }))).toEqual([
      { model: 'small', n: 30, quality: expect.closeTo((10 * 0.5 + 20) / 30, 12) },
      { model: 'big', n: 30, quality: 1 },
    ]);
    // Items 5, 10, 20 and 25 were answered alike: one judgement for both.
    expect(report?.judge).toEqual({
      model: 'judge',
      asked: 56,
      found: 0,
      failed: 0,
      parseFailures: 0,
      costUsd: expect.closeTo(56 * 2e-4, 12),
      unpriced: 0,
    });
    expect(report?.spentUsd).toBeCloseTo(56 * 2e-4, 12);
    expect(here.judge.requests.length).toBe(56);
    expect(report?.notes[0]).toBe('Quality is as scored by judge judge, κ unknown: no answer was labelled by a person.');
    const [first] = (await readFile(join(here.cwd, 'pairs.jsonl'), 'utf8')).split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({ id: '0', small: { quality: 0.5 }, big: { quality: 1 }, by: 'judge:judge' });
    const store = await openStoreToRead(join(here.cwd, 'data'));
    const rows = await store.calls.ofRequest(report?.run ?? '');
    await store.close();
    expect(rows.length).toBe(56);
    expect(new Set(rows.map(({ purpose, task, outcome, cost, model }) => `${task} ${purpose} ${outcome} ${model} ${cost}`))).toEqual(
      new Set(['reply judge observed judge 200000']),
    );
  });

  it('judges nothing twice, and everything again by another rubric', async () => {
    const here = await world(
      4,
      (i) => `so-so ${i}`,
      (i) => `fine ${i}`,
    );
    await here.run();
    await here.run();
    expect(here.documents[1]).toMatchObject({ judge: { asked: 0, found: 8, costUsd: 0 }, cells: { asked: 0, found: 8 }, spentUsd: 0 });
    await here.rubric('It is long.');
    await here.run();
    expect(here.documents[2]).toMatchObject({ judge: { asked: 8, found: 0 }, cells: { asked: 0, found: 8 } });
    expect(JSON.parse(here.judge.requests[8]?.body ?? '{}').messages[0].content).toContain('It is long.');
  });

  it('leaves out what gets no verdict, asks for it again, and stops at the cap', async () => {
    const here = await world(
      3,
      (i) => (i === 1 ? 'mute' : `fine ${i}`),
      (i) => `fine ${i}!`,
    );
    await here.run();
    expect(here.documents[0]?.judge).toMatchObject({ asked: 6, failed: 1, parseFailures: 2 });
    expect(here.documents[0]?.models[0]).toMatchObject({ n: 2, quality: 1, errors: 1 });
    expect(here.documents[0]?.notes).toContain('2 replies of the judge were no verdict and were asked for again.');
    const before = here.judge.requests.length;
    await here.run();
    expect(here.judge.requests.length - before).toBe(2);
    const capped = await world(
      50,
      (i) => `fine ${i}`,
      (i) => `fine ${i}!`,
    );
    expect(await capped.run({ maxCost: 0.002, concurrency: 1 })).toBe(1);
    expect(capped.documents[0]).toMatchObject({ stopped: 'max-cost', spentUsd: expect.closeTo(0.002, 12), judge: { asked: 10 } });
  });

  it('gives pairs that certify: exactly below 300, by the graded score test from 300 on', async () => {
    for (const [n, method] of [
      [120, 'evalue'],
      [300, 'score'],
    ] as const) {
      const here = await world(
        n,
        (i) => (i % 40 === 0 ? `so-so ${i}` : `fine ${i}`),
        (i) => `fine ${i}`,
      );
      await here.run({ pairs: 'pairs.jsonl', models: ['small'] });
      const code = await runCertify({ pairs: 'pairs.jsonl', floor: 0.9, level: 0.95, method: 'score', look: 2, json: true }, here.io);
      expect(here.documents[1]).toMatchObject({ n, method, verdict: 'swap', scoredBy: 'judge:judge' });
      expect(code).toBe(0);
      await runCertify({ pairs: 'pairs.jsonl', floor: 0.9, level: 0.95, method: 'score', look: 2, json: false }, here.io);
      expect(here.texts.join('')).toContain('quality as scored by judge judge');
    }
  });
});
