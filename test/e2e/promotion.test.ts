import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runModelsHistory } from '../../src/cli/commands/models-history.ts';
import { runModelsPromote } from '../../src/cli/commands/models-promote.ts';
import { runModelsRetire } from '../../src/cli/commands/models-retire.ts';
import { runModelsRollback } from '../../src/cli/commands/models-rollback.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { readLock } from '../../src/config/index.ts';
import { type Clock, systemClock } from '../../src/core/index.ts';
import { openStoreBeside } from '../../src/store-location.ts';
import { loadStudent, trainStudent } from '../../src/student/index.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { storedPair } from '../support/life-pairs.ts';
import { askTask, shownTask } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const LABELS = ['billing', 'shipping', 'returns'] as const;
const TOPICS = {
  billing: ['invoice', 'card', 'amount', 'payment', 'receipt', 'refused charge'],
  shipping: ['parcel', 'courier', 'delivery', 'tracking', 'package', 'address'],
  returns: ['refund', 'exchange', 'wrong size', 'broken item', 'return label', 'warranty'],
} as const;

/** Numbers from a seed, for texts that repeat in no run and differ from each other. */
const drawn = (i: number, salt: number, below: number): number => (Math.imul(i * 2_654_435 + salt * 97, 2_246_822_519) >>> 8) % below;

/** A ticket and its right answer. */
function ticket(i: number): { readonly text: string; readonly label: string } {
  const label = LABELS[drawn(i, 1, 3)] ?? 'billing';
  const topics = TOPICS[label];
  const word = (salt: number) => topics[drawn(i, salt, topics.length)] ?? '';
  return { text: `order ${i * 7919} of ${drawn(i, 5, 9_999)} about ${word(2)} and ${word(3)} please`, label };
}

const at = (day: number): Clock => ({ now: () => NOW + day * DAY_MS, monotonic: () => systemClock.monotonic() });
const rows = (from: number, count: number, wrong: (i: number) => boolean = () => false) =>
  Array.from({ length: count }, (_, n) => {
    const { text, label } = ticket(from + n);
    return { id: `row-${from + n}`, text, label: wrong(from + n) ? (LABELS[(LABELS.indexOf(label as never) + 1) % 3] ?? label) : label };
  });

let upstream: ScriptedUpstream;
let folder: string;
let world: CascadeWorld;
/** The template of the tickets, as the gateway knows it. */
let prompt: string | null = null;

const said: { document: unknown; notes: string[] } = { document: null, notes: [] };
const io: CommandIo = {
  out: () => {},
  json: (document) => {
    said.document = JSON.parse(JSON.stringify(document));
  },
  note: (text) => void said.notes.push(text),
  progress: () => ({ advance: () => {}, end: () => {} }),
  env: {},
  get cwd() {
    return world.folder;
  },
  signal: new AbortController().signal,
  width: 120,
};
const common = { config: 'smallfirst.yaml', data: 'data', json: true } as const;

interface Promotion {
  readonly outcome: string;
  readonly reason: string;
  readonly gates: readonly { readonly name: string; readonly state: string }[];
  readonly evidence: { readonly n: number; readonly k: number; readonly morePairs: number; readonly replayed: number } | null;
  readonly certificate: { readonly id: string; readonly verdict: string } | null;
  readonly figures: { readonly candidate: { readonly usdPerRequest: number }; readonly ceiling: { readonly usdPerRequest: number } } | null;
}
async function promote(model: string, more: object = {}): Promise<{ readonly code: number } & Promotion> {
  const code = await runModelsPromote(model, { ...common, task: 'sort', maxP95LatencyRatio: 1.5, ...more }, io);
  return { code, ...(said.document as Promotion) };
}
async function history(): Promise<
  Readonly<Record<string, { readonly stage: string; readonly golden: object | null; readonly steps: readonly { kind: string }[] }>>
> {
  await runModelsHistory('sort', common, io);
  const { versions } = said.document as { versions: readonly { model: string }[] };
  return Object.fromEntries(versions.map((version) => [version.model, version])) as never;
}
async function withStore<T>(use: (store: Awaited<ReturnType<typeof openStoreBeside>>) => Promise<T>): Promise<T> {
  const store = await openStoreBeside(join(world.folder, 'data'));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
/** What shadow calls of a version would have left: a day of tickets, each answered by both. */
async function shadowed(version: number, from: number, count: number): Promise<void> {
  const student = await loadStudent(join(folder, `sort@${version}`));
  const pairs = Array.from({ length: count }, (_, n) => {
    const { text, label } = ticket(from + n);
    const { text: answer, confidence } = student.predict(text);
    return storedPair({
      id: `request-${from + n}`,
      task: 'sort',
      small: `student/sort@${version}`,
      at: NOW - 5 * DAY_MS + n * 1_000,
      smallQuality: answer === label ? 1 : 0,
      signals: { probability: confidence },
      smallCost: 0 as never,
      bigCost: 1_000_000 as never,
      smallLatencyMs: 0.1,
      bigLatencyMs: 400,
      servedSmall: student.version,
      servedBig: 'huge-v1',
      prompt,
      input: text,
      smallOutput: answer,
      bigOutput: label,
    });
  });
  await withStore((store) => store.pairs.append(pairs));
}
const answer = async (i: number) => (await askTask(world, 'sort', ticket(i).text)).model;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-promotion-'));
  const train = (version: number, training: ReturnType<typeof rows>, clock: Clock) =>
    trainStudent({ rows: training, outDir: join(folder, `sort@${version}`), seed: 1, clock });
  await train(1, rows(0, 150), at(-20));
  // Trained before the traffic of the test and on more; some of what that traffic asks it has seen.
  await train(2, [...rows(0, 300), ...rows(100_000, 30)], at(-6));
  await writeFile(
    join(folder, 'sort@2', 'rows.jsonl'),
    [...rows(0, 300), ...rows(100_000, 30)].map((row) => JSON.stringify(row)).join('\n'),
  );
  await train(
    3,
    rows(0, 150, (i) => i % 3 !== 0),
    at(-6),
  );
  const golden = rows(900_000, 60).map(({ id, text, label }) => JSON.stringify({ id, text, expected: label }));
  await writeFile(join(folder, 'golden.jsonl'), golden.join('\n'));
  for (const model of ['huge']) {
    upstream.script(model, (body) => {
      const asked = JSON.stringify(body.messages);
      const label = LABELS.find((each) => TOPICS[each].some((topic) => asked.includes(topic))) ?? 'billing';
      return { tokens: [{ text: label }] };
    });
  }
  world = await openCascadeWorld(`
models:
  frontier: { provider: openai, model: huge, url: "${upstream.origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
students:
  sort: { path: "${join(folder, 'sort')}" }
tasks:
  sort:
    output: { kind: label, labels: [billing, shipping, returns] }
    ladder: [student/sort@3, student/sort@2, student/sort@1, frontier]
    golden: "${join(folder, 'golden.jsonl')}"
    capture: { mode: full, rate: 1 }
    shadow: { share: 1, candidates: [student/sort@1] }
    canary: { stages: [0.5, 1], audits: 20 }
    audit: { share: 1 }
`);
});
afterAll(async () => {
  await world.remove();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a task from its first student to its second and back, beside a gateway that serves', () => {
  it('says how many pairs are missing before the first look', async () => {
    await answer(100_950);
    const found = () => withStore((store) => store.pairs.list({ task: 'sort' }));
    await expect.poll(async () => (await found()).length, { timeout: 10_000 }).toBe(1);
    prompt = (await found())[0]?.prompt ?? null;
    const { code, outcome, gates, evidence, reason } = await promote('student/sort@1');
    expect([code, outcome, evidence?.k]).toEqual([1, 'not-enough', 1]);
    expect(gates.map(({ name, state }) => [name, state])).toEqual([
      ['golden', 'passed'],
      ['evidence', 'waiting'],
    ]);
    expect(reason).toContain('Traffic brings them');
    await shadowed(1, 100_000, 120);
    const some = await promote('student/sort@1');
    expect(some.evidence?.morePairs).toBe(Math.ceil((500 - (some.evidence?.n ?? 0)) / 0.6));
    expect(some.reason).toContain(`${some.evidence?.morePairs} more pairs`);
    expect((await history())['student/sort@1']?.stage).toBe('shadow');
  });

  it('proposes the first student by one look, however often it is asked, and writes only when told to', async () => {
    await shadowed(1, 100_120, 830);
    const first = await promote('student/sort@1');
    expect([first.code, first.outcome]).toEqual([1, 'ready']);
    expect(first.gates.map(({ name, state }) => [name, state])).toEqual([
      ['golden', 'passed'],
      ['certificate', 'passed'],
      ['cost', 'passed'],
      ['latency', 'passed'],
    ]);
    expect(first.figures?.candidate.usdPerRequest).toBeLessThan(first.figures?.ceiling.usdPerRequest ?? 0);
    const again = await promote('student/sort@1');
    expect(again.certificate).toEqual(first.certificate);
    const looks = await withStore((store) => store.looks.list({ task: 'sort' }));
    expect(looks.map(({ k, by, small }) => [k, by, small])).toEqual([[1, 'retrained', 'student/sort@1']]);
    expect((await locked())?.id).toBeUndefined();
    expect((await history())['student/sort@1']?.stage).toBe('certified');
  });

  it('takes it live through the canary, while the gateway that owns the record goes on', async () => {
    const { code, outcome, certificate } = await promote('student/sort@1', { write: true });
    expect([code, outcome]).toEqual([0, 'promoted']);
    expect((await locked())?.id).toBe(certificate?.id);
    await world.reload();
    const answered = new Set<string | null>();
    for (let i = 200_000; (await exposure()) < 1 && i < 200_300; i += 1) answered.add(await answer(i));
    expect(await exposure()).toBe(1);
    // In its first stage the ceiling answered the other half.
    expect([...answered].sort()).toEqual(['frontier', 'student/sort@1']);
    expect(await answer(200_500)).toBe('student/sort@1');
    await expect.poll(async () => (await history())['student/sort@1']?.stage, { timeout: 10_000 }).toBe('live');
    expect(await promote('student/sort@1', { write: true })).toMatchObject({ code: 0, outcome: 'live', gates: [] });
  });

  it('refuses a version that is worse than the one in force on the golden set, and asks the set once', async () => {
    for (const _time of [1, 2]) {
      const refused = await promote('student/sort@3', { write: true });
      expect([refused.code, refused.outcome, refused.gates.map(({ name, state }) => [name, state])]).toEqual([
        1,
        'refused',
        [['golden', 'failed']],
      ]);
    }
    const { 'student/sort@3': third } = await history();
    expect([third?.stage, third?.steps.map(({ kind }) => kind)]).toEqual(['refused', ['candidate', 'golden']]);
    expect(third?.golden).toMatchObject({ alarm: 'regression', n: 60, trusted: 'student/sort@1' });
  });

  it('certifies the retrained student on the same requests by the next share of the error, without those that it was trained on', async () => {
    const before = await withStore((store) => store.pairs.count({ task: 'sort', small: 'student/sort@1' }));
    const promoted = await promote('student/sort@2', { write: true });
    expect([promoted.code, promoted.outcome]).toEqual([0, 'promoted']);
    expect(promoted.evidence).toMatchObject({ k: 2, replayed: before });
    const looks = await withStore((store) => store.looks.list({ task: 'sort' }));
    expect(looks.map(({ k, small }) => [k, small])).toEqual([
      [1, 'student/sort@1'],
      [2, 'student/sort@2'],
    ]);
    expect((looks[0]?.delta ?? 0) / (looks[1]?.delta ?? 1)).toBeCloseTo(2);
    const [proposal] = (await withStore((store) => store.events.list({ task: 'sort', kinds: ['proposed'] }))).slice(-1);
    expect(proposal?.detail).toMatchObject({ found: { leftOut: { 'trained-on': 30 } } });
    expect((await locked())?.small).toBe('student/sort@2');
    await world.reload();
    const answered = new Set<string | null>();
    for (let i = 300_000; i < 300_020; i += 1) answered.add(await answer(i));
    expect([...answered].sort()).toEqual(['frontier', 'student/sort@2']);
    expect(await stages()).toMatchObject({ 'student/sort@1': 'superseded', 'student/sort@2': 'canary' });
  });

  it('gives the task back to the version before it at once, by the certificate that one had', async () => {
    expect(await rollback({})).toMatchObject({ code: 1, written: false, to: { model: 'student/sort@1' } });
    expect((await locked())?.small).toBe('student/sort@2');
    expect(await rollback({ write: true, reason: 'Customers complain.' })).toMatchObject({ code: 0, written: true, refused: [] });
    await world.reload();
    // No canary again: what it had gone through is on record.
    for (let i = 400_000; i < 400_008; i += 1) expect(await answer(i)).toBe('student/sort@1');
    expect(await stages()).toMatchObject({ 'student/sort@1': 'live', 'student/sort@2': 'rolled-back', 'student/sort@3': 'refused' });
    expect(await promote('student/sort@2', { write: true })).toMatchObject({ code: 1, outcome: 'not-enough' });
  });

  it('returns to a version that a person names, and to the ceiling where the pins of every earlier one have changed', async () => {
    expect(await rollback({ write: true, to: 'student/sort@2' })).toMatchObject({ code: 0, to: { model: 'student/sort@2' } });
    await trainStudent({ rows: rows(0, 90), outDir: join(folder, 'sort@1'), seed: 2, clock: at(-20) });
    const back = await rollback({ write: true });
    expect(back).toMatchObject({
      code: 0,
      to: null,
      refused: [{ model: 'student/sort@1', reason: expect.stringContaining('small.version') }],
    });
    expect(await locked()).toBeUndefined();
    await world.reload();
    expect(await answer(500_000)).toBe('frontier');
  });

  it('retires what is named for good, and never the version that has the task', async () => {
    expect(await rollback({}).catch((error: Error) => error.message)).toContain('The ceiling answers');
    const { certificate } = await retireWorld();
    await expect(runModelsRetire([certificate], { ...common, idleDays: 30, write: true }, io)).rejects.toThrow('has the task');
    expect(await runModelsRetire(['student/sort@3'], { ...common, idleDays: 30, write: true, delete: true }, io)).toBe(0);
    expect(said.document).toMatchObject({
      retired: true,
      versions: [{ model: 'student/sort@3', rule: 'by-hand' }],
      deleted: ['student/sort@3'],
    });
    expect((await stages())['student/sort@3']).toBe('retired');
  });
});

/** Puts the first version's certificate back, so that one has the task. */
async function retireWorld(): Promise<{ readonly certificate: string }> {
  await world.certify({ task: 'sort', small: 'student/sort@2', signal: 'probability' });
  return { certificate: 'student/sort@2' };
}
async function rollback(more: object): Promise<{ readonly code: number } & Record<string, unknown>> {
  const code = await runModelsRollback({ ...common, task: 'sort', ...more }, io);
  return { code, ...(said.document as Record<string, unknown>) };
}
async function stages(): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(Object.entries(await history()).map(([model, { stage }]) => [model, stage]));
}
async function locked() {
  return (await readLock(join(world.folder, 'smallfirst.lock'))).certificates.get('sort');
}
async function exposure(): Promise<number> {
  return (await shownTask(world, 'sort')).live?.exposure ?? 0;
}
