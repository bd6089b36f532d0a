import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedUpstream, type Step, serve } from '../../../test/support/upstream-world.ts';
import { newId } from '../../core/index.ts';
import { labelMembers } from '../../metrics/index.ts';
import { openDataDir, openSqliteStore, type Store, type StoredPair } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { type JudgeDocument, type JudgeReportOptions, runJudgeReport } from './judge.ts';

/** Prefers the answer with more exclamation marks; of equal ones what is shown first. */
const preferring: Step = (_, response, body) => {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const text = messages[1]?.content ?? '';
  const marks = (name: string) =>
    (new RegExp(`BEGIN ${name} [0-9a-f]{24}\\n([\\s\\S]*)\\nEND ${name}`).exec(text)?.[1] ?? '').split('!').length;
  const content = JSON.stringify({ reason: 'r', better: marks('SECOND') > marks('FIRST') ? 'second' : 'first' });
  response.writeHead(200, { 'content-type': 'application/json' });
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  response.end(
    JSON.stringify({ id: 'c', model: 'j', choices: [choice], usage: { prompt_tokens: 1000, completion_tokens: 0, total_tokens: 1000 } }),
  );
};

let folder: string;
let judge: ScriptedUpstream;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-judge-'));
  judge = await serve(preferring);
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: vllm, model: llama-3 }
  big: { provider: anthropic, model: claude-big }
  judge: { provider: openai, model: gpt-j, url: "${judge.url}", apiKey: k, price: { input: 1, output: 1 } }
tasks:
  reply: { output: { kind: text }, ladder: [small, big], metric: { judge: judge, rubric: { text: It answers. } } }
`,
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function owned<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const directory = await openDataDir(join(folder, 'data'));
  const store = await openSqliteStore(directory.database);
  try {
    return await use(store);
  } finally {
    await store.close();
    await directory.release();
  }
}

/** 60 pairs: the judge gives small .6 and big .9; people gave the first 30 small ones .5 or .7 and the big ones 1. */
async function record(): Promise<void> {
  await owned(async (store) => {
    const ids = Array.from({ length: 60 }, (_, i) => i);
    await store.pairs.append(
      ids.map(
        (i): StoredPair => ({
          id: `p${i}`,
          task: 'reply',
          small: 'small',
          big: 'big',
          at: i,
          drawn: i === 59 ? 'audit' : 'uniform',
          inclusion: 0.1,
          cluster: null,
          smallQuality: 0.6,
          bigQuality: 0.9,
          confidence: null,
          signals: {},
          smallCost: null,
          bigCost: null,
          smallLatencyMs: null,
          bigLatencyMs: null,
          requestId: `req-${i}`,
          certificate: null,
          prompt: null,
          servedSmall: null,
          servedBig: null,
          input: `question ${i}`,
          smallOutput: i % 3 === 0 ? 'alike' : i % 3 === 1 ? 'yes' : 'yes!!',
          bigOutput: i % 3 === 0 ? 'alike' : 'yes!',
          by: 'judge:judge',
          skip: false,
        }),
      ),
    );
    const label = (requestId: string, answer: string, score: number) => ({
      id: newId(),
      at: 1,
      ...labelMembers({ requestId, by: 'ann', answer, score, label: null, sample: 'uniform' }),
    });
    await store.feedback.append(
      ids.slice(0, 30).flatMap((i) => [label(`req-${i}`, 'small', i % 2 === 0 ? 0.5 : 0.7), label(`req-${i}`, 'big', 1)]),
    );
  });
}

function world() {
  const said = { out: '', documents: [] as JudgeDocument[] };
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document as JudgeDocument),
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 100,
  };
  const options = { config: 'smallfirst.yaml', data: 'data', task: 'reply', cut: 0.65, seed: 1, maxCost: 1, json: true };
  return { said, run: (more: Partial<JudgeReportOptions> = {}) => runJudgeReport({ ...options, ...more }, io) };
}

describe('smallfirst judge report', () => {
  it('gives scores by model, what labels correct them to, and κ', async () => {
    await record();
    const { said, run } = world();
    expect(await run()).toBe(0);
    expect(said.documents[0]).toMatchObject({
      task: 'reply',
      judge: 'judge',
      warning: null,
      chosen: 0,
      models: [
        {
          model: 'small',
          n: 59,
          mean: expect.closeTo(0.6, 12),
          corrected: { judged: 29, labelled: 30, estimate: expect.closeTo(0.6, 12) },
        },
        { model: 'big', n: 59, mean: expect.closeTo(0.9, 12), corrected: { estimate: expect.closeTo(1, 12) } },
      ],
      agreement: {
        answers: 60,
        n: 30,
        counts: { bothPass: 30, onlyHuman: 15, onlyJudge: 0, bothFail: 15 },
        bias: expect.closeTo(-0.05, 12),
      },
      pairwise: null,
    });
    await run({ json: false });
    expect(said.out).toMatch(/^reply: as scored by judge judge, κ = 0\.50 \(/);
    expect(said.out).toContain('the judge is 0.050 too strict');
    expect(judge.requests.length).toBe(0);
  });

  it('has pairs compared in both orders, and says how far their order moves the judge', async () => {
    await record();
    const { said, run } = world();
    await run({ pairwise: 59 });
    const pairwise = said.documents[0]?.pairwise;
    // 20 of 59 are identical; the others have more marks on one side, so that the order moves nothing.
    expect(pairwise).toMatchObject({
      pairs: 39,
      identical: 20,
      consistent: 39,
      first: { verdicts: 78, share: 0.5 },
      smallWins: expect.closeTo((19 + 10) / 59, 12),
      costUsd: expect.closeTo(0.078, 12),
      failed: 0,
      stopped: null,
      preference: { n: 30 },
    });
    expect(judge.requests.length).toBe(78);
    const rows = await owned((store) => store.calls.ofRequest('req-1'));
    expect(rows.map(({ purpose, outcome, cost }) => `${purpose} ${outcome} ${cost}`)).toEqual([
      'judge observed 1000000',
      'judge observed 1000000',
    ]);
  });

  it('stops at the cap', async () => {
    await record();
    const { said, run } = world();
    await run({ pairwise: 59, maxCost: 0.01 });
    expect(said.documents[0]?.pairwise).toMatchObject({ stopped: 'max-cost', costUsd: expect.closeTo(0.01, 12) });
    await run({ pairwise: 5, maxCost: 0.01, json: false });
    expect(said.out).toContain('position bias');
  });
});
