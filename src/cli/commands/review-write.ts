import { resolve } from 'node:path';
import {
  type Config,
  type Lock,
  refuseUnpinned,
  unpinnedUses,
  withCertificate,
  withoutCertificates,
  writeLock,
} from '../../config/index.ts';
import { type EpochMs, newId, SmallfirstError } from '../../core/index.ts';
import type { TaskReview } from '../../life/index.ts';
import type { Store, TaskEvent } from '../../store/index.ts';
import { openStoreToWrite } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';

/** The lock file as the reviews would have it; what they do not touch stays. */
export function reviewedLock(lock: Lock, reviews: readonly TaskReview[]): Lock {
  return reviews.filter(isChange).reduce((next, { task, after }) => {
    return after === null ? withoutCertificates(next, [task]) : withCertificate(next, after);
  }, lock);
}

/** Whether a review changes the lock file. */
export function isChange({ before, after }: TaskReview): boolean {
  return before?.id !== after?.id;
}

/**
 * Writes the reviewed lock file, then keeps the certificates and tells the record who approved or voided what. Throws ConfigError before
 * anything is written where a certificate would rest on a name that its vendor moves. Where a gateway owns the record, that records it.
 */
export async function applyReviews(
  lock: { readonly path: string; readonly after: Lock },
  reviews: readonly TaskReview[],
  { config, data, now }: { readonly config: Config; readonly data: string; readonly now: EpochMs },
  io: CommandIo,
): Promise<void> {
  const changes = reviews.filter(isChange);
  const touched = new Set(changes.map(({ task }) => task));
  await refuseUnpinned(
    config,
    unpinnedUses(config, lock.after).filter(({ task }) => touched.has(task)),
  );
  await writeLock(lock.path, lock.after);
  const store = await storeToWrite(config, resolve(io.cwd, data), io);
  if (store === null) return;
  try {
    for (const { after } of changes) if (after !== null) await store.certificates.add(after);
    for (const { before, after, verdict, reason } of changes) {
      if (before === null || after !== null || verdict !== 'void') continue;
      await store.certificates.add(before);
      await store.certificates.void(before.id, now, reason);
    }
    await store.events.add(changes.map((review) => eventOf(review, now)));
  } finally {
    await store.close();
  }
}

/** Null, with a word to the person, where another process owns the record. */
export async function storeToWrite(config: Config, data: string, io: CommandIo): Promise<Store | null> {
  try {
    return await openStoreToWrite(data, config.store);
  } catch (error) {
    if (!(error instanceof SmallfirstError && error.code === 'DATA_DIR_LOCKED')) throw error;
    io.note('A gateway owns the record: it takes up the lock file within seconds, and looks and records by itself.');
    return null;
  }
}

function eventOf({ task, before, after, reason, verdict }: TaskReview, at: EpochMs): TaskEvent {
  const certificate = after?.id ?? before?.id ?? null;
  const detail = { by: 'review', verdict, before: before?.id ?? null };
  return { id: newId(), task, at, kind: after === null ? 'voided' : 'approved', certificate, reason, detail };
}
