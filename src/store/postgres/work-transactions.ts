import type { Kysely } from 'kysely';

type Db = Kysely<Record<never, never>>;

/** What the server undid because two transactions waited for each other: deadlocks and serialization failures. */
const UNDONE: ReadonlySet<unknown> = new Set(['40P01', '40001']);
const TRIES = 8;

/** Does something that the server may undo, again where it did. */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (!UNDONE.has(code) || tries === TRIES) throw error;
    }
  }
}

/** One transaction, begun again where the server undid it. */
export function whole<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  return again(() => db.transaction().execute(work));
}
