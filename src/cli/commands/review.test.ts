import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedPair } from '../../../test/support/life-pairs.ts';
import { type LockedCertificate, loadConfig, lockPathOf, NO_LOCK, readLock, withCertificate, writeLock } from '../../config/index.ts';
import { type Clock, type NanoUsd, NO_USAGE, newId } from '../../core/index.ts';
import { LookRunner } from '../../life/index.ts';
import { lifeTasks } from '../../life-worker.ts';
import { providers } from '../../providers/index.ts';
import { seededRandom } from '../../statistics/index.ts';
import type { Store, StoredPair } from '../../store/index.ts';
import { openStoreToRead, openStoreToWrite } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';
import { runReview } from './review.ts';
import { type ReviewDocument, reviewJsonSchema } from './review-schema.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 9, 20, 12);
const clock: Clock = { now: () => NOW, monotonic: () => 0 };
const conforms = new Ajv2020({ formats: { 'date-time': true, date: true } }).compile(reviewJsonSchema());

const CONFIG = `models:
  small: { provider: openai, model: small-2026-01-01, url: "http://127.0.0.1:9/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: openai, model: big-2026-01-01, url: "http://127.0.0.1:9/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify: { output: { kind: label, labels: [card, loan] }, ladder: [small, frontier], prompt: "Sort: {{input}}", floor: { retain: 0.95 } }
`;

/** What a review that printed no document has. */
const NO_TASK = {} as ReviewDocument['tasks'][number];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-review-'));
  await writeFile(join(folder, 'smallfirst.yaml'), CONFIG);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Answers that are right where the model is sure. */
function traffic(from: number, n: number, at: number): StoredPair[] {
  const random = seededRandom(from + 1);
  return Array.from({ length: n }, (_, i) => {
    const token = random.next();
    const smallQuality = token > 0.3 || random.next() < 0.5 ? 1 : 0;
    const costs = { smallCost: 100_000 as NanoUsd, bigCost: 1_000_000 as NanoUsd };
    return storedPair({ id: `request-${from + i}`, at: at + i, smallQuality, signals: { token }, ...costs });
  });
}

/** A client request that the ceiling answered. */
function answered(at: number) {
  return {
    id: newId(),
    requestId: newId(),
    at,
    task: 'classify',
    step: null,
    pipeline: null,
    key: null,
    team: null,
    model: 'frontier',
    provider: 'openai',
    servedModel: 'big-2026-01-01',
    tier: 'frontier',
    purpose: 'answer',
    outcome: 'accepted',
    error: null,
    stop: 'done',
    usage: { ...NO_USAGE, freshInput: 50_000, output: 25_000 },
    usageSource: 'reported',
    priceId: 'declared:openai:big-2026-01-01@old',
    cost: 500_000_000 as NanoUsd,
    latencyMs: 10,
    firstTokenMs: null,
    streamed: false,
    confidence: null,
    decision: null,
    fingerprint: null,
    bodyHash: null,
    tags: {},
  } as const;
}

async function inStore<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openStoreToWrite(join(folder, 'data'));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

const read = async <Result>(use: (store: Store) => Promise<Result>): Promise<Result> => {
  const store = await openStoreToRead(join(folder, 'data'));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};

/** Takes the look that the schedule would, at a time. */
async function look(at: number): Promise<LockedCertificate> {
  const config = await loadConfig(join(folder, 'smallfirst.yaml'), {}, { providers });
  const tasks = await lifeTasks(config);
  const runner = (store: Store) =>
    new LookRunner(tasks, { store, clock: { now: () => at, monotonic: () => at }, newId, warn: () => undefined, gate: false });
  const [result] = await inStore((store) => runner(store).run({ task: 'classify', by: 'person' }));
  return result!.certificate!;
}

async function review(options: Partial<Parameters<typeof runReview>[0]> = {}) {
  const said = { out: '', notes: [] as string[], documents: [] as unknown[] };
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
    width: 120,
  };
  const code = await runReview({ config: 'smallfirst.yaml', data: 'data', json: true, ...options }, io, clock);
  const document = said.documents[0] as ReviewDocument;
  if (document !== undefined) expect(conforms(document), JSON.stringify(conforms.errors)).toBe(true);
  return { code, document, task: document === undefined ? NO_TASK : document.tasks[0]!, ...said };
}

const lockNow = async () => (await readLock(lockPathOf(join(folder, 'smallfirst.yaml')))).certificates.get('classify');

describe('smallfirst review', () => {
  it('says how much is missing where nothing is on record, and needs nobody', async () => {
    const { code, task, document } = await review();
    expect({ code, verdict: task.verdict, reason: task.reason, diff: document.diff }).toEqual({
      code: 0,
      verdict: 'not-enough',
      reason: 'Not enough evidence: no pair is on record.',
      diff: '',
    });
  });

  it('counts the pairs that are missing', async () => {
    await inStore((store) => store.pairs.append(traffic(0, 100, NOW - DAY)));
    const { task } = await review();
    const [evidence] = task.evidence;
    expect(evidence!.missing).toBe(Math.ceil((500 - evidence!.n) / 0.6));
    expect(task.reason).toBe(`Not enough evidence: ${evidence!.missing} more pairs of small.`);
  });

  it('names what was meant where a task is misspelt, and the line where the config is', async () => {
    await expect(review({ task: 'clasify' })).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
      message: expect.stringContaining('"classify"'),
    });
    await writeFile(join(folder, 'smallfirst.yaml'), CONFIG.replace('ladder', 'lader'));
    await expect(review()).rejects.toMatchObject({ code: 'CONFIG_INVALID', position: { line: 5 } });
  });

  it('shows a proposal as a diff, writes it when told, and then needs nobody', async () => {
    await inStore(async (store) => {
      await store.pairs.append(traffic(0, 1_000, NOW - 2 * DAY));
      await store.calls.append(Array.from({ length: 20 }, (_, i) => answered(NOW - 10 * DAY + i * 1_000)));
    });
    const proposed = await look(NOW - DAY);
    const before = await review({ html: 'review.html' });
    expect(before.code).toBe(1);
    expect(before.task).toMatchObject({
      verdict: 'new',
      needsPerson: true,
      before: null,
      after: { id: proposed.id },
      look: { k: 1, n: proposed.pairs },
    });
    expect(before.document.diff).toContain(`+  - id: ${proposed.id}`);
    expect(await lockNow()).toBeUndefined();
    // 20 requests in 10 days are 60 in 30; a pair's ceiling answer cost $0.001, the small one a tenth of it.
    const { monthly } = before.task;
    expect(monthly).toMatchObject({ requests: 60, ceilingUsd: 0.06, beforeUsd: 0.06 });
    expect(monthly!.afterUsd).toBeCloseTo(60 * (0.0001 + (1 - proposed.accepted) * 0.001), 8);
    const page = await readFile(join(folder, 'review.html'), 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).not.toMatch(/<script|<link|NaN|undefined/);

    const written = await review({ write: true });
    expect({ code: written.code, written: written.document.written }).toEqual({ code: 0, written: true });
    expect(await lockNow()).toEqual(proposed);
    const approved = await read((store) => store.events.list({ task: 'classify', kinds: ['approved'] }));
    expect(approved.map(({ certificate, at }) => ({ certificate, at }))).toEqual([{ certificate: proposed.id, at: NOW }]);
    const after = await review();
    expect({ code: after.code, verdict: after.task.verdict, diff: after.document.diff }).toEqual({
      code: 0,
      verdict: 'in-force',
      diff: '',
    });
  });

  it('certifies an old certificate anew by a stored look, once, and tells what the price did meanwhile', async () => {
    await inStore(async (store) => {
      await store.pairs.append(traffic(0, 1_000, NOW - 30 * DAY));
      await store.calls.append([answered(NOW - 29 * DAY)]);
    });
    const old = await look(NOW - 25 * DAY);
    await writeLock(join(folder, 'smallfirst.lock'), withCertificate(NO_LOCK, old));
    await inStore((store) => store.pairs.append(traffic(2_000, 2_000, NOW - DAY)));
    const first = await review();
    expect(first.code).toBe(1);
    expect(['renewed', 'loosened', 'tightened']).toContain(first.task.verdict);
    expect(first.document.diff).toContain(`-  - id: ${old.id}`);
    expect(first.task.prices).toEqual([
      { model: 'frontier', before: 'declared:openai:big-2026-01-01@old', after: expect.any(String), costRatio: 2 },
    ]);
    const again = await review();
    expect(again.task.after).toEqual(first.task.after);
    const looks = await read((store) => store.looks.list({ task: 'classify' }));
    expect(looks.map(({ by }) => by)).toEqual(['person', 'review']);
  });

  it.each([
    ['an alarm', null, 'Quality fell.'],
    [
      'a changed model',
      CONFIG.replace('small-2026-01-01', 'small-2026-02-02'),
      'What it pins has changed: small was openai/small-2026-01-01',
    ],
    ['another ceiling', CONFIG.replace('[small, frontier]', '[frontier, small]'), 'which is the ceiling no more'],
  ])('takes out what %s made void, and needs a person', async (_what, config, reason) => {
    await inStore((store) => store.pairs.append(traffic(0, 1_000, NOW - 3 * DAY)));
    const certificate = await look(NOW - 2 * DAY);
    await writeLock(join(folder, 'smallfirst.lock'), withCertificate(NO_LOCK, certificate));
    if (config !== null) await writeFile(join(folder, 'smallfirst.yaml'), config);
    else {
      const alarm = {
        id: newId(),
        task: 'classify',
        at: NOW - DAY,
        kind: 'alarm',
        certificate: certificate.id,
        reason,
        detail: null,
      } as const;
      await inStore((store) => store.events.add([alarm]));
    }
    const { code, task } = await review({ write: true, look: false });
    expect({ code, verdict: task.verdict, after: task.after }).toEqual({ code: 1, verdict: 'void', after: null });
    expect(task.reason).toContain(reason);
    expect(await lockNow()).toBeUndefined();
    const history = await read((store) => store.certificates.history('classify'));
    expect(history[0]!.voided).toEqual({ at: NOW, reason: task.reason });
  });

  it('writes the lock file while a gateway owns the record, which then records the approval itself', async () => {
    await inStore((store) => store.pairs.append(traffic(0, 1_000, NOW - 2 * DAY)));
    const proposed = await look(NOW - DAY);
    const { code, notes } = await inStore(() => review({ write: true }));
    expect(code).toBe(0);
    expect(notes.join('\n')).toContain('A gateway owns the record');
    expect((await lockNow())?.id).toBe(proposed.id);
  });

  it('refuses to write a certificate that rests on a name which moves, and leaves the lock file alone', async () => {
    await writeFile(join(folder, 'smallfirst.yaml'), CONFIG.replace('small-2026-01-01', 'gpt-4o-mini'));
    await inStore((store) => store.pairs.append(traffic(0, 1_000, NOW - 2 * DAY)));
    await look(NOW - DAY);
    await expect(review({ write: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await lockNow()).toBeUndefined();
  });

  it('needs a person where a model of the ladder is turned off soon', async () => {
    await writeFile(join(folder, 'smallfirst.yaml'), `${CONFIG}deprecations: dates.yaml\n`);
    const date = '- { provider: openai, model: big-2026-01-01, shutdown: 2026-11-01, source: "a test", asOf: 2026-10-01 }\n';
    await writeFile(join(folder, 'dates.yaml'), date);
    const { code, task } = await review();
    const [shutdown, ...others] = task.pins.filter(({ needsPerson }) => needsPerson);
    expect({ code, verdict: task.verdict, others }).toEqual({ code: 1, verdict: 'not-enough', others: [] });
    expect(shutdown).toMatchObject({ model: 'frontier', kind: 'shutdown', message: expect.stringContaining('2026-11-01') });
  });

  it('prints a table for people', async () => {
    await inStore((store) => store.pairs.append(traffic(0, 1_000, NOW - 2 * DAY)));
    await look(NOW - DAY);
    const { out, notes } = await review({ json: false });
    expect(out).toMatch(/classify {2}new/);
    expect(out).toContain('+++ smallfirst.lock');
    expect(notes).toEqual(['Nothing was written; --write puts it into the lock file.']);
  });
});
