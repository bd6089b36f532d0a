import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import type { NanoUsd } from '../../core/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { runTasks, type TasksDocument } from './tasks.ts';

const now = Date.UTC(2026, 10, 22, 12);
const clock = { now: () => now, monotonic: () => 0 };
const label = 'a1'.repeat(32);
const draft = 'b2'.repeat(32);

function captureIo({ cwd }: { readonly cwd: string }) {
  const output: { out: string; json: unknown } = { out: '', json: null };
  const io: CommandIo = {
    out: (text) => {
      output.out += text;
    },
    json: (document) => {
      output.json = document;
    },
    note: () => {},
    progress: () => ({ advance: () => {}, end: () => {} }),
    env: {},
    cwd,
    signal: new AbortController().signal,
    width: 120,
  };
  return { io, output };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-tasks-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function record(): Promise<void> {
  const data = await openDataDir(join(folder, '.smallfirst'));
  const store = await openSqliteStore(data.database);
  const call = (parts: Parameters<typeof aCall>[0]) => aCall({ at: now - 1_000, cost: 1_000_000 as NanoUsd, ...parts });
  await store.templates.put([{ hash: draft, masked: 'You draft replies\nfor {name}.', at: now }]);
  await store.calls.append([
    call({ task: 'classify', fingerprint: label }),
    call({ task: 'classify', fingerprint: label, at: now - 3_600_000 }),
    call({ task: null, fingerprint: draft, cost: 5_000_000 as NanoUsd }),
    call({ task: null, fingerprint: null, purpose: 'passthrough' }),
    call({ task: null, fingerprint: draft, at: now - 40 * 86_400_000 }),
  ]);
  await store.close();
  await data.release();
}

const yaml = `
models: { big: { provider: openai, model: x } }
tasks:
  classify: { output: { kind: text }, ladder: [big], fingerprints: [${label}] }
  unused: { output: { kind: text }, ladder: [big] }
`;

describe('smallfirst tasks', () => {
  it('lists named and discovered tasks with volume, cost, share and template', async () => {
    await record();
    await writeFile(join(folder, 'smallfirst.yaml'), yaml);
    const { io, output } = captureIo({ cwd: folder });
    expect(await runTasks({ data: '.smallfirst', days: 30, json: true }, io, clock)).toBe(0);
    const document = output.json as TasksDocument;
    expect(document.requests).toBe(4);
    expect(
      document.tasks.map(({ task, declared, requests, costUsd, share, fingerprints }) => [
        task,
        declared,
        requests,
        costUsd,
        share,
        fingerprints,
      ]),
    ).toEqual([
      ['classify', true, 2, 0.002, 0.5, [label]],
      ['unused', true, 0, 0, 0, []],
    ]);
    expect(document.discovered.map(({ fingerprint, template, requests, costUsd }) => [fingerprint, template, requests, costUsd])).toEqual([
      [draft, 'You draft replies\nfor {name}.', 1, 0.005],
      [null, null, 1, 0.001],
    ]);
    expect([document.tasks[0]?.firstSeen, document.tasks[0]?.lastSeen, document.tasks[1]?.lastSeen]).toEqual([
      '2026-11-22T11:00:00.000Z',
      '2026-11-22T11:59:59.000Z',
      null,
    ]);
  });

  it('says how to name what has no name yet', async () => {
    await record();
    const { io, output } = captureIo({ cwd: folder });
    await runTasks({ data: '.smallfirst', days: 30, json: false }, io, clock);
    expect(output.out).toContain('You draft replies for {name}.');
    expect(output.out).toContain(`    fingerprints: [${draft}]`);
    expect(output.out).toContain('$0.005');
  });
});
