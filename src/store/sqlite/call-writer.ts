import type { Kysely } from 'kysely';
import type { Call } from '../../core/index.ts';
import { callColumns, callRow } from '../sql/call-row.ts';
import type { CallWriter } from '../sql/calls.ts';
import { Dictionary } from '../sql/dictionary.ts';
import { byDay, type RollupLine, rollUp, sumColumns } from '../sql/rollup.ts';
import type { CallTable, Tables } from '../sql/tables.ts';
import type { SqliteConnection, SqliteValue } from './connection.ts';

/** Rows of one statement: past about 50 it gets no faster, and few sizes mean few statements to keep prepared. */
const SIZES = [50, 10, 1] as const;

interface Entry {
  readonly call: Call;
  readonly row: CallTable;
}

/** Writes calls and their rollups in one transaction, with prepared multi-row statements. */
export class SqliteCallWriter implements CallWriter {
  readonly #db: Kysely<Tables>;
  readonly #connection: SqliteConnection;
  readonly #dictionary: Dictionary;

  constructor(db: Kysely<Tables>, connection: SqliteConnection) {
    this.#db = db;
    this.#connection = connection;
    this.#dictionary = new Dictionary(db);
  }

  async append(calls: readonly Call[]): Promise<number> {
    const entries = uniqueEntries(calls, await this.#dictionary.resolve(calls));
    if (entries.length === 0) return 0;
    // Holding Kysely's connection keeps this transaction out of one that Kysely has open.
    return this.#db.connection().execute(async () => this.#write(entries));
  }

  #write(entries: readonly Entry[]): number {
    try {
      return this.#connection.transaction(() => this.#insert(entries));
    } catch (error) {
      if (!(error instanceof SomeKnown)) throw error;
    }
    // Rows that are there already are rare (a spool read again after a crash), so only then is it worth looking for them first.
    return this.#connection.transaction(() => this.#insert(this.#unknown(entries)));
  }

  /** Inserts rows that are all new, and their rollups. Throws SomeKnown when one was there. */
  #insert(entries: readonly Entry[]): number {
    let added = 0;
    for (const some of pieces(entries)) {
      const values = new Array<SqliteValue>(some.length * callColumns.length);
      let at = 0;
      for (const { row } of some) for (const column of callColumns) values[at++] = row[column];
      added += this.#connection.prepare(insertCalls(some.length)).run(values).changes;
    }
    if (added < entries.length) throw new SomeKnown();
    const hours = rollUp(entries);
    this.#addUp('hour', hours);
    this.#addUp('day', byDay(hours));
    return added;
  }

  #unknown(entries: readonly Entry[]): Entry[] {
    const known = new Set<unknown>();
    for (const some of pieces(entries)) {
      const marks = some.map(() => '?').join(',');
      const rows = this.#connection.prepare(`select id from calls where id in (${marks})`).all(some.map(({ row }) => row.id));
      for (const row of rows as { id: string }[]) known.add(row.id);
    }
    return entries.filter(({ row }) => !known.has(row.id));
  }

  #addUp(unit: 'hour' | 'day', lines: readonly RollupLine[]): void {
    for (const some of pieces(lines)) {
      const values: SqliteValue[] = [];
      for (const { bucket, dimensionId, sums } of some) {
        values.push(bucket, dimensionId);
        for (const column of sumColumns) values.push(sums[column]);
      }
      this.#connection.prepare(addRollups(unit, some.length)).run(values);
    }
  }
}

/** Thrown inside the fast path, to roll it back. */
class SomeKnown extends Error {}

/** One entry an id: within a batch too, a row that comes twice is counted once. */
function uniqueEntries(calls: readonly Call[], references: Awaited<ReturnType<Dictionary['resolve']>>): Entry[] {
  const ids = new Set<string>();
  const entries: Entry[] = [];
  for (let index = 0; index < calls.length; index += 1) {
    const call = calls[index] as Call;
    const row = callRow(call, references[index]!);
    if (ids.has(row.id)) continue;
    ids.add(row.id);
    entries.push({ call, row });
  }
  return entries;
}

function* pieces<T>(items: readonly T[]): Generator<readonly T[]> {
  let start = 0;
  for (const size of SIZES) {
    for (; start + size <= items.length; start += size) yield items.slice(start, start + size);
  }
}

function placeholders(columns: number, rows: number): string {
  const row = `(${Array.from({ length: columns }, () => '?').join(',')})`;
  return Array.from({ length: rows }, () => row).join(',');
}

const callTexts = new Map<number, string>();

function insertCalls(rows: number): string {
  let text = callTexts.get(rows);
  if (text === undefined) {
    text = `insert into calls (${callColumns.join(',')}) values ${placeholders(callColumns.length, rows)} on conflict (id) do nothing`;
    callTexts.set(rows, text);
  }
  return text;
}

const rollupTexts = new Map<string, string>();

function addRollups(unit: 'hour' | 'day', rows: number): string {
  const key = `${unit} ${rows}`;
  let text = rollupTexts.get(key);
  if (text === undefined) {
    const sums = sumColumns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ');
    text = `insert into ${unit}_rollups (${unit}, dimension_id, ${sumColumns.join(', ')})
      values ${placeholders(sumColumns.length + 2, rows)}
      on conflict (${unit}, dimension_id) do update set ${sums}`;
    rollupTexts.set(key, text);
  }
  return text;
}
