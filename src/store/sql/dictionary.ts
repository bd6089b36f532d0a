import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { type Call, isSameCombination, Recent } from '../../core/index.ts';
import type { DimensionTable, Tables, TraitTable } from './tables.ts';
import { chunks, plainName, plainNameOrNull } from './values.ts';

type DimensionValues = Omit<DimensionTable, 'id' | 'signature'>;
type TraitValues = Omit<TraitTable, 'id' | 'signature'>;

/** A combination that repeats is looked up in memory; past this many, memory starts again from empty. */
const REMEMBERED = 50_000;
/** Combinations that come by turns are found without making the key that memory needs. */
const RECENT = 16;

/** Numbers under which a call's repeating parts are kept. */
export interface CallReferences {
  readonly dimensionId: number;
  readonly traitId: number;
}

/**
 * Finds and makes the rows of `dimensions` and `traits`. They are written before the transaction of the calls that need them and
 * never removed: a row that nothing refers to is harmless, and memory never knows a number that a rollback took away.
 */
export class Dictionary {
  readonly #db: Kysely<Tables>;
  readonly #dimensions = new Map<string, number>();
  readonly #traits = new Map<string, number>();
  readonly #recent = new Recent<Call, CallReferences>(RECENT, isSameCombination);

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async resolve(calls: readonly Call[]): Promise<readonly CallReferences[]> {
    const found: CallReferences[] = [];
    for (const call of calls) {
      const references = this.#known(call);
      if (references === null) {
        await this.#learn(calls);
        return calls.map((known) => this.#known(known)!);
      }
      found.push(references);
    }
    return found;
  }

  #known(call: Call): CallReferences | null {
    const recent = this.#recent.get(call);
    if (recent !== undefined) return recent;
    const dimensionId = this.#dimensions.get(dimensionKey(call));
    const traitId = this.#traits.get(traitKey(call));
    if (dimensionId === undefined || traitId === undefined) return null;
    const references = { dimensionId, traitId };
    this.#recent.set(call, references);
    return references;
  }

  /** Makes the rows of what is new, all with one statement. */
  async #learn(calls: readonly Call[]): Promise<void> {
    if (this.#dimensions.size > REMEMBERED) this.#dimensions.clear();
    if (this.#traits.size > REMEMBERED) this.#traits.clear();
    const newDimensions = new Map<string, DimensionValues>();
    const newTraits = new Map<string, TraitValues>();
    for (const call of calls) {
      const dimension = dimensionKey(call);
      const trait = traitKey(call);
      if (!this.#dimensions.has(dimension)) newDimensions.set(dimension, dimensionValues(call));
      if (!this.#traits.has(trait)) newTraits.set(trait, traitValues(call));
    }
    if (newDimensions.size > 0) await intern(this.#db, 'dimensions', newDimensions, this.#dimensions);
    if (newTraits.size > 0) await intern(this.#db, 'traits', newTraits, this.#traits);
  }
}

/** Gives every combination a number, the one it has already or a new one, and remembers it. */
async function intern(
  db: Kysely<Tables>,
  table: 'dimensions' | 'traits',
  wanted: ReadonlyMap<string, DimensionValues | TraitValues>,
  memory: Map<string, number>,
): Promise<void> {
  for (const some of chunks([...wanted], 500)) {
    // Sorted, so that writers that meet take rows in one order and cannot wait for each other in a ring.
    const rows = some.map(([key, values]) => ({ key, values, signature: signature(values) })).sort(bySignature);
    const columns = ['signature', ...Object.keys(rows[0]!.values)].map((column) => sql.ref(column));
    const lines = rows.map((row) => sql`(${sql.join([row.signature, ...Object.values(row.values)])})`);
    await sql`insert into ${sql.table(table)} (${sql.join(columns)}) values ${sql.join(lines)} on conflict (signature) do nothing`.execute(
      db,
    );
    const signatures = rows.map((row) => row.signature);
    const found = await db.selectFrom(table).select(['signature', 'id']).where('signature', 'in', signatures).execute();
    const ids = new Map(found.map((row) => [row.signature, row.id]));
    for (const row of rows) memory.set(row.key, ids.get(row.signature)!);
  }
}

function bySignature(a: { readonly signature: string }, b: { readonly signature: string }): number {
  return a.signature < b.signature ? -1 : 1;
}

function signature(values: DimensionValues | TraitValues): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.values(values)))
    .digest('hex');
}

/** One part of a key, its length first: no two different lists of parts give the same key, and null differs from any text. */
function part(text: string | null): string {
  return text === null ? '-' : `${text.length}:${text}`;
}

function dimensionKey(call: Call): string {
  return (
    part(call.task) +
    part(call.step) +
    part(call.pipeline) +
    part(call.key) +
    part(call.team) +
    part(call.model) +
    part(call.provider) +
    part(call.tier) +
    part(call.purpose) +
    part(call.outcome)
  );
}

function traitKey(call: Call): string {
  return (
    part(call.servedModel) +
    part(call.error) +
    part(call.stop) +
    part(call.usageSource) +
    part(call.priceId) +
    part(call.decision) +
    (call.streamed ? 'yes' : 'no')
  );
}

function dimensionValues(call: Call): DimensionValues {
  return {
    task: plainNameOrNull(call.task),
    step: plainNameOrNull(call.step),
    pipeline: plainNameOrNull(call.pipeline),
    key: plainNameOrNull(call.key),
    team: plainNameOrNull(call.team),
    model: plainName(call.model),
    provider: plainName(call.provider),
    tier: call.tier,
    purpose: call.purpose,
    outcome: call.outcome,
  };
}

function traitValues(call: Call): TraitValues {
  return {
    served_model: plainNameOrNull(call.servedModel),
    error: plainNameOrNull(call.error),
    stop: call.stop,
    usage_source: call.usageSource,
    price_id: plainNameOrNull(call.priceId),
    streamed: call.streamed ? 'yes' : 'no',
    decision: plainNameOrNull(call.decision),
  };
}
