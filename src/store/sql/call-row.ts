import type { Selectable } from 'kysely';
import { type Call, SmallfirstError } from '../../core/index.ts';
import type { CallReferences } from './dictionary.ts';
import type { CallTable, DimensionTable, TraitTable } from './tables.ts';
import {
  exactInteger,
  exactMoney,
  fromJson,
  microseconds,
  milliseconds,
  plainNameOrNull,
  plainText,
  requireCount,
  requireFinite,
  requireMoney,
  toJson,
} from './values.ts';

/** Columns of `calls`, in the order in which writers bind them. */
export const callColumns = [
  'id',
  'request_id',
  'at',
  'dimension_id',
  'trait_id',
  'fresh_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'audio_input',
  'audio_output',
  'cost',
  'latency_us',
  'first_token_us',
  'confidence',
  'fingerprint',
  'body_hash',
  'tags',
] as const satisfies readonly (keyof CallTable)[];

/** A call as its columns. Throws INPUT_INVALID for a number that a database would round or refuse. */
export function callRow(call: Call, references: CallReferences): CallTable {
  if (call.id === '') throw new SmallfirstError('INPUT_INVALID', 'a call without an id');
  try {
    return checkedRow(call, references);
  } catch (error) {
    // Named here and not before: making names for the members of every row takes longer than the rest of it.
    if (error instanceof SmallfirstError) throw new SmallfirstError(error.code, `call ${call.id}: ${error.message}`);
    throw error;
  }
}

function checkedRow(call: Call, references: CallReferences): CallTable {
  const id = plainText(call.id);
  const { usage } = call;
  return {
    id,
    request_id: call.requestId === call.id ? id : plainText(call.requestId),
    at: requireCount(call.at, 'at'),
    dimension_id: references.dimensionId,
    trait_id: references.traitId,
    fresh_input: requireCount(usage.freshInput, 'usage.freshInput'),
    cache_read: requireCount(usage.cacheRead, 'usage.cacheRead'),
    cache_write_5m: requireCount(usage.cacheWrite5m, 'usage.cacheWrite5m'),
    cache_write_1h: requireCount(usage.cacheWrite1h, 'usage.cacheWrite1h'),
    output: requireCount(usage.output, 'usage.output'),
    reasoning: requireCount(usage.reasoning, 'usage.reasoning'),
    audio_input: requireCount(usage.audioInput, 'usage.audioInput'),
    audio_output: requireCount(usage.audioOutput, 'usage.audioOutput'),
    cost: requireMoney(call.cost, 'cost'),
    latency_us: microseconds(call.latencyMs, 'latencyMs'),
    first_token_us: microseconds(call.firstTokenMs, 'firstTokenMs'),
    confidence: requireFinite(call.confidence, 'confidence'),
    fingerprint: plainNameOrNull(call.fingerprint),
    body_hash: call.bodyHash === null ? null : plainText(call.bodyHash),
    tags: tagsText(call.tags),
  };
}

function tagsText(tags: Call['tags']): string | null {
  for (const _ in tags) return toJson(tags);
  return null;
}

/** A row of `calls` joined with its dimensions and traits. */
export type JoinedCall = CallTable &
  Omit<Selectable<DimensionTable>, 'id' | 'signature'> &
  Omit<Selectable<TraitTable>, 'id' | 'signature'>;

/** The call that was written. */
export function callOf(row: JoinedCall): Call {
  return {
    id: row.id,
    requestId: row.request_id,
    at: exactInteger(row.at),
    task: row.task,
    step: row.step,
    pipeline: row.pipeline,
    key: row.key,
    team: row.team,
    model: row.model,
    provider: row.provider,
    servedModel: row.served_model,
    tier: row.tier,
    purpose: row.purpose,
    outcome: row.outcome,
    error: row.error,
    stop: row.stop,
    usage: {
      freshInput: exactInteger(row.fresh_input),
      cacheRead: exactInteger(row.cache_read),
      cacheWrite5m: exactInteger(row.cache_write_5m),
      cacheWrite1h: exactInteger(row.cache_write_1h),
      output: exactInteger(row.output),
      reasoning: exactInteger(row.reasoning),
      audioInput: exactInteger(row.audio_input),
      audioOutput: exactInteger(row.audio_output),
    },
    usageSource: row.usage_source,
    priceId: row.price_id,
    cost: exactMoney(row.cost),
    latencyMs: milliseconds(row.latency_us),
    firstTokenMs: milliseconds(row.first_token_us),
    streamed: row.streamed === 'yes',
    confidence: row.confidence,
    decision: row.decision,
    fingerprint: row.fingerprint,
    bodyHash: row.body_hash,
    tags: row.tags === null ? {} : fromJson<Call['tags']>(row.tags),
  };
}
