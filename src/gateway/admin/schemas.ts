import { z } from 'zod';
import { briefLifeShape, lifeShape } from './life-schemas.ts';

const usd = z.number().min(0).describe('US dollars');
const time = z.iso.datetime().describe('UTC');
const name = z.string().min(1).max(128);

const budget = z.strictObject({ day: usd.nullable().default(null), month: usd.nullable().default(null) });
const caps = z.strictObject({
  inputTokens: z.int().min(1).nullable().default(null),
  outputTokens: z.int().min(1).nullable().default(null),
  costUsd: z.number().gt(0).nullable().default(null),
});

/** What a key is created with. */
export const newKeySchema = z.strictObject({
  name: name.regex(/^[^\x00-\x1f\x7f]+$/),
  team: name.nullable().default(null),
  tasks: z.array(name).nullable().default(null).describe('Null allows all'),
  models: z.array(name).nullable().default(null).describe('Null allows all'),
  budget: budget.nullable().default(null),
  caps: caps.prefault({}),
  passthrough: z.boolean().default(false),
  expiresAt: z.iso.datetime({ offset: true }).nullable().default(null),
});

/** A key as it is shown: never itself. */
export const keySchema = z.strictObject({
  ...newKeySchema.shape,
  source: z.enum(['config', 'admin']),
  status: z.enum(['active', 'expired', 'revoked']),
  createdAt: time.nullable(),
  revokedAt: time.nullable(),
});
export const keysSchema = z.strictObject({ keys: z.array(keySchema) });
export const createdKeySchema = z.strictObject({ key: z.string().describe('The key itself, shown this once'), ...keySchema.shape });

export const budgetsSchema = z.strictObject({
  budgets: z.array(
    z.strictObject({
      scope: z.enum(['key', 'team', 'task']),
      name: z.string(),
      window: z.enum(['day', 'month']),
      limitUsd: usd,
      spentUsd: usd,
      reservedUsd: usd.describe('Held by requests under way'),
      leftUsd: usd,
      resetsAt: time,
    }),
  ),
});

export const statusSchema = z.strictObject({
  version: z.string(),
  startedAt: time,
  activeRequests: z.int(),
  models: z.array(z.strictObject({ name: z.string(), provider: z.string(), isAvailable: z.boolean() })),
  keys: z.int().describe('Keys that can be used now'),
  recorder: z.strictObject({
    recordedRows: z.int(),
    queuedRows: z.int(),
    queuedBytes: z.int(),
    oldestQueuedAt: time.nullable(),
    ingestedRows: z.int(),
    rejectedRows: z.int(),
    lostRows: z.int(),
    lastError: z.strictObject({ code: z.string(), message: z.string(), at: time }).nullable(),
  }),
});

const sums = {
  calls: z.int(),
  requests: z.int(),
  unpricedCalls: z.int(),
  costUsd: usd,
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
};

/** Whole days in UTC, both included. */
export const spanSchema = z.strictObject({
  from: z.iso.date().optional().describe('First day (UTC); the first of this month when absent'),
  to: z.iso.date().optional().describe('Last day (UTC); today when absent'),
});

export const tasksSchema = z.strictObject({
  tasks: z.array(z.strictObject({ task: z.string().nullable(), isDeclared: z.boolean(), ...briefLifeShape, ...sums })),
});

export const taskSchema = z.strictObject({
  task: z.string(),
  ladder: z.array(z.string()).nullable().describe('Null for a task that the config does not declare'),
  ...lifeShape,
  models: z.array(z.strictObject({ model: z.string(), purpose: z.string(), outcome: z.string(), ...sums })),
});

const DIMENSIONS = ['task', 'step', 'pipeline', 'model', 'provider', 'tier', 'purpose', 'outcome', 'key', 'team', 'day', 'hour'] as const;

export const billQuerySchema = z.strictObject({
  ...spanSchema.shape,
  by: z
    .string()
    .default('model')
    .transform((text) => text.split(',').filter((part) => part !== ''))
    .pipe(z.array(z.enum(DIMENSIONS)).max(DIMENSIONS.length))
    .describe(`Dimensions with commas between them: ${DIMENSIONS.join(', ')}`),
});
export const billSchema = z.strictObject({
  from: time,
  to: time.describe('Exclusive'),
  rows: z.array(z.strictObject({ dimensions: z.record(z.string(), z.string().nullable()), ...sums })),
  total: z.strictObject(sums),
});

export const callsQuerySchema = z.strictObject({
  task: name.optional(),
  model: name.optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.string().max(64).optional().describe('The id of the last call of the page before'),
});
export const callsSchema = z.strictObject({
  calls: z.array(z.looseObject({ id: z.string(), requestId: z.string(), at: time, model: z.string(), costUsd: usd.nullable() })),
  next: z.string().nullable().describe('What to send as `before` for the next page'),
});

export const requestSchema = z.strictObject({
  id: z.string(),
  request: z.string().nullable().describe('Its text as it was kept; null where it was not'),
  calls: z.array(
    z.looseObject({
      id: z.string(),
      requestId: z.string(),
      at: time,
      model: z.string(),
      costUsd: usd.nullable(),
      answer: z.string().nullable().describe('Its text as it was kept; null where it was not'),
    }),
  ),
  feedback: z.array(
    z.strictObject({
      id: z.string(),
      at: time,
      key: z.string().nullable(),
      label: z.string().nullable(),
      score: z.number().nullable(),
      comment: z.string().nullable(),
    }),
  ),
});

export const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
});
