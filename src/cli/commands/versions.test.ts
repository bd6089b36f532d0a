import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedPair } from '../../../test/support/life-pairs.ts';
import { loadConfig, NO_LOCK } from '../../config/index.ts';
import { systemClock } from '../../core/index.ts';
import { pending, type VersionRecord } from '../../life/index.ts';
import { candidateTask, lifeTasks } from '../../life-worker.ts';
import { providers } from '../../providers/index.ts';
import { trainStudent } from '../../student/index.ts';
import type { CommandIo } from '../io.ts';
import { runModelsPromote } from './models-promote.ts';
import { trainedOn, trainedRows } from './promote-evidence.ts';
import { gatherVersions } from './versions-gather.ts';
import { parseMoment } from './versions-time.ts';

let folder: string;
let printed: unknown = null;
const UNTIL = '2026-11-01T12:00:00Z';

const yaml = (ladder: string, mode = 'live') => `
models:
  small: { provider: openai, model: tiny, apiKey: k, price: { input: 1, output: 2 } }
  small@2: { provider: openai, model: "ft:tiny:2", apiKey: k, price: { input: 1, output: 2 }, trained: { until: "${UNTIL}", dataset: abc, rows: 9, job: ft-1 } }
  frontier: { provider: openai, model: huge, apiKey: k, price: { input: 10, output: 20 } }
students:
  sort: { path: students/sort }
tasks:
  sort: { output: { kind: label, labels: [a, b] }, ladder: ${ladder}, mode: ${mode} }
`;
const config = async (ladder: string, mode?: string) => {
  await writeFile(join(folder, 'smallfirst.yaml'), yaml(ladder, mode));
  return loadConfig(join(folder, 'smallfirst.yaml'), {}, { providers });
};
const train = (name: string) => {
  const rows = Array.from({ length: 24 }, (_, i) => ({ text: `${i % 2 === 0 ? 'alpha' : 'beta'} ${i}`, label: i % 2 === 0 ? 'a' : 'b' }));
  return trainStudent({ rows, outDir: join(folder, 'students', name), seed: 1, clock: systemClock });
};
const shown = ({ model, isOnLadder, stage, lineage }: VersionRecord) => [model, isOnLadder, stage, lineage.kind, lineage.rows];
const io = (): CommandIo => ({
  out: () => {},
  json: (document) => {
    printed = document;
  },
  note: () => {},
  progress: () => ({ advance: () => {}, end: () => {} }),
  env: {},
  cwd: folder,
  signal: new AbortController().signal,
  width: 120,
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-versions-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('versions of a model', () => {
  it('are what the ladder names, what lies beside it, and what the config holds unused; a student without a version is no model then', async () => {
    await train('sort@1');
    await train('sort@2');
    await mkdir(join(folder, 'students', 'sort@broken'));
    const read = await config('[student/sort@2, small, frontier]');
    expect([...read.models.keys()]).toEqual(['small', 'small@2', 'frontier', 'student/sort@2']);
    expect(read.models.get('student/sort@2')?.path).toBe(join(folder, 'students', 'sort@2'));
    const versions = await gatherVersions(read.tasks.get('sort')!, null, { config: read, lock: NO_LOCK, now: Date.now() });
    expect(versions.map(shown).sort()).toEqual([
      ['small', true, 'trained', 'model', null],
      ['small@2', false, 'trained', 'fine-tuned', 9],
      ['student/sort@1', false, 'trained', 'student', 24],
      ['student/sort@2', true, 'trained', 'student', 24],
      ['student/sort@broken', false, 'trained', 'student', null],
    ]);
    const tuned = versions.find(({ model }) => model === 'small@2')?.lineage;
    expect(tuned).toMatchObject({ hash: 'openai/ft:tiny:2', dataset: 'abc', job: 'ft-1', until: Date.parse(UNTIL) });
  });

  it('let evidence begin after the training of a fine-tuned model, as after that of a student', async () => {
    await train('sort');
    const read = await config('[student/sort, small@2, small, frontier]');
    const [task] = await lifeTasks(read);
    const until = new Map(task?.candidates.map(({ small, trainedUntil }) => [small, trainedUntil]));
    expect(until.get('small@2')).toBe(Date.parse(UNTIL));
    expect(until.get('student/sort')).toBeGreaterThan(Date.parse(UNTIL));
    expect(until.get('small')).toBe(null);
    const earlier = await candidateTask(read, read.tasks.get('sort')!, read.models.get('small@2')!, 5);
    expect(earlier).toMatchObject({ big: 'frontier', method: 'score', candidates: [{ small: 'small@2', trainedUntil: 5 }] });
  });

  it('are refused at the gate where no request reaches them, and where their cut-off cannot be checked', async () => {
    const promote = async (model: string, more: object = {}) =>
      runModelsPromote(
        model,
        { config: 'smallfirst.yaml', data: 'data', task: 'sort', maxP95LatencyRatio: 1.5, json: true, ...more },
        io(),
      );
    await config('[small, frontier]');
    await expect(promote('small@2')).rejects.toThrow('Put it on the ladder');
    await config('[small@2, frontier]', 'observe');
    await expect(promote('small@2')).rejects.toThrow('only observed');
    await config('[small@2, frontier]');
    expect(await promote('small@2')).toBe(1);
    expect(printed).toMatchObject({ outcome: 'not-enough', incumbent: null, evidence: { n: 0, size: 500, morePairs: 834 } });
    await expect(promote('small@2', { cutoff: '2026-10-01' })).rejects.toThrow('--cutoff needs --trained-on');
    await expect(promote('small@2', { trainedOn: 'none.jsonl' })).rejects.toThrow('There are no rows');
    await expect(promote('small@2', { task: 'other' })).rejects.toThrow('has no task "other"');
    expect(() => parseMoment('--cutoff', '2026-10-01T99:00:00Z')).toThrow('--cutoff takes');
    expect(parseMoment('--cutoff', '2026-10-01')).toBe(Date.parse('2026-10-01T00:00:00Z'));
  });
});

describe('rows that a model was trained on', () => {
  it('are no evidence, by their own id and as near-duplicates of a request', async () => {
    const file = join(folder, 'rows.jsonl');
    await writeFile(
      file,
      '{"id":"r1","text":"where is my parcel with the blue lamp"}\n\n{"id":7,"text":"please refund the broken lamp of last week"}\n',
    );
    const rows = await trainedRows(file);
    const pairs = [
      storedPair({ id: 'r1', input: 'something else entirely' }),
      storedPair({ id: 'p2', requestId: '7', input: null }),
      storedPair({ id: 'p3', input: 'Please refund the broken lamp of last  week!' }),
      storedPair({ id: 'p4', input: 'please refund the broken chair of last year' }),
      storedPair({ id: 'p5', input: null }),
    ];
    expect([...trainedOn(pairs, rows)].sort()).toEqual(['p2', 'p3', 'r1']);
    await writeFile(file, '{"text":"fine"}\n{"label":"a"}\n');
    await expect(trainedRows(file)).rejects.toMatchObject({ code: 'INPUT_INVALID', position: { line: 2 } });
    await writeFile(file, 'no json\n');
    await expect(trainedRows(file)).rejects.toThrow('not JSON');
  });
});

describe('a proposal of a version', () => {
  const certificate = { id: 'c', small: 'small@2', big: 'frontier', pins: {}, issuedAt: 0, expiresAt: 99, verdict: 'swap' };
  const question = (events: readonly object[]) =>
    ({
      task: { name: 'sort', mode: 'live', ladder: ['small@2', 'frontier'] },
      locked: null,
      proposals: [{ certificate, look: null, at: 10 }],
      pins: new Map(),
      served: new Map(),
      events,
      looks: [],
      voided: new Map(),
      now: 50,
    }) as unknown as Parameters<typeof pending>[0];
  const event = (kind: string, detail: object) => ({ id: kind, task: 'sort', at: 20, kind, certificate: null, reason: '', detail });

  it('waits for nobody once the version was retired or was worse on the golden set', () => {
    expect(pending(question([]))).toHaveLength(1);
    expect(pending(question([event('golden', { model: 'small@2', alarm: 'none' })]))).toHaveLength(1);
    expect(pending(question([event('golden', { model: 'small@2', alarm: 'regression' })]))).toEqual([]);
    expect(pending(question([event('retired', { model: 'small@2' })]))).toEqual([]);
    expect(pending(question([event('retired', { model: 'small' })]))).toHaveLength(1);
  });
});
