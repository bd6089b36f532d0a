import type { SqliteDatabase, SqliteStatement } from 'kysely';
import Database from 'libsql';
import { SmallfirstError } from '../../core/index.ts';

/** What may be bound: libsql ends the whole process on a boolean, so nothing else gets through. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

/** Statements kept prepared. Queries of one shape share their text; past this many, the oldest is prepared again when it comes back. */
const PREPARED = 200;

/** Result codes that mean "the database cannot be used now", as opposed to a mistake of ours. */
const unavailable = /^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN|CORRUPT|NOTADB|READONLY|PERM|AUTH|PROTOCOL)/;

/** One connection to a SQLite file: prepared statements are kept, transactions write at once, errors are of the table. */
export class SqliteConnection implements SqliteDatabase {
  readonly #database: Database.Database;
  readonly #prepared = new Map<string, PreparedStatement>();

  /** Throws STORE_UNAVAILABLE when the file cannot be opened. A statement waits `busyTimeoutMs` for a lock of another process. */
  constructor(path: string, busyTimeoutMs: number) {
    try {
      this.#database = new Database(path, { timeout: busyTimeoutMs });
    } catch (cause) {
      throw new SmallfirstError('STORE_UNAVAILABLE', `SQLite cannot open ${path}`, { cause });
    }
  }

  prepare(text: string): PreparedStatement {
    // A transaction that begins as a reader cannot wait for a writer; ours all write, so they take the lock first and may wait for it.
    const query = text === 'begin' ? 'begin immediate' : text;
    const known = this.#prepared.get(query);
    if (known) return known;
    const prepared = new PreparedStatement(translated(() => this.#database.prepare(query)));
    if (this.#prepared.size >= PREPARED) {
      for (const oldest of this.#prepared.keys()) {
        this.#prepared.delete(oldest);
        break;
      }
    }
    this.#prepared.set(query, prepared);
    return prepared;
  }

  exec(text: string): void {
    translated(() => this.#database.exec(text));
  }

  /** Runs a synchronous function in a transaction that holds the write lock from its start. Rolls back when it throws. */
  transaction<T>(body: () => T): T {
    this.exec('begin immediate');
    try {
      const result = body();
      this.exec('commit');
      return result;
    } catch (error) {
      // Some errors (a full disk) have rolled back already.
      if (this.#database.inTransaction) this.exec('rollback');
      throw error;
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }
}

/** A prepared statement that binds only what libsql can bind. */
export class PreparedStatement implements SqliteStatement {
  readonly #statement: Database.Statement;
  readonly reader: boolean;

  constructor(statement: Database.Statement) {
    this.#statement = statement;
    this.reader = statement.reader;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return translated(() => this.#statement.all(bindable(parameters)));
  }

  run(parameters: readonly unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return translated(() => this.#statement.run(bindable(parameters)));
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return translated(() => this.#statement.iterate(bindable(parameters)));
  }
}

function bindable(parameters: readonly unknown[]): readonly SqliteValue[] {
  for (const value of parameters) {
    const type = typeof value;
    if (type === 'string' || type === 'number' || value === null || type === 'bigint' || value instanceof Uint8Array) continue;
    throw new TypeError(`SQLite cannot bind a value of type ${type}`);
  }
  return parameters as readonly SqliteValue[];
}

function translated<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw storeError(error);
  }
}

/** An error of the driver as one of the table; what is not about the state of the database stays as it is. */
function storeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (unavailable.test(code)) return new SmallfirstError('STORE_UNAVAILABLE', `SQLite: ${error.message}`, { cause: error });
  if (error.message.includes('integer overflow')) return new RangeError('a sum leaves the exact range', { cause: error });
  return error;
}
