import { resolve } from 'node:path';
import {
  type Config,
  formatLock,
  type Lock,
  type LockedCertificate,
  loadConfig,
  lockPathOf,
  NO_LOCK,
  parseLock,
  readLock,
  refuseUnpinned,
  type TaskConfig,
  unpinnedUses,
  withCertificate,
  withoutCertificates,
  writeLock,
} from '../../config/index.ts';
import { type Clock, type Json, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import { type ReviewQuestion, unifiedDiff, whyVoid } from '../../life/index.ts';
import { candidateTask } from '../../life-worker.ts';
import { providers } from '../../providers/index.ts';
import type { Store, TaskEvent } from '../../store/index.ts';
import { openStoreBeside } from '../../store-location.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { gatherReviews } from './review-gather.ts';
import { taskNamed } from './versions-gather.ts';

export interface ModelsRollbackOptions {
  readonly config: string;
  readonly data: string;
  readonly task: string;
  /** The version to return to; the one before the present one when absent. */
  readonly to?: string;
  readonly reason?: string;
  readonly write?: boolean;
  readonly json: boolean;
}

/** What a rollback would do. */
interface Rollback {
  readonly current: LockedCertificate;
  /** Null gives the task back to the ceiling. */
  readonly back: LockedCertificate | null;
  /** Earlier certificates that cannot come back, and why. */
  readonly refused: readonly { readonly model: string; readonly certificate: string; readonly reason: string }[];
}

/**
 * `smallfirst models rollback --task T`: takes the task from the version that has it. The one before comes back into force at once where
 * its certificate still holds (pins, term, no alarm); else the ceiling answers. `--write` does it; a running gateway follows within
 * seconds, and every version of the ladder is loaded. Answers 1 where nothing was written.
 */
export async function runModelsRollback(options: ModelsRollbackOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const task = taskNamed(config, options.task);
  const path = lockPathOf(config.file);
  const lock = await readLock(path);
  const current = lock.certificates.get(task.name);
  if (current === undefined || current.verdict === 'frontier') {
    throw new SmallfirstError('USAGE', `The ceiling answers "${task.name}" already: the lock file holds no certificate that routes.`);
  }
  const store = await openStoreBeside(resolve(io.cwd, options.data), config.store);
  try {
    const world = { config, lock, clock, note: (message: string) => io.note(message) };
    const [question] = await gatherReviews([task.name], store, world);
    if (question === undefined) throw new SmallfirstError('INTERNAL', 'a task of the config was not gathered');
    const rollback = choose(current, options.to ?? null, await ladderPins(question, task, config), candidatesOf(question, current));
    const after = rollback.back === null ? withoutCertificates(lock, [task.name]) : withCertificate(lock, rollback.back);
    const diff = unifiedDiff(formatLock(lock), formatLock(after), 'smallfirst.lock');
    const { back, refused } = rollback;
    const event = eventOf(rollback, options.reason ?? null, clock);
    if (options.write) await apply({ path, after }, { config, store, event, rollback });
    const document = {
      task: task.name,
      from: { model: current.small, certificate: current.id },
      to: back === null ? null : { model: back.small, certificate: back.id },
      refused,
      written: options.write === true,
      reason: event.reason,
      diff,
    };
    if (options.json) io.json(document);
    else {
      io.out(`${event.reason}\n`);
      for (const { model, reason } of refused) io.out(`- ${model} cannot come back: ${reason}\n`);
      io.out(`\n${diff}`);
    }
    io.note(options.write ? `${path} is written; a running gateway takes it up within seconds.` : 'Nothing was written; --write does it.');
    return options.write ? 0 : 1;
  } finally {
    await store.close();
  }
}

/** Certificates that were in force before, newest first, as the lock file would hold them. */
function candidatesOf({ events, proposals }: ReviewQuestion, current: LockedCertificate): readonly LockedCertificate[] {
  const order = events.filter(({ kind }) => kind === 'approved' || kind === 'promoted').map(({ certificate }) => certificate);
  const held = new Map<string, LockedCertificate>(proposals.map(({ certificate }) => [certificate.id, certificate]));
  // A certificate that came into force without a proposal is kept by what replaced it.
  for (const { detail } of events) {
    const before = certificateIn((detail as { readonly before?: unknown } | null)?.before, current.task);
    if (before !== null) held.set(before.id, before);
  }
  return [...new Set(order.reverse())].flatMap((id) => {
    const certificate = id === null || id === current.id ? undefined : held.get(id);
    return certificate === undefined ? [] : [certificate];
  });
}

/** A certificate that an event holds, checked as an entry of a lock file is; null for anything else. */
function certificateIn(value: unknown, task: string): LockedCertificate | null {
  if (typeof value !== 'object' || value === null) return null;
  try {
    return parseLock(formatLock(withCertificate(NO_LOCK, value as LockedCertificate)), 'event').certificates.get(task) ?? null;
  } catch (error) {
    if (!(error instanceof SmallfirstError || error instanceof TypeError || error instanceof RangeError)) throw error;
    return null;
  }
}

/** What pins every model of the ladder, whether or not it is asked in the background. */
async function ladderPins(question: ReviewQuestion, task: TaskConfig, config: Config): Promise<ReviewQuestion> {
  const pins = new Map(question.pins);
  for (const name of task.ladder.slice(0, -1)) {
    const model = config.models.get(name);
    const [candidate] = model === undefined ? [] : (await candidateTask(config, task, model)).candidates;
    if (candidate !== undefined) pins.set(name, candidate.pins);
  }
  return { ...question, pins };
}

function choose(current: LockedCertificate, to: string | null, question: ReviewQuestion, before: readonly LockedCertificate[]): Rollback {
  const wanted = before.filter(({ small }) => (to === null ? small !== current.small : small === to));
  if (to !== null && wanted.length === 0) {
    const others = [...new Set(before.map(({ small }) => small))].join(', ') || 'none';
    throw new SmallfirstError('MODEL_NOT_FOUND', `"${to}" never had the task by a certificate of this record; these had: ${others}.`);
  }
  const refused: Rollback['refused'][number][] = [];
  // Who names a version has heard what a person said of it before.
  const heard = to === null ? question : { ...question, events: question.events.filter(({ kind }) => kind !== 'reverted') };
  for (const certificate of wanted) {
    const reason = whyVoid(heard, certificate);
    if (reason === null) return { current, back: certificate, refused };
    refused.push({ model: certificate.small, certificate: certificate.id, reason });
  }
  return { current, back: null, refused };
}

function eventOf({ current, back }: Rollback, why: string | null, clock: Clock): TaskEvent {
  const goes = back === null ? `${current.big} answers again` : `${back.small} comes back into force in its place`;
  return {
    id: newId(),
    task: current.task,
    at: clock.now(),
    kind: 'reverted',
    certificate: current.id,
    reason: `A person took the task from ${current.small}; ${goes}.${why === null ? '' : ` ${why}`}`,
    detail: {
      model: current.small,
      to: back === null ? null : back.small,
      toCertificate: back?.id ?? null,
      before: current as unknown as Json,
    },
  };
}

async function apply(
  lock: { readonly path: string; readonly after: Lock },
  {
    config,
    store,
    event,
    rollback,
  }: { readonly config: Config; readonly store: Store; readonly event: TaskEvent; readonly rollback: Rollback },
): Promise<void> {
  await refuseUnpinned(
    config,
    unpinnedUses(config, lock.after).filter(({ task }) => task === event.task),
  );
  // The record first: a lock without its event could not be told from a mistake.
  await store.certificates.add(rollback.current);
  const { back, current } = rollback;
  const again: readonly TaskEvent[] =
    back === null
      ? []
      : [
          {
            id: newId(),
            task: event.task,
            at: event.at,
            kind: 'promoted',
            certificate: back.id,
            reason: `${back.small} is in force again by the certificate that it had, in place of ${current.small}.`,
            detail: { model: back.small, by: 'rollback', previous: current.id },
          },
        ];
  await store.events.add([event, ...again]);
  await writeLock(lock.path, lock.after);
}
