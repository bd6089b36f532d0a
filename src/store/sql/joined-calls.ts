import type { Kysely } from 'kysely';
import { callColumns } from './call-row.ts';
import type { Tables } from './tables.ts';

/** Calls with what repeats from call to call put back. */
export function joined(db: Kysely<Tables>) {
  return db
    .selectFrom('calls')
    .innerJoin('dimensions', 'dimensions.id', 'calls.dimension_id')
    .innerJoin('traits', 'traits.id', 'calls.trait_id')
    .select(callColumns.map((column) => `calls.${column}` as const))
    .select([
      'dimensions.task',
      'dimensions.step',
      'dimensions.pipeline',
      'dimensions.key',
      'dimensions.team',
      'dimensions.model',
      'dimensions.provider',
      'dimensions.tier',
      'dimensions.purpose',
      'dimensions.outcome',
    ])
    .select([
      'traits.served_model',
      'traits.error',
      'traits.stop',
      'traits.usage_source',
      'traits.price_id',
      'traits.streamed',
      'traits.decision',
    ]);
}
