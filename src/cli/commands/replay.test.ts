import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedPair } from '../../../test/support/life-pairs.ts';
import { type LockedCertificate, NO_LOCK, withCertificate, writeLock } from '../../config/index.ts';
import { type Call, type Clock, type NanoUsd, newId, usage } from '../../core/index.ts';
import type { Store } from '../../store/index.ts';
import { openStoreToWrite } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';
import { runReplay } from './replay.ts';
import { type ReplayDocument, replayJsonSchema } from './replay-schema.ts';
import { parseSince } from './replay-since.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 9, 20, 12);
const clock: Clock = { now: () => NOW, monotonic: () => 0 };
const conforms = new Ajv2020({ formats: { 'date-time': true } }).compile(replayJsonSchema());

const CONFIG = `models:
  small: { provider: openai, model: small-2026-01-01, url: "http://127.0.0.1:9/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: openai, model: big-2026-01-01, url: "http://127.0.0.1:9/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify: { output: { kind: label, labels: [card, loan] }, ladder: [small, frontier], prompt: "Sort: {{input}}" }
`;

const certificate: LockedCertificate = {
  id: 'certificate-1',
  task: 'classify',
  small: 'small',
  big: 'frontier',
  verdict: 'cascade',
  threshold: 0.5,
  signal: 'token',
  calibrator: { kind: 'identity' },
  gate: null,
  method: 'score',
  floor: { retain: 0.98, level: 0.95 },
  look: 1,
  delta: 0.025,
  pairs: 500,
  accepted: 0.5,
  retained: 1,
  retainedLowerBound: 0.99,
  counts: { kept: 500, lost: 0, gained: 0 },
  evidenceHash: 'ab'.repeat(32),
  pins: { small: 'another model' },
  issuedAt: NOW - 90 * DAY,
  expiresAt: NOW - 60 * DAY,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-replay-'));
  await writeFile(join(folder, 'smallfirst.yaml'), CONFIG);
  await writeLock(join(folder, 'other.lock'), withCertificate(NO_LOCK, certificate));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A call with 1,000 tokens in and none out, at the price of the config. */
function call(requestId: string, model: 'small' | 'frontier', over: Partial<Call> = {}): Call {
  return {
    id: newId(),
    requestId,
    at: NOW - DAY,
    task: 'classify',
    step: null,
    pipeline: null,
    key: null,
    team: null,
    model,
    provider: 'openai',
    servedModel: null,
    tier: model,
    purpose: 'answer',
    outcome: 'accepted',
    error: null,
    stop: 'done',
    usage: usage({ freshInput: 1_000 }),
    usageSource: 'reported',
    priceId: null,
    cost: (model === 'small' ? 1_000_000 : 10_000_000) as NanoUsd,
    latencyMs: 10,
    firstTokenMs: null,
    streamed: false,
    confidence: null,
    decision: null,
    fingerprint: null,
    bodyHash: null,
    tags: {},
    ...over,
  };
}

async function record(fill: (store: Store) => Promise<unknown>): Promise<void> {
  const store = await openStoreToWrite(join(folder, 'data'));
  try {
    await fill(store);
  } finally {
    await store.close();
  }
}

/** Four requests that the ceiling answered; of three the small model was asked in the shadow, sure of two, wrong in one of them. */
async function shadowed(): Promise<void> {
  const requests = [0.9, 0.8, 0.2].map((token, i) => ({ id: newId(), token, smallQuality: i === 1 ? 0 : 1 }));
  const alone = newId();
  await record(async (store) => {
    await store.calls.append([
      ...requests.flatMap(({ id }) => [call(id, 'frontier'), call(id, 'small', { purpose: 'shadow', outcome: 'observed' })]),
      call(alone, 'frontier'),
      call(newId(), 'frontier', { at: NOW - 40 * DAY }),
    ]);
    const costs = { smallCost: 1_000_000 as NanoUsd, bigCost: 10_000_000 as NanoUsd };
    await store.pairs.append(
      requests.map(({ id, token, smallQuality }) =>
        storedPair({ id, requestId: id, at: NOW - DAY, signals: { token }, smallQuality, inclusion: 0.5, ...costs }),
      ),
    );
  });
}

async function replay(options: Partial<Parameters<typeof runReplay>[0]> = {}) {
  const said = { out: '', documents: [] as ReplayDocument[] };
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document as ReplayDocument),
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  const usual = { policy: 'other.lock', since: parseSince('30d'), config: 'smallfirst.yaml', data: 'data', json: true };
  const code = await runReplay({ ...usual, ...options }, io, clock);
  const [document] = said.documents;
  if (document !== undefined) expect(conforms(document), JSON.stringify(conforms.errors)).toBe(true);
  return { code, task: document?.tasks[0], out: said.out };
}

describe('smallfirst replay', () => {
  it('prices and scores another lock file on what was recorded, whatever its pins and expiry', async () => {
    await shadowed();
    const { code, task } = await replay();
    expect(code).toBe(0);
    const { retained, ...rest } = task!;
    // Sure twice, unsure once: 1 + 1 + (1 + 10) million nano-dollars, where the ceiling took 3 × 10.
    expect(rest).toEqual({
      task: 'classify',
      policy: { ladder: ['small', 'frontier'], certificate: 'certificate-1', threshold: 0.5, routes: true },
      requests: 4,
      replayed: 3,
      beforeUsd: 0.03,
      afterUsd: 0.013,
      unpricedCalls: { before: 0, after: 0 },
      kept: 2 / 3,
      escalated: 1,
      refused: 0,
      notReplayable: [{ why: 'unrecorded', model: 'small', requests: 1 }],
      floor: 0.98,
    });
    expect(retained).toMatchObject({ retained: expect.closeTo(2 / 3, 10), rows: 3, audits: 2, level: 0.95 });
    expect(retained!.low).toBeLessThan(2 / 3);
    expect(retained!.high).toBeGreaterThan(2 / 3);
  });

  it('needs a person where pairs show that a floor is missed', async () => {
    await record((store) =>
      store.pairs.append(
        Array.from({ length: 100 }, (_, i) => storedPair({ id: `${i}`, at: NOW - DAY, signals: { token: 0.9 }, smallQuality: i % 2 })),
      ),
    );
    const { code, task } = await replay();
    expect({ code, requests: task!.requests, kept: task!.kept }).toEqual({ code: 1, requests: 0, kept: null });
  });

  it('takes a config with its own prices, thresholds and modes', async () => {
    await shadowed();
    const config = CONFIG.replace('input: 10', 'input: 5').replace('ladder:', 'mode: observe, ladder:');
    await writeFile(join(folder, 'other.yaml'), config);
    const { task } = await replay({ policy: 'other.yaml' });
    // Only observed: the ceiling answers all four, at half the price.
    expect(task).toMatchObject({ replayed: 4, beforeUsd: 0.04, afterUsd: 0.02, kept: 0, retained: null, policy: { routes: false } });
  });

  it('reads no confidence that another calibrator made', async () => {
    const id = newId();
    const rows = [call(id, 'small', { outcome: 'escalated', confidence: 0.7 }), call(id, 'frontier', { purpose: 'escalation' })];
    await record((store) => store.calls.append(rows));
    const recordedBy = { ...certificate, id: 'older', issuedAt: NOW - 2 * DAY };
    const own = (lock: LockedCertificate) => writeLock(join(folder, 'smallfirst.lock'), withCertificate(NO_LOCK, lock));
    await own(recordedBy);
    expect((await replay()).task).toMatchObject({ replayed: 1, kept: 1, beforeUsd: 0.011, afterUsd: 0.001, notReplayable: [] });
    await own({ ...recordedBy, calibrator: { kind: 'platt', input: 'value', slope: 1, intercept: 0, n: 10 } });
    const unread = [{ why: 'no-confidence', model: 'small', requests: 1 }];
    expect((await replay()).task).toMatchObject({ replayed: 0, kept: null, notReplayable: unread });
    await own({ ...recordedBy, issuedAt: NOW });
    expect((await replay()).task).toMatchObject({ replayed: 0, notReplayable: unread });
  });

  it('is told apart from a policy that is not there, a misspelt task and an empty record', async () => {
    await expect(replay({ policy: 'none.lock' })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(replay()).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await record(async () => undefined);
    expect((await replay()).task).toMatchObject({ requests: 0, replayed: 0, beforeUsd: 0, afterUsd: 0, retained: null });
    await expect(replay({ task: 'clasify' })).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
      message: expect.stringContaining('"classify"'),
    });
  });

  it('prints a table for people', async () => {
    await shadowed();
    const { out } = await replay({ json: false });
    expect(out).toContain('3 of 4');
    expect(out).toContain('requests that would have called small, which was not asked then: 1');
  });

  it.each([
    ['12h', { agoMs: DAY / 2 }],
    ['2026-10-01', { at: Date.UTC(2026, 9, 1) }],
  ])('looks back as far as %s says', (text, since) => {
    expect(parseSince(text)).toEqual(since);
  });

  it.each(['0d', '30', 'soon', '2026-13-01'])('refuses to look back %s', (text) => {
    expect(() => parseSince(text)).toThrow('as 30d or 12h');
  });
});
