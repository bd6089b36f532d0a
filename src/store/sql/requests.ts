import type { Kysely } from 'kysely';
import type { Call } from '../../core/index.ts';
import type { CallStore, RecordedRequest, RequestFilter } from '../types.ts';
import { callOf } from './call-row.ts';
import { joined } from './joined-calls.ts';
import { clientPurposes, closingOutcomes } from './rollup.ts';
import type { Tables } from './tables.ts';
import { chunks, plainName, requireLimit } from './values.ts';

/** A page of closed requests with their attempts: one query for the calls that closed them, one for each 500 of the rest. */
export async function listRequests(
  db: Kysely<Tables>,
  filter: RequestFilter,
  page: Parameters<CallStore['requests']>[1],
): Promise<readonly RecordedRequest[]> {
  const closing = await closingPage(db, filter, page);
  const attempts = new Map<string, Call[]>(closing.map((call) => [call.requestId, []]));
  for (const some of chunks([...attempts.keys()], 500)) {
    const rows = await joined(db)
      .where('calls.request_id', 'in', [...some])
      .orderBy('calls.at')
      .orderBy('calls.id')
      .execute();
    for (const row of rows) attempts.get(row.request_id)?.push(callOf(row));
  }
  return closing.map((call) => ({ requestId: call.requestId, closing: call, calls: attempts.get(call.requestId) ?? [call] }));
}

async function closingPage(
  db: Kysely<Tables>,
  filter: RequestFilter,
  page: Parameters<CallStore['requests']>[1],
): Promise<readonly Call[]> {
  const task = plainName(filter.task);
  let query = joined(db)
    .where('dimensions.task', '=', task)
    .where('dimensions.purpose', 'in', [...clientPurposes])
    .where('dimensions.outcome', 'in', [...closingOutcomes])
    .where('calls.at', '>=', filter.since)
    // The last one of a request closes it: where a client's own name of a request was used twice, it is still one request.
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('calls as later')
            .innerJoin('dimensions as d', 'd.id', 'later.dimension_id')
            .select('later.id')
            .whereRef('later.request_id', '=', 'calls.request_id')
            .where('d.task', '=', task)
            .where('d.purpose', 'in', [...clientPurposes])
            .where('d.outcome', 'in', [...closingOutcomes])
            .where((later) =>
              later.or([
                later('later.at', '>', later.ref('calls.at')),
                later.and([later('later.at', '=', later.ref('calls.at')), later('later.id', '>', later.ref('calls.id'))]),
              ]),
            ),
        ),
      ),
    )
    .orderBy('calls.at')
    .orderBy('calls.id')
    .limit(requireLimit(page.limit));
  if (filter.until !== undefined) query = query.where('calls.at', '<', filter.until);
  const { after } = page;
  if (after !== undefined) {
    query = query
      .where('calls.at', '>=', after.at)
      .where((eb) => eb.or([eb('calls.at', '>', after.at), eb.and([eb('calls.at', '=', after.at), eb('calls.id', '>', after.id)])]));
  }
  const rows = await query.execute();
  return rows.map(callOf);
}
