import { type Kysely, sql } from 'kysely';
import type { CallStore, ServedModel } from '../types.ts';
import type { Tables } from './tables.ts';
import { exactInteger, plainName } from './values.ts';

/** Models that answered, by the names they were called by: rows are added up by number first, so that little is left to be joined. */
export async function readServedModels(
  db: Kysely<Tables>,
  { since, until, task }: Parameters<CallStore['servedModels']>[0],
): Promise<readonly ServedModel[]> {
  const before = until === undefined ? sql`` : sql`and at < ${until}`;
  const ofTask = task === undefined ? sql`` : sql`and d.task = ${plainName(task)}`;
  const { rows } = await sql<ServedRecord>`
    select d.model, d.provider, t.served_model as served,
      cast(sum(c.calls) as bigint) as calls, min(c.first_at) as first_at, max(c.last_at) as last_at
    from (
      select dimension_id, trait_id, count(*) as calls, min(at) as first_at, max(at) as last_at
      from calls where at >= ${since} ${before} group by dimension_id, trait_id
    ) c join dimensions d on d.id = c.dimension_id join traits t on t.id = c.trait_id
    where t.served_model is not null ${ofTask}
    group by d.model, d.provider, t.served_model`.execute(db);
  return rows
    .map((row) => ({
      model: row.model,
      provider: row.provider,
      served: row.served,
      calls: exactInteger(row.calls),
      firstAt: exactInteger(row.first_at),
      lastAt: exactInteger(row.last_at),
    }))
    .sort((a, b) => order(a.model, b.model) || order(a.provider, b.provider) || a.firstAt - b.firstAt || order(a.served, b.served));
}

interface ServedRecord {
  readonly model: string;
  readonly provider: string;
  readonly served: string;
  readonly calls: unknown;
  readonly first_at: unknown;
  readonly last_at: unknown;
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
