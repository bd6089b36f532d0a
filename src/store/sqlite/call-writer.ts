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

/**
 * Columns of a row that is one attempt of its request, of fresh and cached input and of output: nearly all are. The others of such a row
 * are the same in each and stand in the statement, because binding a value costs more than SQLite takes to write it.
 */
const commonColumns = [
  'id',
  'at',
  'dimension_id',
  'trait_id',
  'fresh_input',
  'cache_read',
  'output',
  'cost',
  'latency_us',
  'first_token_us',
  'fingerprint',
  'body_hash',
  'tags',
] as const satisfies readonly (keyof CallTable)[];

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
    const common = entries.filter(({ row }) => isCommon(row));
    let added = this.#insertRows(common, 'common', commonColumns);
    if (common.length < entries.length) {
      const others = entries.filter(({ row }) => !isCommon(row));
      added += this.#insertRows(others, 'any', callColumns);
    }
    if (added < entries.length) throw new SomeKnown();
    const hours = rollUp(entries);
    this.#addUp('hour', hours);
    this.#addUp('day', byDay(hours));
    return added;
  }

  #insertRows(entries: readonly Entry[], form: 'common' | 'any', columns: readonly (keyof CallTable)[]): number {
    let added = 0;
    for (const some of pieces(entries)) {
      const values = new Array<SqliteValue>(some.length * columns.length);
      let at = 0;
      for (const { row } of some) for (const column of columns) values[at++] = row[column];
      added += this.#connection.prepare(insertCalls(form, some.length)).run(values).changes;
    }
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

function isCommon(row: CallTable): boolean {
  return (
    row.request_id === row.id &&
    row.cache_write_5m === 0 &&
    row.cache_write_1h === 0 &&
    row.reasoning === 0 &&
    row.audio_input === 0 &&
    row.audio_output === 0 &&
    row.confidence === null
  );
}

function placeholders(columns: number, rows: number): string {
  const row = `(${Array.from({ length: columns }, () => '?').join(',')})`;
  return Array.from({ length: rows }, () => row).join(',');
}

/** The row of parameters of a common row whose first parameter has a number. */
function commonRow(first: number): string {
  const numbers = new Map<string, number>(commonColumns.map((column, index) => [column, first + index]));
  const value = (column: string) => {
    const number = numbers.get(column === 'request_id' ? 'id' : column);
    if (number !== undefined) return `?${number}`;
    return column === 'confidence' ? 'null' : '0';
  };
  return `(${callColumns.map(value).join(',')})`;
}

const callTexts = new Map<string, string>();

function insertCalls(form: 'common' | 'any', rows: number): string {
  const key = `${form} ${rows}`;
  let text = callTexts.get(key);
  if (text === undefined) {
    const values =
      form === 'any'
        ? placeholders(callColumns.length, rows)
        : Array.from({ length: rows }, (_, index) => commonRow(1 + index * commonColumns.length)).join(',');
    text = `insert into calls (${callColumns.join(',')}) values ${values} on conflict (id) do nothing`;
    callTexts.set(key, text);
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
