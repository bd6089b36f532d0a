import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBareCall } from '../../../test/contracts/calls.ts';
import { storedPair } from '../../../test/support/life-pairs.ts';
import type { Output } from '../../core/index.ts';
import { gatherLifeEvidence } from '../../life/evidence.ts';
import { parseMetric } from '../../metrics/index.ts';
import { openDataDir, openSqliteStore, type Store } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { runLabel } from './label.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-active-'));
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: openai, model: gpt-mini }
  frontier: { provider: anthropic, model: claude-big }
tasks:
  sort: { output: { kind: label, labels: [card, loan] }, ladder: [small, frontier] }
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

const KINDS = ['the invoice came twice', 'where is my parcel now', 'closing this account today', 'a stolen wallet and papers'];
const pairs = Array.from({ length: 200 }, (_, i) =>
  storedPair({
    id: `r${i}`,
    task: 'sort',
    input: `${KINDS[i % 4]} no ${i}`,
    smallOutput: i % 10 === 0 ? 'loan' : 'card',
    bigOutput: 'card',
    smallQuality: i % 10 === 0 ? 0 : 1,
    confidence: (i % 50) / 50,
  }),
);

interface Queue {
  readonly sample: string;
  readonly items: readonly { readonly id: string; readonly why: string }[];
}

async function run(more: object, lines = ''): Promise<unknown> {
  const documents: unknown[] = [];
  const stdin = new PassThrough();
  stdin.end(lines);
  const io: CommandIo = {
    out: () => undefined,
    json: (document) => documents.push(document),
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: { USER: 'ann' },
    cwd: folder,
    signal: new AbortController().signal,
    width: 80,
    stdin: stdin as unknown as NodeJS.ReadStream,
  };
  await runLabel({ config: 'smallfirst.yaml', data: 'data', task: 'sort', sample: 'uniform', seed: 1, json: false, next: 20, ...more }, io);
  return documents[0];
}

describe('smallfirst label --next', () => {
  it('queues what teaches most with its reason, moves on when that is labelled, and its labels are fitted on and never certify', async () => {
    await owned(async (store) => {
      await store.pairs.append(pairs);
      await store.calls.append([
        aBareCall({ task: 'sort', requestId: 'r3', at: 1_000, outcome: 'escalated', model: 'small' }),
        aBareCall({ task: 'sort', requestId: 'r3', at: 1_001, purpose: 'escalation', model: 'frontier' }),
      ]);
    });
    const queue = (await run({ list: true })) as Queue;
    expect([queue.sample, queue.items.length]).toEqual(['active', 20]);
    expect(queue.items[0]).toMatchObject({ id: 'r3', why: expect.stringContaining('the small answer was not accepted') });
    expect(queue.items.filter(({ why }) => why.includes('answer differently')).length).toBeGreaterThan(5);

    const lines = queue.items.map(({ id }) => `${JSON.stringify({ id, label: 'loan' })}\n`).join('');
    expect(await run({ json: true }, lines)).toMatchObject({ sample: 'active', written: 20, remaining: 0 });
    const next = (await run({ list: true })) as Queue;
    expect(next.items.filter(({ id }) => queue.items.some((item) => item.id === id))).toEqual([]);

    const feedback = await owned(async (store) => (await store.feedback.list({}, { limit: 100 })).map((row) => row.feedback));
    expect(feedback.length).toBe(20);
    const output: Output = { kind: 'label', labels: ['card', 'loan'] };
    const evidence = gatherLifeEvidence(pairs, feedback, {
      scoring: { output, metric: parseMetric('exact') },
      trainedUntil: null,
      since: null,
    });
    const labelled = new Set(queue.items.map(({ id }) => id));
    const relabelled = (rows: readonly { readonly id: string; readonly by: string }[]) =>
      rows.filter(({ by }) => by === 'label').map(({ id }) => id);
    expect(relabelled(evidence.fit).length).toBeGreaterThan(0);
    expect(relabelled(evidence.fit).every((id) => labelled.has(id))).toBe(true);
    // Requests of the queue are among these, with the qualities that they had.
    expect([...evidence.certify, ...evidence.report].some(({ id }) => labelled.has(id))).toBe(true);
    expect(relabelled([...evidence.certify, ...evidence.report])).toEqual([]);
  });
});
