import type { Config, Lock, LockedCertificate } from './config/index.ts';
import { type Clock, newId, SmallfirstError } from './core/index.ts';
import { type AskDeps, EventTeller, LiveTasks, type LoadedTriage, type TaskStanding, TaskTriages, TextJudge } from './gateway/index.ts';
import { loadTokenizer, type PriceBook } from './pricing/index.ts';
import type { Recorder } from './run/index.ts';
import type { Store } from './store/index.ts';
import { loadTriage } from './triage-folder.ts';

/** How soon a store that could not be read is tried again. */
const AGAIN_MS = 5_000;

/** What the life of tasks needs of a gateway. */
export interface LiveWorld {
  readonly clock: Clock;
  readonly log: { readonly warn: (message: string) => void; readonly info: (message: string) => void };
  readonly recorder: Pick<Recorder, 'pair' | 'event' | 'drain'>;
  readonly prices: Pick<PriceBook, 'price'>;
  /** The store to read from. Rejects while it cannot be read. */
  readonly readStore: () => Promise<Store>;
  readonly models: Pick<AskDeps, 'model' | 'client' | 'observe'>;
}

/** Tasks in traffic. */
export interface OpenLive {
  readonly tasks: LiveTasks;
  readonly triages: TaskTriages;
  /** Lets the certificates of a lock route, as soon as what is on record about them was read. Never rejects. */
  adopt(lock: Lock): Promise<void>;
  standing(task: string): TaskStanding | null;
  /** Work beside the answers that was given up since the start. */
  dropped(): number;
  /** Drops and aborts what runs beside the answers; nothing more is begun. */
  stop(): void;
  /** Resolves when the last row of it is recorded. */
  settled(): Promise<void>;
}

/** Opens the triages and the life of a config's tasks. Throws CONFIG_INVALID for a triage that was refused when it was trained. */
export async function openLive(config: Config, world: LiveWorld): Promise<OpenLive> {
  const { clock, log, recorder, prices, models } = world;
  const triages = new TaskTriages(await loadTriages(config));
  const warn = (message: string): void => log.warn(message);
  const teller = new EventTeller({
    record: (event) => recorder.event(event),
    warn,
    info: (message) => log.info(message),
    newId,
    now: () => clock.now(),
  });
  const tasks = new LiveTasks({
    tasks: config.tasks,
    triages,
    capture: config.capture,
    teller,
    warn,
    record: (pair) => recorder.pair(pair),
    judge: new TextJudge({ clock, newId, prices, models: config.models, client: models.client, countTokens: loadTokenizer }),
    ask: { clock, newId, prices, countTokens: loadTokenizer, ...models },
  });
  const adoption = new Adoption(config, tasks, world);
  let lock: Lock | null = null;
  return {
    tasks,
    triages,
    adopt: (next) => {
      lock = next;
      return adoption.of([...next.certificates.values()]);
    },
    standing: (name) => {
      const task = config.tasks.get(name);
      return task === undefined ? null : tasks.standing(task, lock?.certificates.get(name) ?? null);
    },
    dropped: () => tasks.background.dropped,
    stop: () => {
      adoption.stop();
      tasks.background.stop();
    },
    settled: () => tasks.background.settled(),
  };
}

/** Reads what the store knows before anything rests on it; tries again later what cannot be read now. */
class Adoption {
  readonly #config: Config;
  readonly #tasks: LiveTasks;
  readonly #world: LiveWorld;
  #wanted: readonly LockedCertificate[] = [];
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #isTold = false;
  #isStopped = false;

  constructor(config: Config, tasks: LiveTasks, world: LiveWorld) {
    this.#config = config;
    this.#tasks = tasks;
    this.#world = world;
  }

  of(certificates: readonly LockedCertificate[]): Promise<void> {
    this.#wanted = certificates;
    // One after the other: two folds of one record would both say what happened.
    this.#running = this.#running.then(() => this.#attempt());
    return this.#running;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #attempt(): Promise<void> {
    if (this.#isStopped || !this.#isNeeded()) return;
    const { recorder, readStore, log } = this.#world;
    try {
      if (!(await recorder.drain())) throw new SmallfirstError('STORE_UNAVAILABLE', 'what was recorded does not reach the store');
      await this.#tasks.restore(this.#wanted, await readStore());
      if (this.#isTold) log.info('certificates route again: their record was read');
      this.#isTold = false;
    } catch (error) {
      if (this.#isStopped) return;
      if (!this.#isTold) {
        log.warn(
          `CERTIFICATES DO NOT ROUTE, the frontier answers: their record cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      this.#isTold = true;
      this.#again();
    }
  }

  /** Whether anything rests on the record: a certificate that routes or did, or money that was spent under a limit. */
  #isNeeded(): boolean {
    if (this.#wanted.length > 0 || this.#tasks.watches > 0) return true;
    return [...this.#config.tasks.values()].some(({ shadow }) => shadow !== null && (shadow.perDay !== null || shadow.total !== null));
  }

  #again(): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.of(this.#wanted), AGAIN_MS);
    this.#timer.unref();
  }
}

async function loadTriages(config: Config): Promise<ReadonlyMap<string, LoadedTriage>> {
  const loaded = new Map<string, LoadedTriage>();
  for (const { name, triage: folder } of config.tasks.values()) {
    if (folder === null) continue;
    const { triage, card, version } = await loadTriage(folder);
    if (!card.report.use) {
      throw new SmallfirstError(
        'CONFIG_INVALID',
        `tasks.${name}.triage: ${folder} was refused when it was trained (${card.report.refusals.join(', ')}): it would not find the hard requests.`,
        { position: { file: config.file } },
      );
    }
    loaded.set(name, { triage, version });
  }
  return loaded;
}
