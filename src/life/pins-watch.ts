import type { Config, Lock } from '../config/index.ts';
import { type Clock, type EpochMs, type Json, newId, SmallfirstError } from '../core/index.ts';
import type { Store, TaskEvent } from '../store/index.ts';
import { checkPins } from './pins.ts';
import { observeModels } from './pins-observe.ts';
import type { CheckedModel } from './pins-types.ts';

/** What a daily look at the pins needs of the gateway around it. */
export interface PinWatchWorld {
  readonly config: Pick<Config, 'models' | 'tasks' | 'deprecations'>;
  /** The lock file as it is now. */
  readonly lock: () => Promise<Lock>;
  readonly store: () => Promise<{
    readonly calls: Pick<Store['calls'], 'servedModels' | 'list'>;
    readonly events: Pick<Store['events'], 'list'>;
  }>;
  /** Takes an event for the record, at once. */
  readonly event: (event: TaskEvent) => void;
  readonly warn: (message: string) => void;
  readonly clock: Clock;
}

/** A watch over the pins. */
export interface PinWatch {
  /** Looks now. Never throws: what cannot be looked at is warned of, and looked at again later. */
  check(): Promise<void>;
  stop(): void;
}

const DAY_MS = 86_400_000;
/** The store of a new data directory is there only once something was recorded. */
const AGAIN_MS = 300_000;
/** How far back calls are looked at. */
const SPAN_MS = 30 * DAY_MS;

/**
 * Looks at the pins now and once a day: what needs a person is logged each time, and recorded as an event of every task that has the
 * model on its ladder, once for each alert level of a shutdown (`deprecation`) and for each change of what answers (`drift`).
 */
export function startPinWatch(world: PinWatchWorld): PinWatch {
  const told = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  const check = async (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    let next = DAY_MS;
    try {
      await look(world, told);
    } catch (error) {
      next = AGAIN_MS;
      const isThere = !(error instanceof SmallfirstError && error.code === 'STORE_UNAVAILABLE');
      if (!isStopped && isThere) world.warn(`the pins could not be checked: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (isStopped) return;
    // Another look may have ended meanwhile and set the next one.
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => void check(), next);
    timer.unref();
  };
  void check();
  return {
    check,
    stop: () => {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

async function look({ config, lock, store, event, warn, clock }: PinWatchWorld, told: Set<string>): Promise<void> {
  const now = clock.now();
  const { calls, events } = await store();
  const observed = await observeModels(calls, config.models.values(), now - SPAN_MS);
  const checked = checkPins({ ...config, lock: await lock(), observed, now });
  for (const { task, detail } of await events.list({ kinds: ['deprecation', 'drift'] })) {
    const key = keyIn(detail);
    if (key !== null) told.add(`${task} ${key}`);
  }
  for (const model of checked) {
    for (const { kind, message, needsPerson } of model.findings) {
      // A gateway that begins has seen nothing yet: that is no news to log.
      if (needsPerson && kind !== 'unobserved') warn(message);
    }
    for (const made of eventsOf(model, now)) {
      const key = `${made.task} ${String(keyIn(made.detail))}`;
      if (told.has(key)) continue;
      told.add(key);
      event(made);
    }
  }
}

/** The events that a model's findings are, for each of its tasks. */
function eventsOf({ alias, provider, model, tasks, pin, observed, shutdown, findings }: CheckedModel, now: EpochMs): readonly TaskEvent[] {
  return findings.flatMap(({ kind, message }) => {
    const base = { alias, provider, model };
    const of = (event: 'deprecation' | 'drift', detail: Readonly<Record<string, Json>>): readonly TaskEvent[] =>
      tasks.map((task) => ({
        id: newId(),
        task,
        at: now,
        kind: event,
        certificate: null,
        reason: message,
        detail: { ...base, ...detail },
      }));
    if ((kind === 'shutdown' || kind === 'past-shutdown') && shutdown !== null) {
      const { on, daysLeft, alert, replacement, source } = shutdown;
      const key = `shutdown ${alias} ${provider}/${model} ${on} ${String(alert)}`;
      return of('deprecation', { key, on, daysLeft, alert, replacement, source });
    }
    if (kind === 'served-model') {
      const [was, is] = [pin?.servedModel ?? null, observed?.servedModel ?? null];
      return of('drift', { key: `served ${alias} ${String(was)} ${String(is)}`, pinned: was, observed: is });
    }
    if (kind === 'fingerprint') {
      const is = observed?.systemFingerprint ?? null;
      return of('drift', { key: `fingerprint ${alias} ${String(is)}`, pinned: [...(pin?.systemFingerprints ?? [])], observed: is });
    }
    return [];
  });
}

function keyIn(detail: Json): string | null {
  const isMapping = typeof detail === 'object' && detail !== null && !Array.isArray(detail);
  const key = isMapping ? (detail as Readonly<Record<string, Json>>).key : null;
  return typeof key === 'string' ? key : null;
}
