import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedPair } from '../test/support/life-pairs.ts';
import { parseConfig } from './config/index.ts';
import { systemClock } from './core/index.ts';
import { lifeTasks, openLife } from './life-worker.ts';
import { openSqliteStore, type Store } from './store/index.ts';

const yaml = `
models:
  small: { provider: openai, model: gpt-4o-mini-2024-07-18, apiKey: secret-of-small }
  mid: { provider: openai, model: gpt-4.1-mini-2025-04-14, apiKey: k }
  frontier: { provider: openai, model: gpt-4o-2024-08-06, apiKey: k }
tasks:
  classify:
    output: { kind: label, labels: [yes, no] }
    ladder: [small, mid, frontier]
    floor: { retain: 0.95, level: 0.95 }
  shadowed:
    method: evalue
    output: { kind: label, labels: [yes, no] }
    ladder: [small, mid, frontier]
    shadow: { share: 0.1, candidates: [mid] }
  watched:
    mode: observe
    output: { kind: label, labels: [yes, no] }
    ladder: [small, frontier]
  alone:
    output: { kind: text }
    ladder: [frontier]
`;
const config = parseConfig(yaml, 'smallfirst.yaml', {});

describe('tasks that are looked at', () => {
  it('are those with somebody to look at, as plain data without secrets', async () => {
    const tasks = await lifeTasks(config);
    expect(tasks.map(({ task, big, candidates }) => [task.name, big, candidates.map(({ small }) => small)])).toEqual([
      ['classify', 'frontier', ['small', 'mid']],
      ['shadowed', 'frontier', ['mid']],
    ]);
    expect(tasks.map(({ method }) => method)).toEqual(['score', 'evalue']);
    expect(tasks[0]?.candidates[0]).toMatchObject({ trainedUntil: null, pins: { small: 'openai/gpt-4o-mini-2024-07-18' } });
    expect(JSON.stringify(structuredClone(tasks))).not.toContain('secret-of-small');
  });
});

describe('the thread of the looks', () => {
  let folder: string;
  let store: Store;
  const path = (): string => join(folder, 'store.db');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'smallfirst-life-'));
    store = await openSqliteStore(path());
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('looks on request and by its timer, over its own connection, at the time of the clock that it was given', async () => {
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    const ahead = { ...systemClock, now: () => systemClock.now() + 86_400_000, monotonic: () => systemClock.monotonic() };
    const life = openLife(config, { kind: 'sqlite', path: path() }, { clock: ahead, warn, everyMs: 20 });
    try {
      expect(await life.look()).toEqual([]);
      const now = Date.now();
      await store.pairs.append(Array.from({ length: 1_000 }, (_, i) => storedPair({ id: `request-${i}`, at: now + i })));
      // The timer's round may come first: then there is nothing left for ours.
      const mine = await life.look();
      const looks = await store.looks.list({ task: 'classify' });
      expect(looks).toHaveLength(1);
      expect([[], looks]).toContainEqual(mine);
      expect(looks[0]).toMatchObject({ small: 'small', k: 1, verdict: 'swap', by: 'schedule' });
      expect(looks[0]!.at).toBeGreaterThan(now + 80_000_000);
      expect((await store.events.list({ task: 'classify' })).map(({ kind }) => kind)).toEqual(['proposed']);
      const asked = await life.look('classify');
      expect(asked).toMatchObject([{ by: 'person', k: 2 }]);
    } finally {
      await life.close();
    }
    expect(warnings).toEqual([]);
    await expect(life.look()).rejects.toThrow('has ended');
  });

  it('says what keeps it from looking, and goes on', async () => {
    const warnings: string[] = [];
    const nowhere = { kind: 'sqlite', path: join(folder, 'no', 'such', 'folder.db') } as const;
    const life = openLife(config, nowhere, { clock: systemClock, warn: (message) => warnings.push(message) });
    await expect(life.look()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(life.look('classify')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await life.close();
  });
});
