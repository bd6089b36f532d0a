import { type Kysely, sql } from 'kysely';
import type { NanoUsd } from '../../core/index.ts';
import type { TemplateStore } from '../types.ts';
import { clientPurposes, closingOutcomes } from './rollup.ts';
import type { Tables } from './tables.ts';
import { chunks, exactInteger, fromJson, plainText, requireCount, toJson } from './values.ts';

/** Templates over SQL; how often each was used is counted from the rows of calls. */
export function sqlTemplateStore(db: Kysely<Tables>): TemplateStore {
  return {
    put: async (templates) => {
      const rows = [...new Map(templates.map((template) => [template.hash, template])).values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
      let added = 0;
      for (const some of chunks(rows, 200)) {
        const result = await db
          .insertInto('templates')
          .values(
            some.map(({ hash, masked, at }) => ({
              hash: plainText(hash),
              masked: toJson(masked),
              at: requireCount(at, `template ${hash}: at`),
            })),
          )
          .onConflict((conflict) => conflict.column('hash').doNothing())
          .executeTakeFirst();
        added += Number(result.numInsertedOrUpdatedRows ?? 0n);
      }
      return added;
    },
    usage: async ({ from, to }) => {
      const closes = sql`case when d.purpose in (${sql.join([...clientPurposes])}) and d.outcome in (${sql.join([...closingOutcomes])}) then 1 else 0 end`;
      const { rows } = await sql<UsageRecord>`
        select u.*, t.masked from (
          select c.fingerprint, d.task, count(*) as calls, cast(sum(${closes}) as bigint) as requests,
            cast(coalesce(sum(c.cost), 0) as bigint) as cost, count(*) - count(c.cost) as unpriced, min(c.at) as first_at, max(c.at) as last_at
          from calls c join dimensions d on d.id = c.dimension_id
          where c.at >= ${from} and c.at < ${to} and d.purpose in (${sql.join([...clientPurposes])})
          group by c.fingerprint, d.task
        ) u left join templates t on t.hash = u.fingerprint`.execute(db);
      return rows
        .map((row) => ({
          fingerprint: row.fingerprint,
          task: row.task,
          masked: row.masked === null ? null : fromJson<string>(row.masked),
          calls: exactInteger(row.calls),
          requests: exactInteger(row.requests),
          unpricedCalls: exactInteger(row.unpriced),
          cost: exactInteger(row.cost) as NanoUsd,
          firstAt: exactInteger(row.first_at),
          lastAt: exactInteger(row.last_at),
        }))
        .sort((a, b) => b.requests - a.requests || order(a.task, b.task) || order(a.fingerprint, b.fingerprint));
    },
  };
}

interface UsageRecord {
  readonly fingerprint: string | null;
  readonly task: string | null;
  readonly masked: string | null;
  readonly calls: unknown;
  readonly requests: unknown;
  readonly unpriced: unknown;
  readonly cost: unknown;
  readonly first_at: unknown;
  readonly last_at: unknown;
}

function order(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return (a ?? '') < (b ?? '') ? -1 : 1;
}
