import type { z } from 'zod';
import type { ModelConfig, TaskConfig } from '../../config/index.ts';
import type { Call } from '../../core/index.ts';
import { type Clock, type EpochMs, inputTotal, type NanoUsd, nanoUsd, SmallfirstError, toUsd } from '../../core/index.ts';
import { answerKey, type Ledger, type RecorderState } from '../../run/index.ts';
import type { BillRow, Store } from '../../store/types.ts';
import { limitsOf } from '../budgets.ts';
import { type KeyRing, keyStatus } from '../keys.ts';
import type { KeyRecord } from '../keys-file.ts';
import type { TaskStanding } from '../live-types.ts';
import type { EndpointName, endpoints } from './endpoints.ts';
import { briefLife, lifeView } from './life-view.ts';

/** What the admin API tells and changes. */
export interface AdminDeps {
  readonly version: string;
  readonly startedAt: EpochMs;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly ledger: Ledger;
  readonly models: ReadonlyMap<string, Pick<ModelConfig, 'name' | 'provider'>>;
  readonly isAvailable: (model: string) => boolean;
  readonly tasks: ReadonlyMap<string, Pick<TaskConfig, 'ladder' | 'shadow' | 'audit'>>;
  /** How a task stands in traffic; null for one that the config does not declare. */
  readonly standing: (task: string) => TaskStanding | null;
  readonly recorder: () => RecorderState;
  readonly active: () => number;
  /** The store to read from, opened when it is first needed. Rejects with STORE_UNAVAILABLE. */
  readonly store: () => Promise<Pick<Store, 'calls' | 'certificates' | 'looks' | 'events' | 'bodies' | 'feedback'>>;
}

type Asked<Name extends EndpointName> = {
  readonly params: z.output<(typeof endpoints)[Name]['params']>;
  readonly query: z.output<(typeof endpoints)[Name]['query']>;
  readonly body: (typeof endpoints)[Name]['body'] extends infer Body extends z.ZodType ? z.output<Body> : null;
};

/** A handler for each endpoint. What it returns is what the endpoint's schema describes. */
export type Handlers = {
  readonly [Name in EndpointName]: (asked: Asked<Name>) => Promise<z.input<(typeof endpoints)[Name]['answer']>>;
};

/** What each endpoint of the admin API does. */
export function adminHandlers(deps: AdminDeps): Handlers {
  return { ...keyHandlers(deps), ...taskHandlers(deps), ...callHandlers(deps) };
}

function keyHandlers(deps: AdminDeps): Pick<Handlers, 'status' | 'listKeys' | 'createKey' | 'revokeKey' | 'budgets'> {
  const now = () => deps.clock.now();
  return {
    status: async () => statusOf(deps),
    listKeys: async () => ({ keys: deps.keys.list().map((record) => keyView(record, now())) }),
    createKey: async ({ body }) => {
      const { key, record } = await deps.keys.create({
        ...body,
        budget: body.budget && { day: nanoOrNull(body.budget.day), month: nanoOrNull(body.budget.month) },
        caps: { inputTokens: body.caps.inputTokens, outputTokens: body.caps.outputTokens, cost: nanoOrNull(body.caps.costUsd) },
        expiresAt: body.expiresAt === null ? null : Date.parse(body.expiresAt),
      });
      deps.ledger.setLimits('key', record.name, limitsOf(record.budget));
      return { key, ...keyView(record, now()) };
    },
    revokeKey: async ({ params }) => keyView(await deps.keys.revoke(params.name), now()),
    budgets: async () => ({
      budgets: deps.ledger.states(now()).map((state) => ({
        scope: state.scope,
        name: state.name,
        window: state.window,
        limitUsd: toUsd(state.limit),
        spentUsd: toUsd(state.spent),
        reservedUsd: toUsd(state.reserved),
        leftUsd: toUsd(state.left),
        resetsAt: iso(state.resetsAt),
      })),
    }),
  };
}

function taskHandlers(deps: AdminDeps): Pick<Handlers, 'tasks' | 'task'> {
  const now = () => deps.clock.now();
  return {
    tasks: async ({ query }) => {
      const rows = await (await deps.store()).calls.bill(spanOf(query, now()), ['task']);
      const seen = new Set(rows.map(({ dimensions }) => dimensions.task ?? null));
      const unused = [...deps.tasks.keys()]
        .filter((task) => !seen.has(task))
        .map((task) => ({ task, isDeclared: true, ...briefLife(deps.standing(task)), ...NO_SUMS }));
      const used = rows.map((row) => {
        const task = row.dimensions.task ?? null;
        return {
          task,
          isDeclared: task !== null && deps.tasks.has(task),
          ...briefLife(task === null ? null : deps.standing(task)),
          ...sumsOf(row),
        };
      });
      return { tasks: [...used, ...unused] };
    },
    task: async ({ params, query }) => {
      const store = await deps.store();
      const rows = await store.calls.bill(spanOf(query, now()), ['task', 'model', 'purpose', 'outcome']);
      const config = deps.tasks.get(params.name) ?? null;
      return {
        task: params.name,
        ladder: config?.ladder.slice() ?? null,
        ...(await lifeView(params.name, deps.standing(params.name), config, store)),
        models: rows
          .filter(({ dimensions }) => dimensions.task === params.name)
          .map((row) => ({
            model: row.dimensions.model ?? '',
            purpose: row.dimensions.purpose ?? '',
            outcome: row.dimensions.outcome ?? '',
            ...sumsOf(row),
          })),
      };
    },
  };
}

function callHandlers(deps: AdminDeps): Pick<Handlers, 'calls' | 'request' | 'bill'> {
  const now = () => deps.clock.now();
  return {
    calls: async ({ query }) => {
      const { task, model, since, until, limit, before } = query;
      const filter = {
        ...(task === undefined ? {} : { task }),
        ...(model === undefined ? {} : { model }),
        ...(since === undefined ? {} : { since: Date.parse(since) }),
        ...(until === undefined ? {} : { until: Date.parse(until) }),
      };
      const calls = await (await deps.store()).calls.list(filter, before === undefined ? { limit } : { limit, before });
      return { calls: calls.map(callView), next: calls.length === limit ? (calls.at(-1)?.id ?? null) : null };
    },
    request: async ({ params }) => requestOf(await deps.store(), params.id),
    bill: async ({ query }) => {
      const span = spanOf(query, now());
      const { calls } = await deps.store();
      const rows = await calls.bill(span, query.by);
      const [total] = await calls.bill(span, []);
      return {
        from: iso(span.from),
        to: iso(span.to),
        rows: rows.map((row) => ({ dimensions: dimensionsOf(row), ...sumsOf(row) })),
        total: total ? sumsOf(total) : NO_SUMS,
      };
    },
  };
}

async function requestOf(
  { calls, bodies, feedback }: Pick<Store, 'calls' | 'bodies' | 'feedback'>,
  id: string,
): Promise<z.input<(typeof endpoints)['request']['answer']>> {
  const rows = await calls.ofRequest(id);
  const hash = rows[0]?.bodyHash ?? null;
  const sent = await feedback.ofRequest(id);
  if (rows.length === 0 && sent.length === 0) throw new SmallfirstError('INPUT_NOT_FOUND', 'No such request is in the record (yet).');
  return {
    id,
    request: hash === null ? null : await bodies.get(hash),
    calls: await Promise.all(rows.map(async (row) => ({ ...callView(row), answer: await bodies.get(answerKey(row.id)) }))),
    feedback: sent.map(({ id: itsId, at, key, label, score, comment }) => ({ id: itsId, at: iso(at), key, label, score, comment })),
  };
}

function statusOf(deps: AdminDeps): z.input<(typeof endpoints)['status']['answer']> {
  const { lastError, oldestQueuedAt, recordedRows, queuedRows, queuedBytes, ingestedRows, rejectedRows, lostRows } = deps.recorder();
  const now = deps.clock.now();
  return {
    version: deps.version,
    startedAt: iso(deps.startedAt),
    activeRequests: deps.active(),
    models: [...deps.models.values()].map(({ name, provider }) => ({ name, provider, isAvailable: deps.isAvailable(name) })),
    keys: deps.keys.list().filter((record) => keyStatus(record, now) === 'active').length,
    recorder: {
      recordedRows,
      queuedRows,
      queuedBytes,
      ingestedRows,
      rejectedRows,
      lostRows,
      oldestQueuedAt: oldestQueuedAt === null ? null : iso(oldestQueuedAt),
      lastError: lastError && { code: lastError.code, message: lastError.message, at: iso(lastError.at) },
    },
  };
}

function keyView(record: KeyRecord, now: EpochMs): z.input<(typeof endpoints)['revokeKey']['answer']> {
  const { name, team, tasks, models, budget, caps, passthrough, expiresAt, createdAt, revokedAt } = record;
  return {
    name,
    team,
    tasks: tasks && [...tasks],
    models: models && [...models],
    budget: budget && { day: usdOrNull(budget.day), month: usdOrNull(budget.month) },
    caps: { inputTokens: caps.inputTokens, outputTokens: caps.outputTokens, costUsd: usdOrNull(caps.cost) },
    passthrough,
    expiresAt: expiresAt === null ? null : iso(expiresAt),
    source: createdAt === null ? 'config' : 'admin',
    status: keyStatus(record, now),
    createdAt: createdAt === null ? null : iso(createdAt),
    revokedAt: revokedAt === null ? null : iso(revokedAt),
  };
}

function callView(call: Call) {
  const { at, cost, usage, ...rest } = call;
  return { ...rest, at: iso(at), costUsd: usdOrNull(cost), inputTokens: inputTotal(usage), usage };
}

const NO_SUMS = { calls: 0, requests: 0, unpricedCalls: 0, costUsd: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0 };

function sumsOf({ calls, requests, unpricedCalls, cost, inputTokens, cachedTokens, outputTokens }: BillRow) {
  return { calls, requests, unpricedCalls, costUsd: toUsd(cost), inputTokens, cachedTokens, outputTokens };
}

function dimensionsOf({ dimensions }: BillRow): Record<string, string | null> {
  return Object.fromEntries(Object.entries(dimensions).map(([name, value]) => [name, value ?? null]));
}

/** Days in UTC, both included; the running month when nothing is said. */
function spanOf(query: { readonly from?: string | undefined; readonly to?: string | undefined }, now: EpochMs) {
  const today = new Date(now).toISOString().slice(0, 10);
  const last = Date.parse(query.to ?? today);
  const from = Date.parse(query.from ?? `${(query.to ?? today).slice(0, 8)}01`);
  return { from, to: last + 86_400_000 };
}

function usdOrNull(amount: NanoUsd | null): number | null {
  return amount === null ? null : toUsd(amount);
}

function nanoOrNull(amount: number | null): NanoUsd | null {
  return amount === null ? null : nanoUsd(amount);
}

function iso(at: EpochMs): string {
  return new Date(at).toISOString();
}
