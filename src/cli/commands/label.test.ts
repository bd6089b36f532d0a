import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HumanLabel, standingLabels } from '../../metrics/index.ts';
import { openDataDir, openSqliteStore, type Store, type StoredPair } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { type LabelDocument, runLabel } from './label.ts';

const YAML = `
models:
  small: { provider: openai, model: gpt-mini }
  big: { provider: anthropic, model: claude-big }
  judge: { provider: mistral, model: mistral-large }
tasks:
  reply: { output: { kind: text }, ladder: [small, big], metric: { judge: judge, rubric: { text: It answers. } } }
  sort: { output: { kind: label, labels: [card, loan, other] }, ladder: [small, big] }
`;

const pairOf = (parts: Partial<StoredPair> & { readonly id: string }): StoredPair => ({
  task: 'reply',
  small: 'small',
  big: 'big',
  at: 1,
  drawn: 'uniform',
  inclusion: 0.1,
  cluster: null,
  smallQuality: 0.5,
  bigQuality: 1,
  confidence: null,
  signals: {},
  smallCost: null,
  bigCost: null,
  smallLatencyMs: null,
  bigLatencyMs: null,
  requestId: `req-${parts.id}`,
  certificate: null,
  prompt: null,
  servedSmall: null,
  servedBig: null,
  input: `question ${parts.id}`,
  smallOutput: `small says ${parts.id}`,
  bigOutput: `big says ${parts.id}`,
  by: 'judge:judge',
  skip: false,
  ...parts,
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-label-'));
  await writeFile(join(folder, 'smallfirst.yaml'), YAML);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Opens the record as its owner, as a gateway does. */
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

const kept = (pairs: readonly StoredPair[]) => owned((store) => store.pairs.append(pairs));
const labels = (): Promise<readonly HumanLabel[]> =>
  owned(async (store) => standingLabels((await store.feedback.list({}, { limit: 1000 })).map(({ feedback }) => feedback)));

/** A terminal with keys, or standard input with lines. */
function world(typed: string, isTTY: boolean, signal = new AbortController().signal) {
  const said = { out: '', notes: [] as string[], documents: [] as unknown[], raw: [] as boolean[] };
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (raw: boolean) => said.raw.push(raw) });
  if (isTTY) stdin.write(typed);
  else stdin.end(typed);
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: { USER: 'ann' },
    cwd: folder,
    signal,
    width: 80,
    stdin: stdin as unknown as NodeJS.ReadStream,
  };
  const run = (more: object = {}) =>
    runLabel({ config: 'smallfirst.yaml', data: 'data', task: 'reply', sample: 'uniform', seed: 1, json: !isTTY, ...more }, io);
  return { said, io, run };
}

describe('smallfirst label at a terminal', () => {
  it('shows answers blind, keeps each label at once, and says how far the judge agrees', async () => {
    await kept(['1', '2', '3'].map((id) => pairOf({ id })));
    const { said, run } = world('51?5q', true);
    expect(await run()).toBe(0);
    const given = await labels();
    expect(given.map(({ score }) => score).sort()).toEqual([0, 1, 1]);
    expect(given.every(({ by, sample }) => by === 'ann' && sample === 'uniform')).toBe(true);
    expect(said.out).toContain('Answer A:  1 bad');
    expect(said.out).toContain('It answers.');
    expect(said.out.replace(/(small|big) says/g, '')).not.toMatch(/\b(small|big)\b/);
    expect(said.out).toContain('3 labels by ann are kept.');
    expect(said.out).toMatch(/reply: as scored by judge judge, κ = .* \(3 labelled answers\)/);
    expect(said.raw).toEqual([true, false]);
  });

  it('goes on where it stopped, for each person apart', async () => {
    await kept(['1', '2', '3'].map((id) => pairOf({ id })));
    await world('55s\u0003', true).run();
    const again = world('q', true);
    await again.run();
    expect(again.said.out).toContain('request 1 of 1 ');
    const other = world('q', true);
    await other.run({ name: 'bob' });
    expect(other.said.out).toContain('request 1 of 3 ');
    await world('11q', true).run();
    const done = world('', true);
    await done.run();
    expect(done.said.notes).toEqual(['All 3 requests of this sample are labelled.']);
  });

  it('takes labels and skips back', async () => {
    await kept(['1', '2'].map((id) => pairOf({ id })));
    await world('1uu5q', true).run();
    expect((await labels()).map(({ score }) => score)).toEqual([1]);
    await world('5suuq', true).run();
    expect((await labels()).filter(({ skipped }) => skipped)).toEqual([]);
  });

  it('ends on Ctrl-C from outside, with the terminal as it was', async () => {
    await kept([pairOf({ id: '1' })]);
    const outside = new AbortController();
    const { said, run } = world('', true, outside.signal);
    const running = run();
    setImmediate(() => outside.abort());
    expect(await running).toBe(0);
    expect(said.raw.at(-1) ?? false).toBe(false);
  });

  it('asks once about an answer that both models gave, and shows no escape codes of theirs', async () => {
    await kept([pairOf({ id: '1', smallOutput: 'same\u001b[2J', bigOutput: 'same\u001b[2J ' })]);
    const { said, run } = world('4q', true);
    await run();
    expect(said.out).toContain('same\ufffd[2J');
    expect(said.out).not.toContain('same\u001b');
    expect((await labels()).map(({ answer, score }) => `${answer} ${score}`).sort()).toEqual(['big 0.75', 'small 0.75']);
  });

  it('takes the right label of a label task by number, or from an answer', async () => {
    const sorted = { task: 'sort', by: 'agreement', smallOutput: 'loan', bigOutput: 'card' };
    await kept(['1', '2'].map((id) => pairOf({ id, ...sorted })));
    const { said, run } = world('93aq', true);
    await run({ task: 'sort' });
    expect(said.out).toContain('1 card · 2 loan · 3 other');
    const [first, second] = (await labels()).map(({ label }) => label).sort();
    expect(['card', 'loan']).toContain(first);
    expect(second).toBe('other');
    expect(said.out).toMatch(/sort: people say what big says on \d of 2, κ /);
  });

  it('labels beside a gateway that owns the data', async () => {
    await kept([pairOf({ id: '1' })]);
    await owned(async (store) => {
      await world('52q', true).run();
      expect((await store.feedback.ofRequest('req-1')).map(({ key, score }) => `${key} ${score}`).sort()).toEqual([
        'label:ann 0.25',
        'label:ann 1',
      ]);
    });
  });
});

describe('smallfirst label for scripts', () => {
  it('lists a queue and takes lines for it', async () => {
    await kept(['1', '2', '3'].map((id) => pairOf({ id })));
    const listing = world('', false);
    await listing.run({ list: true });
    const queue = listing.said.documents[0] as { items: { id: string; input: string; a: string; b: string }[] };
    expect(queue).toMatchObject({ task: 'reply', kind: 'text', rubric: 'It answers.', labels: null });
    expect(queue.items.map(({ id }) => id).sort()).toEqual(['req-1', 'req-2', 'req-3']);
    const [first, second] = queue.items;
    const lines = [
      { id: first?.id, a: first?.a.startsWith('big') ? 1 : 0, b: first?.b.startsWith('big') ? 1 : 0 },
      { id: second?.id, skip: true },
    ];
    const given = world(lines.map((line) => JSON.stringify(line)).join('\n'), false);
    await given.run();
    expect(given.said.documents[0] as LabelDocument).toMatchObject({
      task: 'reply',
      by: 'ann',
      sample: 'uniform',
      written: 2,
      skipped: 1,
      remaining: 1,
      judge: 'judge',
      agreement: { answers: 2, n: 1 },
    });
    expect((await labels()).filter(({ answer }) => answer === 'big').map(({ score }) => score)).toEqual([1]);
  });

  it('names the line that is wrong, and keeps the ones before it', async () => {
    await kept([pairOf({ id: '1' }), pairOf({ id: '2' })]);
    const { run } = world('{"id":"req-1","a":1,"b":1}\n{"id":"req-2","a":2,"b":0}\n', false);
    await expect(run()).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      position: { line: 2 },
      message: '"a" must be a score from 0 to 1.',
    });
    expect((await labels()).length).toBe(2);
    await expect(world('{"id":"nobody"}', false).run()).rejects.toMatchObject({ message: expect.stringContaining('no request "nobody"') });
  });

  it('orders by what is asked for: the farthest apart, or the least confident', async () => {
    await kept([
      pairOf({ id: '1', smallQuality: 1, confidence: 0.9 }),
      pairOf({ id: '2', smallQuality: 0, confidence: 0.5 }),
      pairOf({ id: '3', smallQuality: 0.4, confidence: 0.1, drawn: 'audit' }),
    ]);
    const order = async (sample: string) => {
      const { said, run } = world('', false);
      await run({ list: true, sample });
      return (said.documents[0] as { items: { id: string }[] }).items.map(({ id }) => id);
    };
    expect(await order('disagreement')).toEqual(['req-2', 'req-3', 'req-1']);
    expect(await order('low-confidence')).toEqual(['req-3', 'req-2', 'req-1']);
    expect((await order('uniform')).toSorted()).toEqual(['req-1', 'req-2']);
    expect(await order('uniform')).toEqual(await order('uniform'));
  });

  it('shows both orders over a queue, and says why there is nothing to label', async () => {
    await kept(Array.from({ length: 40 }, (_, i) => pairOf({ id: String(i) })));
    const { said, run } = world('', false);
    await run({ list: true, limit: 30 });
    const { items } = said.documents[0] as { items: { a: string }[] };
    expect(items.length).toBe(30);
    expect(new Set(items.map(({ a }) => a.split(' ')[0]))).toEqual(new Set(['small', 'big']));
    await kept([pairOf({ id: 'x', task: 'sort', input: null })]);
    const empty = world('', false);
    await empty.run({ task: 'sort', list: true });
    expect(empty.said.notes[0]).toMatch(/^The texts of 1 pair of sort were not kept/);
    await expect(world('', false).run({ json: false })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(world('', false).run({ task: 'rply' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });
});
