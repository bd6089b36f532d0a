import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aCall } from '../../test/contracts/calls.ts';
import { type Lock, NO_LOCK, type Pin, parseConfig, withPin } from '../config/index.ts';
import { FINGERPRINT_TAG, newId } from '../core/index.ts';
import { openSqliteStore, type Store, type TaskEvent } from '../store/index.ts';
import { type PinWatch, startPinWatch } from './pins-watch.ts';

const CONFIG = parseConfig(
  `models:
  small: { provider: openai, model: gpt-4o-mini-2024-07-18 }
  big: { provider: anthropic, model: claude-opus-5 }
tasks:
  one: { output: { kind: label, labels: [a, b] }, ladder: [small, big] }
  two: { output: { kind: label, labels: [a, b] }, ladder: [small, big] }
`,
  '/p/smallfirst.yaml',
  {},
);
const DAY = 86_400_000;
const SHUTDOWN = Date.UTC(2027, 0, 14);

let folder: string;
let store: Store;
let watch: PinWatch | null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-watch-'));
  store = await openSqliteStore(join(folder, 'store.db'));
  watch = null;
});
afterEach(async () => {
  watch?.stop();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** A watch that is looked at by hand: its own first look and a later one are the same work. */
function open(at: { now: number; lock: Lock }) {
  const made: TaskEvent[] = [];
  const warned: string[] = [];
  watch = startPinWatch({
    config: CONFIG,
    lock: () => Promise.resolve(at.lock),
    store: () => Promise.resolve(store),
    event: (event) => void made.push(event),
    warn: (message) => void warned.push(message),
    clock: { now: () => at.now, monotonic: () => 0 },
  });
  return { watch, made, warned };
}

describe('the daily look at the pins', () => {
  it('makes one event for each task and each alert level of a shutdown', async () => {
    const at = { now: SHUTDOWN - 95 * DAY, lock: NO_LOCK };
    const { watch: pins, made } = open(at);
    const alerts = async (daysLeft: number) => {
      at.now = SHUTDOWN - daysLeft * DAY;
      const before = made.length;
      await pins.check();
      return made.slice(before).map(({ task, kind, detail }) => [task, kind, (detail as { alert: number }).alert]);
    };
    expect(await alerts(95)).toEqual([]);
    expect(await alerts(88)).toEqual([
      ['one', 'deprecation', 90],
      ['two', 'deprecation', 90],
    ]);
    expect(await alerts(87)).toEqual([]);
    expect(await alerts(30)).toEqual([
      ['one', 'deprecation', 30],
      ['two', 'deprecation', 30],
    ]);
    expect(await alerts(5)).toEqual([
      ['one', 'deprecation', 7],
      ['two', 'deprecation', 7],
    ]);
    expect(await alerts(-1)).toEqual([
      ['one', 'deprecation', 0],
      ['two', 'deprecation', 0],
    ]);
    expect(made[0]).toMatchObject({
      certificate: null,
      reason: expect.stringContaining('small (openai/gpt-4o-mini-2024-07-18) is turned off on 2027-01-14, in 88 days'),
      detail: { alias: 'small', on: '2027-01-14', daysLeft: 88, replacement: 'gpt-6-luna' },
    });
  });

  it('says nothing twice after a restart', async () => {
    const at = { now: SHUTDOWN - 20 * DAY, lock: NO_LOCK };
    const first = open(at);
    await first.watch.check();
    await store.events.add(first.made);
    first.watch.stop();
    const second = open(at);
    await second.watch.check();
    expect(first.made).toHaveLength(2);
    expect(second.made).toEqual([]);
    expect(second.warned).not.toEqual([]);
  });

  it('records that another model answers than the one that was pinned', async () => {
    const now = Date.UTC(2026, 5, 1);
    const pin: Pin = {
      alias: 'big',
      provider: 'anthropic',
      model: 'claude-opus-5',
      servedModel: 'claude-opus-5',
      systemFingerprints: ['fp_1'],
      firstSeen: now - DAY,
      lastSeen: now - DAY,
      shutdown: null,
    };
    const answered = { model: 'big', provider: 'anthropic', servedModel: 'claude-opus-5-1', tags: { [FINGERPRINT_TAG]: 'fp_2' } };
    await store.calls.append([aCall({ id: newId(), at: now - 1_000, ...answered })]);
    const { watch: pins, made, warned } = open({ now, lock: withPin(NO_LOCK, pin) });
    await pins.check();
    await pins.check();
    expect(made.map(({ task, kind, detail }) => [task, kind, (detail as { observed: string }).observed])).toEqual([
      ['one', 'drift', 'claude-opus-5-1'],
      ['two', 'drift', 'claude-opus-5-1'],
      ['one', 'drift', 'fp_2'],
      ['two', 'drift', 'fp_2'],
    ]);
    expect(warned).toContain(
      'big was "claude-opus-5" when it was pinned and answers as "claude-opus-5-1": certificates on it prove nothing any more.',
    );
  });

  it('goes on when the store does not answer', async () => {
    const { watch: pins, warned, made } = open({ now: SHUTDOWN - 20 * DAY, lock: NO_LOCK });
    await pins.check();
    await store.close();
    await expect(pins.check()).resolves.toBeUndefined();
    expect(warned.some((message) => message.startsWith('the pins could not be checked'))).toBe(true);
    expect(made).toHaveLength(2);
    store = await openSqliteStore(join(folder, 'store.db'));
  });
});
