import { resolve } from 'node:path';
import { type Config, type Lock, loadConfig, lockPathOf, readLock, shutdownListDates, writeLock } from '../../config/index.ts';
import { type Clock, type EpochMs, SmallfirstError, systemClock } from '../../core/index.ts';
import { checkPins, type ObservedModel, observeModels, type PinWorld, updatePins } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { checkDocument, renderCheck, renderUpdate, updateDocument } from './pins-report.ts';

export interface PinsOptions {
  readonly config: string;
  readonly data: string;
  /** How far back answers are looked at. */
  readonly days: number;
  readonly json: boolean;
}

export interface PinsUpdateOptions extends PinsOptions {
  readonly write?: boolean;
}

const DAY_MS = 86_400_000;
/** A list of shutdown dates that was read longer ago than this is told of: vendors give 60 days of notice. */
const STALE_MS = 60 * DAY_MS;

/**
 * `smallfirst pins check`: what each model that answers for tasks is, was pinned as, and when it goes. Answers 1 when anything needs a
 * person. Reads only; a gateway may be running.
 */
export async function runPinsCheck(options: PinsOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const now = clock.now();
  const world = await worldOf(options, io, now);
  const checked = checkPins(world);
  const document = checkDocument(checked, { at: now, since: now - options.days * DAY_MS, shutdownsAsOf: shutdownListDates() });
  if (options.json) io.json(document);
  else io.out(renderCheck(document));
  const pages = new Set(checked.map(({ provider }) => provider));
  for (const [provider, asOf] of Object.entries(document.shutdownsAsOf)) {
    if (pages.has(provider) && now - Date.parse(asOf) > STALE_MS) {
      io.note(
        `The shutdown dates of ${provider} were last read on ${asOf}; newer ones can stand in a list of your own (\`deprecations:\`).`,
      );
    }
  }
  return document.needsPerson ? 1 : 0;
}

/**
 * `smallfirst pins update`: what the lock file would pin now, and with `--write` pins it. Certificates on a model that is another one now
 * are taken out. Answers 1 when changes wait to be written.
 */
export async function runPinsUpdate(options: PinsUpdateOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const world = await worldOf(options, io, clock.now());
  const update = updatePins(world);
  const isNews = update.changed.length + update.dropped.length > 0;
  const written = options.write === true && isNews;
  if (written) await writeLock(world.lockPath, update.lock);
  if (options.json) io.json(updateDocument(update, written));
  else io.out(renderUpdate(update));
  if (written) io.note(`The pins are in ${world.lockPath}. Commit it; a running gateway takes it up within seconds.`);
  else if (isNews) io.note('Nothing was written; --write puts it into the lock file.');
  return isNews && !written ? 1 : 0;
}

async function worldOf(options: PinsOptions, io: CommandIo, now: EpochMs): Promise<PinWorld & { readonly lockPath: string }> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const lockPath = lockPathOf(config.file);
  const lock: Lock = await readLock(lockPath);
  const observed = await observedIn(config, options, io, now - options.days * DAY_MS);
  const { models, tasks, deprecations } = config;
  return { models, tasks, deprecations, lock, observed, now, lockPath };
}

/** What is on record; nothing where nothing was ever recorded. */
async function observedIn(
  config: Config,
  { data, config: file }: PinsOptions,
  io: CommandIo,
  since: EpochMs,
): Promise<ReadonlyMap<string, ObservedModel>> {
  const store = await openRecord({ data, config: file }, io).catch((error: unknown) => {
    if (error instanceof SmallfirstError && error.code === 'INPUT_NOT_FOUND') return null;
    throw error;
  });
  if (store === null) return new Map();
  try {
    return await observeModels(store.calls, config.models.values(), since);
  } finally {
    await store.close();
  }
}
