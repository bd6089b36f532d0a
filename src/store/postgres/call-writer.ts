import { type Kysely, sql, type Transaction } from 'kysely';
import type { Call } from '../../core/index.ts';
import { callColumns, callRow } from '../sql/call-row.ts';
import type { CallWriter } from '../sql/calls.ts';
import { Dictionary } from '../sql/dictionary.ts';
import { byDay, type RollupLine, rollUp, sumColumns } from '../sql/rollup.ts';
import type { CallTable, Tables } from '../sql/tables.ts';
import { chunks } from '../sql/values.ts';

/** Rows of one statement. They travel as one JSON parameter, so this bounds memory and not the count of parameters. */
const ROWS = 2_000;

const columnTypes: Readonly<Partial<Record<(typeof callColumns)[number], string>>> = {
  id: 'text',
  request_id: 'text',
  confidence: 'double precision',
  fingerprint: 'text',
  body_hash: 'text',
  tags: 'text',
};
const callRecord = callColumns.map((column) => `${column} ${columnTypes[column] ?? 'bigint'}`).join(', ');
const rollupRecord = ['bucket', 'dimension_id', ...sumColumns].map((column) => `${column} bigint`).join(', ');

/** Writes calls and their rollups in one transaction. Any number of processes may write at once, the same rows too. */
export class PostgresCallWriter implements CallWriter {
  readonly #db: Kysely<Tables>;
  readonly #dictionary: Dictionary;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
    this.#dictionary = new Dictionary(db);
  }

  async append(calls: readonly Call[]): Promise<number> {
    const references = await this.#dictionary.resolve(calls);
    const entries = new Map<string, { call: Call; row: CallTable }>();
    for (const [index, call] of calls.entries()) {
      const row = callRow(call, references[index]!);
      if (!entries.has(row.id)) entries.set(row.id, { call, row });
    }
    if (entries.size === 0) return 0;
    return this.#db.transaction().execute(async (transaction) => {
      // Sorted, so that writers of the same rows wait for each other in one order and never in a ring.
      const rows = [...entries.values()].map(({ row }) => row).sort((a, b) => (a.id < b.id ? -1 : 1));
      const added: { call: Call; row: CallTable }[] = [];
      for (const some of chunks(rows, ROWS)) {
        for (const { id } of await insertCalls(transaction, some)) added.push(entries.get(id)!);
      }
      const hours = rollUp(added);
      await addUp(transaction, 'hour', hours);
      await addUp(transaction, 'day', byDay(hours));
      return added.length;
    });
  }
}

/** Inserts what is not there yet; the ids returned are the new ones. */
async function insertCalls(transaction: Transaction<Tables>, rows: readonly CallTable[]): Promise<readonly { readonly id: string }[]> {
  const columns = sql.raw(callColumns.join(', '));
  const result = await sql<{ id: string }>`
    insert into calls (${columns})
    select ${columns} from json_to_recordset(${JSON.stringify(rows)}::json) as new (${sql.raw(callRecord)})
    on conflict (id) do nothing returning id`.execute(transaction);
  return result.rows;
}

async function addUp(transaction: Transaction<Tables>, unit: 'hour' | 'day', lines: readonly RollupLine[]): Promise<void> {
  const table = `${unit}_rollups`;
  const sums = sumColumns.map((column) => `${column} = ${table}.${column} + excluded.${column}`).join(', ');
  for (const some of chunks(lines, ROWS)) {
    const records = some.map(({ bucket, dimensionId, sums: values }) => ({ bucket, dimension_id: dimensionId, ...values }));
    await sql`
      insert into ${sql.table(table)} (${sql.ref(unit)}, dimension_id, ${sql.raw(sumColumns.join(', '))})
      select bucket, dimension_id, ${sql.raw(sumColumns.join(', '))}
      from json_to_recordset(${JSON.stringify(records)}::json) as new (${sql.raw(rollupRecord)})
      on conflict (${sql.ref(unit)}, dimension_id) do update set ${sql.raw(sums)}`.execute(transaction);
  }
}
