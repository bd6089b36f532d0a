import type { Kysely } from 'kysely';
import type { EvalCell, EvalStore } from '../types.ts';
import type { EvalCellTable, Tables } from './tables.ts';
import {
  chunks,
  exactInteger,
  exactMoney,
  fromJson,
  plainName,
  plainText,
  requireCount,
  requireFinite,
  requireMoney,
  toJson,
} from './values.ts';

/** Eval cells over SQL. */
export function sqlEvalStore(db: Kysely<Tables>): EvalStore {
  return {
    put: async (cells) => {
      const rows = withoutRepeats(cells).map(cellRow);
      await db.transaction().execute(async (transaction) => {
        for (const some of chunks(rows, 200)) {
          await transaction
            .insertInto('eval_cells')
            .values([...some])
            .onConflict((conflict) =>
              conflict
                .column('key')
                .doUpdateSet((eb) => ({
                  run: eb.ref('excluded.run'),
                  item: eb.ref('excluded.item'),
                  model: eb.ref('excluded.model'),
                  at: eb.ref('excluded.at'),
                  output: eb.ref('excluded.output'),
                  quality: eb.ref('excluded.quality'),
                  confidence: eb.ref('excluded.confidence'),
                  signals: eb.ref('excluded.signals'),
                  error: eb.ref('excluded.error'),
                  cost: eb.ref('excluded.cost'),
                  latency_ms: eb.ref('excluded.latency_ms'),
                  detail: eb.ref('excluded.detail'),
                }))
                .where('eval_cells.error', 'is not', null),
            )
            .execute();
        }
      });
    },
    found: async (keys) => {
      const found = new Map<string, EvalCell>();
      for (const some of chunks([...new Set(keys)], 500)) {
        const rows = await db.selectFrom('eval_cells').selectAll().where('key', 'in', some).where('error', 'is', null).execute();
        for (const row of rows) found.set(row.key, cellOf(row));
      }
      return found;
    },
    ofRun: async (run) => {
      const rows = await db.selectFrom('eval_cells').selectAll().where('run', '=', plainName(run)).orderBy('at').orderBy('key').execute();
      return rows.map(cellOf);
    },
  };
}

/** One cell a key, in order of key: the first good one, else the last. */
function withoutRepeats(cells: readonly EvalCell[]): EvalCell[] {
  const unique = new Map<string, EvalCell>();
  for (const cell of cells) {
    const before = unique.get(cell.key);
    if (!before || before.error !== null) unique.set(cell.key, cell);
  }
  return [...unique.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function cellRow(cell: EvalCell): EvalCellTable {
  const name = (member: string) => `cell ${cell.key}: ${member}`;
  return {
    key: cell.key,
    run: plainName(cell.run),
    item: plainName(cell.item),
    model: plainName(cell.model),
    at: requireCount(cell.at, name('at')),
    output: cell.output === null ? null : toJson(cell.output),
    quality: requireFinite(cell.quality, name('quality')),
    confidence: requireFinite(cell.confidence, name('confidence')),
    signals: toJson(cell.signals),
    error: cell.error === null ? null : plainText(cell.error),
    cost: requireMoney(cell.cost, name('cost')),
    latency_ms: requireFinite(cell.latencyMs, name('latencyMs')),
    detail: toJson(cell.detail),
  };
}

function cellOf(row: EvalCellTable): EvalCell {
  return {
    key: row.key,
    run: row.run,
    item: row.item,
    model: row.model,
    at: exactInteger(row.at),
    output: row.output === null ? null : fromJson<string>(row.output),
    quality: row.quality,
    confidence: row.confidence,
    signals: fromJson<EvalCell['signals']>(row.signals),
    error: row.error,
    cost: exactMoney(row.cost),
    latencyMs: row.latency_ms,
    detail: fromJson<EvalCell['detail']>(row.detail),
  };
}
