import type { Generated } from 'kysely';
import type { CertifyMethod, Outcome, Purpose, StopReason, Tier, UsageSource } from '../../core/index.ts';
import type { Look, StoredPair, TaskEventKind } from '../types.ts';

/** What a bill can be split by: one row per combination that occurs. */
export interface DimensionTable {
  id: Generated<number>;
  /** SHA-256 over the other columns: they may be null, which a unique index over them would not see as equal. */
  signature: string;
  task: string | null;
  step: string | null;
  pipeline: string | null;
  key: string | null;
  team: string | null;
  model: string;
  provider: string;
  tier: Tier;
  purpose: Purpose;
  outcome: Outcome;
}

/** The rest of what repeats from call to call. */
export interface TraitTable {
  id: Generated<number>;
  signature: string;
  served_model: string | null;
  error: string | null;
  stop: StopReason | null;
  usage_source: UsageSource;
  price_id: string | null;
  streamed: 'yes' | 'no';
  decision: string | null;
}

export interface CallTable {
  id: string;
  request_id: string;
  at: number;
  dimension_id: number;
  trait_id: number;
  fresh_input: number;
  cache_read: number;
  cache_write_5m: number;
  cache_write_1h: number;
  output: number;
  reasoning: number;
  audio_input: number;
  audio_output: number;
  cost: number | null;
  latency_us: number | null;
  first_token_us: number | null;
  confidence: number | null;
  fingerprint: string | null;
  body_hash: string | null;
  tags: string | null;
}

/** What a rollup adds up. The order is the order of the columns. */
export interface RollupSums {
  calls: number;
  requests: number;
  unpriced_calls: number;
  cost: number;
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  latency_us: number;
  latency_count: number;
}

export interface PairTable {
  task: string;
  small: string;
  big: string;
  id: string;
  at: number;
  drawn: StoredPair['drawn'];
  inclusion: number;
  cluster_name: string | null;
  small_quality: number;
  big_quality: number;
  confidence: number | null;
  signals: string;
  small_cost: number | null;
  big_cost: number | null;
  small_latency_ms: number | null;
  big_latency_ms: number | null;
  request_id: string | null;
  certificate: string | null;
  prompt: string | null;
  served_small: string | null;
  served_big: string | null;
  /** JSON text, so that any string survives; so are the outputs. */
  input: string | null;
  small_output: string | null;
  big_output: string | null;
  judged_by: string;
  skip: number;
}

export interface LookTable {
  id: string;
  task: string;
  small: string;
  big: string;
  series: string;
  k: number;
  n: number;
  delta: number;
  at: number;
  taken_by: Look['by'];
  method: CertifyMethod;
  verdict: Look['verdict'];
  retained: number | null;
  lower_bound: number | null;
  certificate: string | null;
}

export interface TaskEventTable {
  id: string;
  task: string;
  at: number;
  kind: TaskEventKind;
  certificate: string | null;
  /** JSON text, so that any string survives; so is the detail. */
  reason: string;
  detail: string;
}

export interface EvalCellTable {
  key: string;
  run: string;
  item: string;
  model: string;
  at: number;
  /** JSON text, so that any string survives. */
  output: string | null;
  quality: number | null;
  confidence: number | null;
  signals: string;
  error: string | null;
  cost: number | null;
  latency_ms: number | null;
  detail: string;
}

export interface FeedbackTable {
  id: string;
  request_id: string;
  at: number;
  key: string | null;
  /** JSON text, so that any string survives; so is the comment. */
  label: string | null;
  score: number | null;
  comment: string | null;
}

/** The schema as Kysely knows it; migrations/ creates it. */
export interface Tables {
  schema_version: { version: number; name: string };
  dimensions: DimensionTable;
  traits: TraitTable;
  calls: CallTable;
  hour_rollups: RollupSums & { hour: number; dimension_id: number };
  day_rollups: RollupSums & { day: number; dimension_id: number };
  bodies: { hash: string; at: number; body: Uint8Array };
  pairs: PairTable;
  looks: LookTable;
  task_events: TaskEventTable;
  eval_cells: EvalCellTable;
  certificates: { id: string; task: string; issued_at: number; body: string };
  feedback: FeedbackTable;
  /** `masked` is JSON text, so that any string survives. */
  templates: { hash: string; masked: string; at: number };
  certificate_voids: { certificate_id: string; at: number; reason: string };
}
