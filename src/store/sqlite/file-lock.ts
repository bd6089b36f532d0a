import { SmallfirstError } from '../../core/index.ts';
import { SqliteConnection } from './connection.ts';

/** A lock of the operating system, held until it is released or the process ends, however it ends. */
export interface FileLock {
  release(): void;
}

/**
 * Takes a lock on a file, or returns null when another process (or another lock of this one) holds it.
 * It is an exclusive transaction on an empty SQLite file: the kernel drops it with the process, so no dead owner is ever in the way,
 * no process id can be mistaken for another's, and two starters cannot both win.
 */
export function lockFile(path: string): FileLock | null {
  const connection = new SqliteConnection(path, 0);
  try {
    connection.exec('begin exclusive');
  } catch (error) {
    connection.close();
    if (error instanceof SmallfirstError && isBusy(error.cause)) return null;
    throw error;
  }
  return { release: () => connection.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY');
}
