import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBareCall } from '../../../test/contracts/calls.ts';
import { storedPair } from '../../../test/support/life-pairs.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { contentHash, type SmallfirstError } from '../../core/index.ts';
import type { DatasetManifest, DatasetRow } from '../../dataset/index.ts';
import { answerKey, bodyHash } from '../../run/index.ts';
import { openDataDir, openSqliteStore, type Store } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { buildProgram } from '../program.ts';

let folder: string;
let upstream: ScriptedUpstream;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-dataset-'));
  upstream = await startScriptedUpstream();
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: vllm, model: small-1, url: "${upstream.origin}/v1", price: { input: 1, output: 2 } }
  big: { provider: vllm, model: big-1, url: "${upstream.origin}/v1", price: { input: 10, output: 20 } }
  free: { provider: vllm, model: free-1, url: "${upstream.origin}/v1" }
tasks:
  sort: { output: { kind: label, labels: [card, loan, other] }, ladder: [small, big], prompt: { system: Sort it., user: "Q: {{input}}" }, parameters: { maxTokens: 5 } }
  reply: { output: { kind: text }, ladder: [small, big] }
`,
  );
});
afterEach(async () => {
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

async function owned<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const directory = await openDataDir(join(folder, '.smallfirst'));
  const store = await openSqliteStore(directory.database);
  try {
    return await use(store);
  } finally {
    await store.close();
    await directory.release();
  }
}

/** Runs the command line; what it printed, and its exit code or the error that it threw. */
async function run(...args: readonly string[]) {
  const said = { out: '', notes: [] as string[], documents: [] as unknown[], code: -1, error: null as SmallfirstError | null };
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 100,
  };
  const program = buildProgram(io, (code) => {
    said.code = code;
  });
  await program.parseAsync(['node', 'smallfirst', ...args]).catch((error: unknown) => {
    said.error = error as SmallfirstError;
  });
  return said;
}

const build = async (...args: readonly string[]) => {
  const said = await run('dataset', 'build', 'sorted', '--json', ...args);
  if (said.error !== null) throw said.error;
  return said.documents[0] as DatasetManifest & { readonly folder: string };
};

async function rowsOf(manifest: { readonly folder: string }, split: string): Promise<readonly DatasetRow[]> {
  const text = await readFile(join(manifest.folder, `${split}.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DatasetRow);
}

const all = async (manifest: { readonly folder: string }) =>
  (await Promise.all(['train', 'validation', 'golden'].map((split) => rowsOf(manifest, split)))).flat();

const upload = (name: string, rows: readonly object[]) =>
  writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

/** Different sentences about a subject: no two of them near-duplicates. */
const sentence = (i: number) => (contentHash(i).match(/.{8}/g) ?? []).slice(0, 6).join(' ');

describe('smallfirst dataset from a file', () => {
  it('builds, shows, exports, and finds what it has built by hash', async () => {
    const rows = Array.from({ length: 120 }, (_, i) => ({ id: i, text: sentence(i), label: ['card', 'loan'][i % 2] }));
    await upload('rows.jsonl', [
      ...rows,
      { id: 'twin', text: `${sentence(0)}!`, label: 'card' },
      { id: 'mail', text: 'write to jane@mail.example about other things', label: null },
    ]);
    const first = await build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.1', '--validation', '0.2');
    expect(first.nodes.map(({ kind, rowsIn, rowsOut, counts }) => [kind, rowsIn, rowsOut, counts])).toEqual([
      ['select', 0, 122, {}],
      ['filter', 122, 122, {}],
      ['review', 122, 122, {}],
      ['scrub', 122, 122, { email: 1, rows: 1 }],
      ['distinct', 122, 121, { duplicate: 1 }],
      ['split', 121, 121, expect.anything()],
    ]);
    const { train, validation, golden } = first.report.rows;
    expect(train + validation + golden).toBe(121);
    expect([validation > 10, golden > 3]).toEqual([true, true]);
    expect(first.report).toMatchObject({
      provenance: { log: 0, upload: 121, 'model-label': 0, human: 0 },
      missingLabels: ['other'],
      privateTexts: { scrubbed: true, found: { email: 1 }, rows: 1 },
    });
    expect((await all(first)).find(({ id }) => id === 'mail')).toMatchObject({ text: 'write to [EMAIL] about other things', output: null });
    const again = await build();
    expect(again.hash).toBe(first.hash);
    const balanced = await build(
      '--task',
      'sort',
      '--file',
      'rows.jsonl',
      '--golden',
      '0.1',
      '--validation',
      '0.2',
      '--max-per-label',
      '20',
    );
    const found = balanced.nodes.map(({ kind, cached }) => [kind, cached]);
    expect(found.slice(1)).toEqual([...['filter', 'review', 'scrub', 'distinct', 'split'].map((kind) => [kind, true]), ['balance', false]]);
    expect(balanced.report.classes?.map((row) => row.train)).toEqual([20, 20, 1]);
    await build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.1', '--validation', '0.2');
    expect((await run('dataset', 'show', 'sorted')).out).toContain('golden');
    const exported = await run('dataset', 'export', 'sorted', '--out', 'train.jsonl', '--json');
    expect(exported.documents).toEqual([expect.objectContaining({ rows: train, leftOut: 0, format: 'student', split: 'train' })]);
    const line = JSON.parse((await readFile(join(folder, 'train.jsonl'), 'utf8')).split('\n')[0] ?? '') as object;
    expect(Object.keys(line)).toEqual(['id', 'text', 'label']);
  });

  it('freezes the golden set: later builds keep it, and nothing near it is trained on', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ id: i, text: sentence(i), label: 'card' }));
    await upload('rows.jsonl', rows);
    const first = await build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.2');
    const golden = await rowsOf(first, 'golden');
    const near = golden.map(({ text }, i) => ({ id: `near-${i}`, text: `${text} .`, label: 'loan' }));
    await upload('more.jsonl', [
      ...near,
      ...Array.from({ length: 30 }, (_, i) => ({ id: `new-${i}`, text: sentence(i + 200), label: 'loan' })),
    ]);
    const second = await build('--task', 'sort', '--file', 'rows.jsonl', '--file', 'more.jsonl', '--golden', '0.2');
    expect(await rowsOf(second, 'golden')).toEqual(golden);
    expect(second.nodes.find(({ kind }) => kind === 'distinct')?.counts).toEqual({ 'near-golden': golden.length * 2 });
    const trained = (await all(second)).filter(({ split }) => split !== 'golden').map(({ id }) => id);
    expect(trained.filter((id) => id.startsWith('near-'))).toEqual([]);
    expect(trained.filter((id) => id.startsWith('new-')).length).toBe(30);
    const diff = (await run('dataset', 'diff', `sorted@${first.hash}`, 'sorted', '--json')).documents[0];
    expect(diff).toMatchObject({ removed: { train: 0, validation: 0, golden: 0 }, relabelled: 0, nodes: ['select', 'split'] });
  });

  it('says at which line a row is wrong, and refuses what makes no sense', async () => {
    await upload('bad.jsonl', [
      { text: 'a', label: 'card' },
      { text: 'b', label: 'dog' },
    ]);
    const wrong = await run('dataset', 'build', 'x', '--task', 'sort', '--file', 'bad.jsonl');
    expect(wrong.error).toMatchObject({ code: 'INPUT_INVALID', message: '"dog" is no answer of the task.', position: { line: 2 } });
    expect((await run('dataset', 'build', 'x')).error).toMatchObject({ code: 'USAGE' });
    expect((await run('dataset', 'build', '../x', '--file', 'bad.jsonl')).error).toMatchObject({ code: 'USAGE' });
    expect((await run('dataset', 'build', 'x', '--from-record')).error).toMatchObject({ code: 'USAGE' });
    expect((await run('dataset', 'show', 'x')).error).toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await upload(
      'good.jsonl',
      Array.from({ length: 30 }, (_, i) => ({ text: sentence(i), label: 'card' })),
    );
    const built = await build('--task', 'sort', '--file', 'good.jsonl', '--golden', '0.3');
    expect((await run('dataset', 'export', 'sorted', '--split', 'golden', '--out', 'g.jsonl')).error).toMatchObject({ code: 'USAGE' });
    await writeFile(join(built.folder, 'train.jsonl'), '{}\n');
    expect((await run('dataset', 'export', 'sorted', '--out', 't.jsonl')).error).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('flags answers that disagree, and long rows, and leaves flagged rows out where that is asked for', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => ({ id: i, text: sentence(i), label: 'card' }));
    await upload('rows.jsonl', [
      ...rows,
      { id: 'contra', text: `${sentence(0)}?`, label: 'loan' },
      { id: 'long', text: `${sentence(20)} ${'very '.repeat(80)}long`, label: 'loan' },
    ]);
    const manifest = await build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0', '--validation', '0', '--flag-tokens', '70');
    expect(manifest.report.flags).toEqual({ long: 1, 'label-conflict': 2, terms: 0, private: 0 });
    const without = await run('dataset', 'export', 'sorted', '--without', 'long,label-conflict', '--out', 'clean.jsonl', '--json');
    expect(without.documents).toEqual([expect.objectContaining({ rows: 9 })]);
  });

  it('writes chats and preferences as their trainers read them', async () => {
    const chat = (i: number) => ({
      id: `c${i}`,
      conversation: `k${i}`,
      messages: [
        { role: 'system', content: 'Help.' },
        { role: 'user', content: sentence(i) },
        { role: 'assistant', content: `Answer ${i}` },
      ],
      ...(i % 2 === 0 ? { rejected: `Bad ${i}` } : {}),
    });
    await upload(
      'chats.jsonl',
      Array.from({ length: 20 }, (_, i) => chat(i)),
    );
    const manifest = await build('--file', 'chats.jsonl', '--golden', '0', '--validation', '0', '--private', 'keep');
    expect([manifest.task, manifest.output, manifest.until, manifest.report.classes]).toEqual([null, null, null, null]);
    const exported = async (format: string) => {
      await run('dataset', 'export', 'sorted', '--format', format, '--out', `${format}.jsonl`);
      return (await readFile(join(folder, `${format}.jsonl`), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    const prompt = chat(0).messages.slice(0, 2);
    const answer = { role: 'assistant', content: 'Answer 0' };
    const rejected = { role: 'assistant', content: 'Bad 0' };
    expect(await exported('chat')).toContainEqual({ messages: [...prompt, answer] });
    expect(await exported('dpo')).toContainEqual({
      input: { messages: prompt },
      preferred_output: [answer],
      non_preferred_output: [rejected],
    });
    const preferences = await exported('dpo-trl');
    expect(preferences).toContainEqual({ prompt, chosen: [answer], rejected: [rejected] });
    expect(preferences.length).toBe(10);
    expect((await run('dataset', 'export', 'sorted', '--format', 'chat', '--without', 'odd', '--out', 'x.jsonl')).error).toMatchObject({
      code: 'USAGE',
    });
    expect(await exported('eval')).toContainEqual({ id: 'c0', messages: prompt, expected: 'Answer 0', cluster: 'k0' });
  });
});

/** A recorded request: what the client sent, and what each attempt answered. */
async function record(
  store: Store,
  id: string,
  text: string,
  answers: readonly (readonly [model: string, answer: string])[],
): Promise<void> {
  const request = JSON.stringify({
    model: 'task/sort',
    messages: [
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: text },
    ],
  });
  await store.bodies.put([{ hash: bodyHash(request), at: 5, body: request }]);
  for (const [i, [model, answer]] of answers.entries()) {
    const isLast = i === answers.length - 1;
    const call = aBareCall({
      task: 'sort',
      requestId: id,
      at: 1_000 + i,
      model,
      provider: 'vllm',
      servedModel: `${model}-1`,
      purpose: i === 0 ? 'answer' : 'escalation',
      outcome: isLast ? 'accepted' : 'escalated',
      bodyHash: bodyHash(request),
    });
    await store.calls.append([call]);
    await store.bodies.put([{ hash: answerKey(call.id), at: 5, body: answer }]);
  }
}

describe('smallfirst dataset from the record', () => {
  it('takes requests and pairs with their worse answers, joins what people said, and knows its cut-off', async () => {
    await owned(async (store) => {
      await record(store, 'plain', 'one about a card', [['small', 'card']]);
      await record(store, 'escalated', 'two about the lending of money', [
        ['small', 'other'],
        [
          'big',
          JSON.stringify({
            id: 'x',
            object: 'chat.completion',
            model: 'big-1',
            choices: [{ index: 0, message: { role: 'assistant', content: 'Loan.' }, finish_reason: 'stop' }],
          }),
        ],
      ]);
      await record(store, 'odd', 'three is answered by prose', [['big', 'I think that this is about a card or a loan']]);
      await store.calls.append([aBareCall({ task: 'sort', requestId: 'textless', at: 1_000 })]);
      await store.pairs.append([
        storedPair({
          id: 'pair',
          task: 'sort',
          big: 'big',
          input: 'four came as a pair',
          smallOutput: 'loan',
          bigOutput: 'card',
          smallQuality: 0,
          drawn: 'audit',
          servedBig: 'big-1',
        }),
        storedPair({
          id: 'reviewed',
          task: 'sort',
          big: 'big',
          input: 'five was corrected by a person',
          smallOutput: 'loan',
          bigOutput: 'card',
          smallQuality: 0,
        }),
        storedPair({ id: 'blank', task: 'sort', big: 'big' }),
      ]);
      await store.feedback.append([
        { id: '1', requestId: 'reviewed', at: 7, key: 'label:ann', label: 'loan', score: null, comment: '{"sample":"active"}' },
        {
          id: '2',
          requestId: 'plain',
          at: 8,
          key: 'label:ann',
          label: null,
          score: null,
          comment: '{"sample":"uniform","state":"skipped"}',
        },
      ]);
    });
    const before = Date.now();
    const manifest = await build('--task', 'sort', '--from-record', '--golden', '0', '--validation', '0');
    expect(manifest.until).toBeGreaterThanOrEqual(before);
    expect(manifest.nodes.map(({ kind, counts }) => [kind, counts])).toEqual([
      ['select', { 'invalid-answer': 1, 'no-text': 2 }],
      ['filter', {}],
      ['review', { reviewed: 1, corrected: 1, unlabelled: 1 }],
      ['scrub', {}],
      ['distinct', {}],
      ['split', { units: 4, train: 4 }],
    ]);
    const rows = await rowsOf(manifest, 'train');
    const shown = rows.map(({ id, text, output, rejected, provenance, drawn, teacher }) => ({
      id,
      text,
      output,
      rejected,
      provenance,
      drawn,
      teacher,
    }));
    expect(shown.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      {
        id: 'escalated',
        text: 'two about the lending of money',
        output: 'loan',
        rejected: 'other',
        provenance: 'log',
        drawn: 'escalated',
        teacher: { model: 'big', provider: 'vllm', served: 'big-1' },
      },
      {
        id: 'pair',
        text: 'four came as a pair',
        output: 'card',
        rejected: 'loan',
        provenance: 'log',
        drawn: 'audit',
        teacher: { model: 'big', provider: 'vllm', served: 'big-1' },
      },
      {
        id: 'plain',
        text: 'one about a card',
        output: 'card',
        rejected: null,
        provenance: 'log',
        drawn: 'traffic',
        teacher: { model: 'small', provider: 'vllm', served: 'small-1' },
      },
      {
        id: 'reviewed',
        text: 'five was corrected by a person',
        output: 'loan',
        rejected: 'card',
        provenance: 'human',
        drawn: 'active',
        teacher: null,
      },
    ]);
    expect(rows.find(({ id }) => id === 'plain')?.messages?.[0]).toEqual({ role: 'system', content: 'Sort it.' });
    const only = await build('--task', 'sort', '--from-record', '--only', 'escalated', '--golden', '0', '--validation', '0');
    expect((await rowsOf(only, 'train')).map(({ id }) => id)).toEqual(['escalated']);
  });
});

describe('smallfirst dataset relabelled by a model', () => {
  const questions = Array.from({ length: 12 }, (_, i) => ({ id: `q${i}`, text: sentence(i), ...(i < 2 ? { label: 'other' } : {}) }));
  const source = ['--task', 'sort', '--file', 'rows.jsonl', '--golden', '0', '--validation', '0', '--relabel', 'big', '--concurrency', '1'];
  const relabel = (manifest: DatasetManifest) => manifest.nodes.find(({ kind }) => kind === 'relabel');

  it('estimates first, keeps to its cap, goes on where it stopped, and pays for nothing twice', async () => {
    await upload('rows.jsonl', questions);
    upstream.script('big-1', (body) => ({
      tokens: [{ text: /Q: [0-7]/.test(JSON.stringify(body)) ? 'loan' : 'card' }],
      inputTokens: 20,
    }));
    const estimate = (await run('dataset', 'build', 'sorted', ...source, '--estimate', '--json')).documents[0] as {
      rows: number;
      cached: number;
      worstUsd: number;
    };
    expect([estimate.rows, estimate.cached]).toEqual([10, 0]);
    expect((await run('dataset', 'build', 'sorted', ...source)).error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('10 rows by "big" costs at most $'),
    });
    expect(upstream.calls.length).toBe(0);
    const some = await build(...source, '--max-cost', String(estimate.worstUsd / 5));
    const asked = upstream.calls.length;
    // A call costs less than it may cost, so a fifth of the worst case buys more than a fifth of the rows.
    expect([asked > 2, asked < 10]).toEqual([true, true]);
    expect(relabel(some)?.counts).toEqual({ relabelled: asked, 'over-budget': 10 - asked });
    expect(relabel(some)?.cost).toBe(asked * (20 * 10_000 + 20_000));
    const rest = await build(...source, '--max-cost', '1');
    expect(upstream.calls.length).toBe(10);
    expect(relabel(rest)?.counts).toEqual({ relabelled: 10, 'relabel-cached': asked });
    const rows = await rowsOf(rest, 'train');
    expect(rows.filter(({ provenance }) => provenance === 'model-label').every(({ teacher }) => teacher?.model === 'big')).toBe(true);
    expect(rows.find(({ id }) => id === 'q0')).toMatchObject({ output: 'other', provenance: 'upload' });
    expect(upstream.calls[0]?.body.messages).toEqual([
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: `Q: ${sentence(2)}` },
    ]);
    // Every dollar is in the bill.
    const calls = await owned((store) => store.calls.list({ task: 'sort' }, { limit: 100 }));
    expect(calls.map(({ purpose, cost, tags }) => [purpose, cost, tags])).toEqual(
      Array.from({ length: 10 }, () => ['eval', 220_000, { dataset: 'sorted' }]),
    );
  });

  it('survives answers that are none and calls that fail, and refuses a model without a price', async () => {
    await upload('rows.jsonl', questions);
    let n = 0;
    upstream.script('big-1', () => {
      n += 1;
      return n === 1
        ? { tokens: [{ text: 'no idea' }] }
        : n === 2
          ? { tokens: [{ text: 'ca' }], stop: 'length' }
          : { tokens: [{ text: 'card' }] };
    });
    // Beside a gateway that owns the data.
    const manifest = await owned(() => build(...source, '--max-cost', '1', '--relabel-which', 'all'));
    expect(relabel(manifest)?.counts).toEqual({ relabelled: 10, 'relabel-invalid': 1, 'relabel-failed': 1 });
    expect(
      (await run('dataset', 'build', 'sorted', '--task', 'sort', '--file', 'rows.jsonl', '--relabel', 'free', '--max-cost', '1')).error,
    ).toMatchObject({ code: 'BUDGET_UNPRICED' });
  });
});
