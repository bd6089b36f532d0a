import type { Config, ModelConfig, TaskConfig } from '../../config/index.ts';
import { addUsd, type EpochMs, type NanoUsd, usage, ZERO_USD } from '../../core/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import type { BillRow, Store } from '../../store/index.ts';

/** What a task's traffic is on average, from rollups. */
export interface TaskTraffic {
  readonly requestsPerDay: number;
  /** What shadow calls of the task cost, on the last day of the span (UTC) and in all. */
  readonly spentToday: NanoUsd;
  readonly spent: NanoUsd;
  /** One call of a model on this task's requests: as shadow calls cost until now, else by price; null where neither is known. */
  costOf(model: ModelConfig): NanoUsd | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Purposes under which a client's request is answered. */
const ANSWERS: ReadonlySet<string> = new Set(['answer', 'escalation', 'polish']);

/** Reads the traffic of every task. A span that traffic began in counts from its first hour, so that a young record is not diluted. */
export async function readTraffic(
  store: Pick<Store, 'calls'>,
  world: { readonly config: Config; readonly prices: PriceBook; readonly now: EpochMs; readonly days: number },
): Promise<ReadonlyMap<string, TaskTraffic>> {
  const { config, now, days } = world;
  const to = Math.ceil((now + 1) / HOUR_MS) * HOUR_MS;
  const recent = await store.calls.bill({ from: to - days * DAY_MS, to }, ['task', 'model', 'purpose', 'hour']);
  const shadows = (await store.calls.bill({ from: 0, to }, ['task', 'model', 'purpose', 'day'])).filter(
    ({ dimensions }) => dimensions.purpose === 'shadow',
  );
  const today = new Date(now).toISOString().slice(0, 10);
  return new Map(
    [...config.tasks.values()].map((task) => {
      const rows = recent.filter(({ dimensions }) => dimensions.task === task.name);
      const asked = shadows.filter(({ dimensions }) => dimensions.task === task.name);
      const traffic: TaskTraffic = {
        requestsPerDay: (DAY_MS * sum(rows.filter(isAnswer), ({ requests }) => requests)) / spanOf(rows.filter(isAnswer), now),
        spentToday: addUsd(ZERO_USD, ...asked.filter(({ dimensions }) => dimensions.day === today).map(({ cost }) => cost)),
        spent: addUsd(ZERO_USD, ...asked.map(({ cost }) => cost)),
        costOf: (model) => costOf(model, { task, rows, asked }, world),
      };
      return [task.name, traffic];
    }),
  );
}

function isAnswer({ dimensions }: BillRow): boolean {
  return ANSWERS.has(dimensions.purpose ?? '');
}

/** From the first hour with a request until now. */
function spanOf(rows: readonly BillRow[], now: EpochMs): number {
  const hours = rows.map(({ dimensions }) => Date.parse(dimensions.hour ?? '')).filter(Number.isFinite);
  return hours.length === 0 ? DAY_MS : Math.max(HOUR_MS, now - Math.min(...hours));
}

function costOf(
  model: ModelConfig,
  seen: { readonly task: TaskConfig; readonly rows: readonly BillRow[]; readonly asked: readonly BillRow[] },
  world: { readonly config: Config; readonly prices: PriceBook; readonly now: EpochMs },
): NanoUsd | null {
  const own = seen.asked.filter(({ dimensions }) => dimensions.model === model.name);
  const priced = sum(own, ({ calls, unpricedCalls }) => calls - unpricedCalls);
  if (priced > 0) return Math.round(sum(own, ({ cost }) => cost) / priced) as NanoUsd;
  // The ceiling's answers have the lengths that this model's would about have.
  const ceiling = seen.rows.filter(({ dimensions }) => dimensions.model === seen.task.ladder.at(-1));
  const calls = sum(ceiling, (row) => row.calls);
  if (calls === 0) return null;
  const used = usage({
    freshInput: Math.round(sum(ceiling, ({ inputTokens }) => inputTokens) / calls),
    output: Math.round(sum(ceiling, ({ outputTokens }) => outputTokens) / calls),
  });
  return world.prices.price({ provider: model.provider, model: model.model }, used, world.now)?.cost ?? null;
}

function sum(rows: readonly BillRow[], pick: (row: BillRow) => number): number {
  return rows.reduce((total, row) => total + pick(row), 0);
}
