import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, lockPathOf, readLock } from './config/index.ts';
import { type Clock, type EpochMs, SmallfirstError } from './core/index.ts';
import {
  adminGuard,
  createObserver,
  createOperator,
  type Directory,
  declaredBudgets,
  type GatewayDeps,
  gatewayBudgets,
  type KeyRing,
  type Log,
  openMetrics,
  openTracing,
  pipelineBudgets,
  type TaskStanding,
} from './gateway/index.ts';
import { type PinWatch, startPinWatch } from './life/index.ts';
import { loadTokenizer, type ModelRef, type PriceBook } from './pricing/index.ts';
import { Ledger, type Recorder, restoreLedger } from './run/index.ts';
import { openStore, type Store, type StoreLocation } from './store/index.ts';

/** What watching over a gateway is made of. */
export interface OperationsWorld {
  /** Of the package, for traces and the admin API. */
  readonly version: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly keys: KeyRing;
  readonly prices: PriceBook;
  readonly directory: Directory;
  /** Where the record is; the store is there once the recorder has drained. */
  readonly location: StoreLocation;
  /** Requests under way. */
  readonly active: () => number;
  /** How a task stands in traffic; null for one that the config does not declare, and before tasks are open. */
  readonly standing: (task: string) => TaskStanding | null;
  /** Work beside the answers that was given up since the start. */
  readonly droppedJobs: () => number;
}

/** Everything of a gateway that neither answers nor records: budgets, logs, metrics, traces and the admin API. */
export interface Operations extends Pick<GatewayDeps, 'ledger' | 'observer' | 'operator'> {
  /** Opens the store for what a request does not wait for; once for all. */
  store(): Promise<Store>;
  /** What waits for the store to be there waits no more, and nothing looks at it again by itself. */
  stop(): void;
  close(): Promise<void>;
}

const RESTORE_AGAIN_MS = 5_000;

/**
 * Starts watching over a gateway. Budgets know what was spent before once this resolves; where the record cannot be read in time they
 * begin at what this process knows, say so in the log, and catch up as soon as it can. Throws CONFIG_INVALID where traces are asked for
 * and their packages are missing.
 */
export async function openOperations(world: OperationsWorld): Promise<Operations> {
  const { config, clock, log, recorder, keys, prices, directory, active, version } = world;
  const startedAt = clock.now();
  const ledger = new Ledger(declaredBudgets(keys.list(), config.budgets));
  const store = lazyStore(world.location, clock);
  const tracing = config.observe.otel === null ? null : await openTracing(config.observe.otel, version);
  const restoring = await restore(world, ledger, store.open);
  const metrics = openMetrics(
    {
      recorder: () => recorder.state(),
      budgets: () => ledger.states(clock.now()),
      models: () => [...directory.models.values()].map(({ name, upstream }) => ({ model: name, isAvailable: upstream.available() })),
      active,
      droppedLogLines: () => log.dropped,
      droppedJobs: world.droppedJobs,
      standings: () => [...config.tasks.keys()].flatMap((task) => world.standing(task) ?? []),
    },
    () => clock.now(),
  );
  const budgets = { ledger, prices, clock, countTokens: await loadTokenizerIf(keys) };
  const pins = config.tasks.size === 0 ? null : watchPins(world, store.open);
  return {
    store: store.open,
    ledger: {
      ...gatewayBudgets({ ...budgets, modelsOf: (exchange) => payable(config, directory, exchange) }),
      reserveRun: pipelineBudgets({ ...budgets, models: config.models, tasks: config.tasks }),
    },
    observer: createObserver({
      log,
      metrics,
      tracing,
      clock,
      knows: { model: (name) => directory.models.has(name), task: (name) => config.tasks.has(name) },
    }),
    operator: createOperator({
      version,
      startedAt,
      clock,
      keys,
      ledger,
      models: config.models,
      isAvailable: (model) => directory.models.get(model)?.upstream.available() ?? true,
      tasks: config.tasks,
      standing: world.standing,
      recorder: () => recorder.state(),
      active,
      store: store.open,
      guard: adminGuard(config.adminToken),
      warn: (message) => log.warn(message),
      metrics,
    }),
    stop: () => {
      pins?.stop();
      restoring.stop();
      store.stop();
    },
    close: async () => {
      await tracing?.close();
      await store.close();
      log.close();
    },
  };
}

/** Says every day what of the models that answer is not as it was pinned, or soon will not be there. */
function watchPins({ config, clock, log, recorder }: OperationsWorld, store: () => Promise<Store>): PinWatch {
  return startPinWatch({
    config,
    lock: () => readLock(lockPathOf(config.file)),
    store,
    event: (event) => recorder.event(event),
    warn: (message) => log.warn(message),
    clock,
  });
}

/** Every model that a request may end up paying: its task's whole ladder, else the one it names. */
function payable(
  config: Config,
  directory: Directory,
  exchange: Parameters<Parameters<typeof gatewayBudgets>[0]['modelsOf']>[0],
): readonly ModelRef[] {
  const { task, model, route } = exchange;
  if (task !== null) return task.ladder.flatMap((rung) => config.models.get(rung) ?? []);
  const served = directory.models.get(model);
  if (served !== undefined) return [{ provider: served.provider, model: served.model }];
  const other = directory.passthrough(route.family);
  return other === null ? [] : [{ provider: other.provider, model }];
}

/** The tokenizer is heavy: it is loaded beforehand only where a key's cap may need it at once. */
async function loadTokenizerIf(keys: KeyRing) {
  return keys.list().some(({ caps }) => caps.inputTokens !== null) ? loadTokenizer() : null;
}

/** Lets the ledger remember; tries again later what cannot be had now. */
async function restore(
  { clock, log, recorder }: OperationsWorld,
  ledger: Ledger,
  openStore: () => Promise<Store>,
): Promise<{ stop(): void }> {
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  const attempt = async (): Promise<boolean> => {
    try {
      const now: () => EpochMs = () => clock.now();
      const calls = { bill: async (...asked: Parameters<Store['calls']['bill']>) => (await openStore()).calls.bill(...asked) };
      return await restoreLedger(ledger, calls, { drain: () => recorder.drain(), now });
    } catch (error) {
      log.warn(`budgets could not be read from the store: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  };
  const again = () => {
    if (isStopped) return;
    timer = setTimeout(() => {
      attempt().then((isDone) => {
        if (isDone) log.info('budgets know again what was spent before');
        else again();
      }, again);
    }, RESTORE_AGAIN_MS);
    timer.unref();
  };
  if (ledger.states(clock.now()).length > 0 && !(await attempt())) {
    log.error('BUDGETS DO NOT KNOW what was spent before this start: the store does not answer; they catch up when it does');
    again();
  }
  return {
    stop: () => {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

/** How long after a start the recorder's thread may take to make a store that was never there, and how often that is looked at. */
const MAKING_MS = 15_000;
const LOOK_MS = 100;

/** A store that is opened when it is first needed. */
interface LazyStore {
  readonly open: () => Promise<Store>;
  /** It is not opened any more where it was not yet. */
  readonly stop: () => void;
  readonly close: () => Promise<void>;
}

/** The store for reading, in a thread of its own so that no report makes an answer wait; opened when it is first needed. */
function lazyStore(location: StoreLocation, clock: Clock): LazyStore {
  let opening: Promise<Store> | null = null;
  const stopping = new AbortController();
  const { signal } = stopping;
  const until = clock.monotonic() + MAKING_MS;
  const attempt = async (): Promise<Store> => {
    for (;;) {
      signal.throwIfAborted();
      const isLate = location.kind !== 'sqlite' || clock.monotonic() >= until;
      try {
        // A thread that would find nothing is not started.
        if (isLate || existsSync(location.path)) return await openStore(location, { readOnly: true, thread: true, maxConnections: 4 });
      } catch (cause) {
        if (isLate) throw cause;
      }
      // At the very first start nothing is there to read: it is being made, and then it is empty, which is an answer.
      await delay(LOOK_MS, undefined, { signal });
    }
  };
  return {
    open: () => {
      opening ??= attempt().catch((cause: unknown) => {
        opening = null;
        throw new SmallfirstError('STORE_UNAVAILABLE', 'The store cannot be read yet.', { cause });
      });
      return opening;
    },
    stop: () => stopping.abort(),
    close: async () => {
      stopping.abort();
      await (await opening?.catch(() => null))?.close();
    },
  };
}
