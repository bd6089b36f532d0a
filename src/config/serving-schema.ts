import { z } from 'zod';

const money = z.number().min(0);

const upstreamAt = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('Base URL, as the SDK of that protocol takes it'),
  apiKey: z.string().min(1).optional().describe("The credential; without one the client's own goes on, to this URL only"),
});

/** `passthrough:`: who serves every model name and endpoint that the config does not name, by protocol. */
const passthrough = z
  .strictObject({ openai: upstreamAt.optional(), anthropic: upstreamAt.optional() })
  .describe('Who serves every other model name and endpoint, by protocol');

const budget = z
  .strictObject({
    day: money.optional().describe('US dollars a day (UTC)'),
    month: money.optional().describe('US dollars a month (UTC)'),
  })
  .describe('The most that may be spent');

const caps = z
  .strictObject({
    inputTokens: z.int().min(1).optional(),
    outputTokens: z.int().min(1).optional(),
    costUsd: z.number().gt(0).optional().describe('US dollars, at its worst'),
  })
  .describe('The most that one request may ask for');

/** One entry of `keys:`. */
const key = z.strictObject({
  name: z.string().min(1).max(128).describe('Shown in bills and logs in place of the key'),
  key: z.string().min(8).describe('The key itself, best as ${NAME} from the environment, or sha256: and the 64 hex digits of its hash'),
  team: z.string().min(1).optional(),
  tasks: z.array(z.string().min(1)).optional().describe('The only tasks that it may ask for'),
  models: z.array(z.string().min(1)).optional().describe('The only models that it may ask for'),
  budget: budget.optional(),
  caps: caps.optional(),
  passthrough: z.boolean().default(false).describe('Whether it may use what the config does not name'),
  expires: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()])
    .optional()
    .describe('From this moment on it is refused; a date alone begins at midnight UTC'),
});

const budgets = z
  .strictObject({
    teams: z.record(z.string().min(1), budget).default({}),
    tasks: z.record(z.string().min(1), budget).default({}),
  })
  .describe('What teams and tasks may spend, whichever key asks');

const admin = z
  .strictObject({ token: z.string().min(16).describe('The credential of the admin API; write ${NAME} to take it from the environment') })
  .describe('The admin API');

const log = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('The least that is logged'),
    sample: z.number().min(0).max(1).default(1).describe('Share of the answered requests that get a line; failures always get one'),
  })
  .describe('The log: JSON lines on standard error');

const otel = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Where spans go by OTLP over HTTP, with its path, as in http://127.0.0.1:4318/v1/traces'),
    headers: z.record(z.string(), z.string()).default({}),
    sample: z.number().min(0).max(1).default(1).describe('Share of the traces that begin here; a caller decides for its own'),
  })
  .describe('OpenTelemetry traces');

const upstreams = z
  .strictObject({ allowPrivate: z.boolean().default(true).describe('Whether upstream URLs may be loopback or private addresses') })
  .describe('What holds for every upstream');

const server = z
  .strictObject({
    drainSeconds: z.number().min(0).max(3600).default(30).describe('How long requests may go on after SIGTERM'),
    pingSeconds: z.number().gt(0).max(600).default(15).describe('Silence on a stream after which the client is sent a sign of life'),
    sendTimeoutSeconds: z
      .number()
      .gt(0)
      .max(86_400)
      .default(300)
      .describe('How long a client may take nothing of what waits for it before its connection is cut; seen in steps of about a megabyte'),
    maxConnections: z.int().min(1).default(20_000),
  })
  .describe('How the gateway serves');

/** What is kept of requests and answers, for all tasks or for one. */
export const captureSchema = z
  .strictObject({
    mode: z
      .enum(['off', 'full', 'redacted'])
      .describe('redacted replaces what looks like a key, an e-mail address, a bank account, a payment card or a telephone number'),
    rate: z.number().min(0).max(1).default(1).describe('Share of the client requests whose texts are kept'),
  })
  .describe('What is kept of the texts of requests and answers');

const duration = z.string().regex(/^[1-9]\d{0,4}[hd]$/, 'must be a number of hours or days, such as 12h or 30d');

const retention = z
  .strictObject({
    bodies: duration.optional().describe('How long the texts of requests and answers are kept, such as 30d; for good when absent'),
    calls: duration.optional().describe('How long the rows of calls are kept; bills keep what they add up to. For good when absent'),
  })
  .describe('How long things are kept');

/** `store:`: where the record is kept. */
export const storeSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^postgres(ql)?$/ })
      .describe('A PostgreSQL database (15 or later), best as ${NAME} from the environment: it may hold a password'),
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be a name of a-z, 0-9 and _')
      .optional()
      .describe("The schema that holds the tables, made if it is not there; what the server's search path says when absent"),
  })
  .describe('Where the record is kept; in SQLite in the data directory when absent');

/** The keys of smallfirst.yaml that are about serving. */
export const servingShape = {
  passthrough: passthrough.optional(),
  keys: z.array(key).default([]).describe('Client keys; with at least one, every request needs one'),
  budgets: budgets.prefault({}),
  admin: admin.optional(),
  log: log.prefault({}),
  otel: otel.optional(),
  capture: captureSchema.default({ mode: 'off', rate: 1 }),
  retention: retention.prefault({}),
  store: storeSchema.optional(),
  upstreams: upstreams.prefault({}),
  server: server.prefault({}),
  allowUnauthenticated: z.boolean().default(false).describe('Serve other machines although no key is declared'),
};
