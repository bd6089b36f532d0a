import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Config,
  type Lock,
  type LockedCertificate,
  loadConfig,
  lockPathOf,
  NO_LOCK,
  pinsOf,
  withCertificate,
  writeLock,
} from '../../src/config/index.ts';
import type { Call } from '../../src/core/index.ts';
import { openGatewayApp } from '../../src/gateway-app.ts';
import { judgeOf } from '../../src/judge/index.ts';
import { providers } from '../../src/providers/index.ts';
import type { StoredPair, TaskEvent } from '../../src/store/index.ts';
import { openStoreToRead } from '../../src/store-location.ts';

/** A gateway with tasks, on loopback, over scripted models. */
export interface CascadeWorld {
  readonly url: string;
  readonly config: Config;
  readonly folder: string;
  post(
    path: string,
    body: object | string,
    options?: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal },
  ): Promise<Response>;
  /** Puts certificates in force at once. */
  certify(...certificates: readonly Partial<LockedCertificate>[]): Promise<void>;
  reload(): Promise<void>;
  /** Stops the gateway and starts it again on the same record. */
  restart(): Promise<void>;
  /** Stops the gateway and returns everything that it recorded, oldest first. */
  record(): Promise<WorldRecord>;
  /** Stops the gateway and returns every row that it recorded, oldest first. */
  rows(): Promise<readonly Call[]>;
  remove(): Promise<void>;
}

/** What a gateway recorded. */
export interface WorldRecord {
  readonly rows: readonly Call[];
  readonly pairs: readonly StoredPair[];
  readonly events: readonly TaskEvent[];
}

/** A certificate of the config's own models, in force, with the given members in place. */
export function certificateFor(config: Config, parts: Partial<LockedCertificate>): LockedCertificate {
  const task = config.tasks.get(parts.task ?? 'classify');
  const small = config.models.get(parts.small ?? task?.ladder[0] ?? '');
  const big = config.models.get(parts.big ?? task?.ladder.at(-1) ?? '');
  if (!task || !small || !big) throw new Error('no such task');
  return {
    id: 'certificate-1',
    task: task.name,
    small: small.name,
    big: big.name,
    verdict: 'cascade',
    threshold: 0.8,
    signal: 'token',
    calibrator: { kind: 'identity' },
    gate: null,
    method: 'score',
    floor: { retain: 0.98, level: 0.95 },
    look: null,
    delta: 0.04,
    pairs: 1_000,
    accepted: 0.8,
    retained: 0.99,
    retainedLowerBound: 0.98,
    counts: { kept: 1, lost: 0, gained: 0 },
    evidenceHash: 'ab'.repeat(32),
    pins: pinsOf({ task, small, big, smallVersion: null, judge: judgeOf(task, config.models) }),
    issuedAt: Date.now() - 1_000,
    expiresAt: Date.now() + 3_600_000,
    ...parts,
  };
}

export async function openCascadeWorld(yaml: string): Promise<CascadeWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'smallfirst-cascade-'));
  const file = join(folder, 'smallfirst.yaml');
  const dataDir = join(folder, 'data');
  await writeFile(file, yaml);
  const config = await loadConfig(file, {}, { providers });
  const open = () =>
    openGatewayApp(config, { host: '127.0.0.1', port: 0, dataDir, environment: {}, version: '0.0.0', logTo: join(folder, 'log') });
  let app = await open();
  let isOpen = true;
  const stop = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await app.close();
  };
  const record = async (): Promise<WorldRecord> => {
    await stop();
    const store = await openStoreToRead(dataDir);
    try {
      const rows = [...(await store.calls.list({}, { limit: 10_000 }))].sort((a, b) => (a.id < b.id ? -1 : 1));
      const pairs = await Promise.all([...config.tasks.keys()].map((task) => store.pairs.list({ task })));
      return { rows, pairs: pairs.flat(), events: await store.events.list({}) };
    } finally {
      await store.close();
    }
  };
  return {
    get url() {
      return app.url;
    },
    config,
    folder,
    post: (path, body, options = {}) =>
      fetch(`${app.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...options.headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    certify: async (...certificates) => {
      const lock = certificates.map((parts) => certificateFor(config, parts)).reduce<Lock>(withCertificate, NO_LOCK);
      await writeLock(lockPathOf(config.file), lock);
      await app.reload();
    },
    reload: () => app.reload(),
    restart: async () => {
      await stop();
      app = await open();
      isOpen = true;
    },
    record,
    rows: async () => (await record()).rows,
    remove: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
