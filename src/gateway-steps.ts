import { unwatchFile, watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type Config,
  type Lock,
  lockPathOf,
  NO_LOCK,
  readLock,
  refuseUnpinned,
  unpinnedUses,
  withoutCertificates,
} from './config/index.ts';
import { type Model, SmallfirstError } from './core/index.ts';
import {
  EscalationCaps,
  SignalWatch,
  type Steps,
  TaskPolicies,
  TaskResolver,
  TemplateBook,
  type TemplateBookDeps,
} from './gateway/index.ts';
import { type LiveWorld, type OpenLive, openLive } from './gateway-live.ts';
import { ClientRegistry, loadRecording, type ModelClient, type Upstreams, vendorOf } from './providers/index.ts';
import { loadStudent } from './student/index.ts';

/** How often the lock file is looked at: a new certificate is in force soon after it was written. */
const LOCK_LOOK_MS = 2_000;
/** How often new templates are kept. */
const BOOK_MS = 5_000;

/** Tasks at work: who may answer them, and the models that do. */
export interface OpenSteps {
  readonly steps: Steps;
  /** Reads the lock file again. A file that cannot be read licenses nothing, and is warned of. */
  reload(): Promise<void>;
  /** How tasks stand in traffic, and what runs beside their answers. */
  readonly live: Pick<OpenLive, 'standing' | 'stop' | 'settled' | 'dropped'>;
  /** Keeps what is still to be kept. */
  close(): Promise<void>;
}

/** What tasks need of the rest of a gateway. */
export type StepsWorld = TemplateBookDeps & Omit<LiveWorld, 'models'>;

/** A lock that came while serving, without the certificates that would have been refused at the start. */
function withoutUnpinned(config: Config, lock: Lock, warn: (message: string) => void): Lock {
  const uses = unpinnedUses(config, lock);
  for (const { task, models } of uses) {
    warn(
      `the certificate of ${task} is not followed: ${models.join(' and ')} goes by a name that its vendor moves; pin it, or write allowUnpinned: true`,
    );
  }
  return withoutCertificates(
    lock,
    uses.map(({ task }) => task),
  );
}

/** Opens the tasks of a config: its lock file, and every model that is not called over HTTP. Throws what they throw. */
export async function openSteps(config: Config, upstreams: Upstreams, world: StepsWorld): Promise<OpenSteps> {
  const { warn } = world;
  const registry = new ClientRegistry({
    loadRecording,
    loadStudent,
    upstream: (name) => upstreams.get(name),
    folder: dirname(resolve(config.file)),
  });
  const clients = new Map<string, ModelClient>();
  for (const model of config.models.values()) clients.set(model.name, await registry.client(model));
  const path = config.tasks.size === 0 ? null : lockPathOf(config.file);
  let lock: Lock = path === null ? NO_LOCK : await readLock(path);
  await refuseUnpinned(config, unpinnedUses(config, lock));
  const found = <Value>(value: Value | undefined, name: string): Value => {
    if (value !== undefined) return value;
    throw new SmallfirstError('MODEL_NOT_FOUND', `There is no model "${name}".`);
  };
  const model = (name: string): Model => found(config.models.get(name), name);
  const client = (name: string): ModelClient => found(clients.get(name), name);
  const live = await openLive(config, { ...world, models: { model, client, observe: (name, served) => policies.observe(name, served) } });
  const policies = new TaskPolicies({
    models: config.models,
    lock: () => lock,
    version: (name) => clients.get(name)?.version ?? null,
    triage: (task) => live.triages.version(task),
    onVoided: (voided) => live.tasks.voided(voided),
  });
  await live.adopt(lock);
  let asked = 0;
  let latest: Promise<void> = Promise.resolve();
  const reload = (): Promise<void> => {
    if (path === null) return latest;
    asked += 1;
    latest = follow(path, asked);
    return latest;
  };
  const follow = async (path: string, mine: number): Promise<void> => {
    const read = await readLock(path).catch((error: unknown) => {
      warn(`smallfirst.lock cannot be read, so the frontier answers everything: ${error instanceof Error ? error.message : String(error)}`);
      // What nobody can read certifies nothing.
      return NO_LOCK;
    });
    // The file is read on its own change and when told to: a reading that began earlier must not undo a later one, and who asked for it
    // is told when the later one is followed.
    if (mine !== asked) return latest;
    const next = withoutUnpinned(config, read, warn);
    await live.adopt(next);
    if (mine !== asked) return latest;
    lock = next;
  };
  const templates = new TemplateBook(world);
  const keeping = setInterval(() => void templates.flush(), BOOK_MS);
  keeping.unref();
  const onChange = (): void => void reload();
  if (path !== null) watchFile(path, { interval: LOCK_LOOK_MS, persistent: false }, onChange);
  return {
    live,
    steps: {
      templates,
      escalations: new EscalationCaps({ clock: world.clock, warn }),
      signals: new SignalWatch(warn),
      resolver: new TaskResolver(config.tasks),
      policies,
      life: live.tasks,
      models: [...config.models.values()],
      isLocal: (name) => {
        const model = config.models.get(name);
        return model !== undefined && vendorOf(model.provider) === null;
      },
      model,
      client,
      // Breakers choose between alternatives; the last one is always tried, so the policy need not know.
      available: () => true,
    },
    reload,
    close: async () => {
      if (path !== null) unwatchFile(path, onChange);
      clearInterval(keeping);
      await templates.flush();
      await registry.close();
    },
  };
}
