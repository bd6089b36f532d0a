import { z } from 'zod';

const instant = z.iso.datetime().describe('A moment in UTC');
const day = z.iso.date();

const shutdown = z.strictObject({
  on: day.describe('First day (UTC) on which calls may fail'),
  daysLeft: z.int().describe('Whole days until that day begins; 0 and below once it has begun'),
  alert: z
    .union([z.literal(90), z.literal(30), z.literal(7), z.literal(0)])
    .nullable()
    .describe('How near it is: at most 90, 30 or 7 days away, 0 once it has come; null while it is further away'),
  replacement: z.string().nullable().describe('What the vendor recommends'),
  source: z.string().describe('The page that says so'),
  asOf: day.describe('The day on which that page was read'),
});

const finding = z.strictObject({
  kind: z.enum(['unpinned', 'served-model', 'fingerprint', 'wire-name', 'shutdown', 'past-shutdown', 'unobserved', 'no-pin']),
  needsPerson: z.boolean().describe('False for what is only worth knowing'),
  message: z.string().describe('One sentence: what it is, and what to do'),
});

const pin = z.strictObject({
  provider: z.string(),
  model: z.string(),
  servedModel: z.string().nullable(),
  systemFingerprints: z.array(z.string()),
  firstSeen: instant.nullable(),
  lastSeen: instant.nullable(),
});

const observed = z.strictObject({
  calls: z.int().describe('Answers on record in the span'),
  servedModel: z.string().nullable().describe('The model that the newest answers say they come from'),
  otherServedModels: z.array(z.string()).describe('What else answered in the span, oldest first'),
  systemFingerprint: z.string().nullable().describe('Of the newest answer that carried one'),
  firstSeen: instant,
  lastSeen: instant,
});

const model = z.strictObject({
  alias: z.string().describe('Name in the config'),
  provider: z.string(),
  model: z.string().describe('Name on the wire'),
  pinning: z
    .enum(['pinned', 'alias', 'unknown'])
    .describe('Whether the vendor keeps the name on one model, moves it, or says neither on any page that we know'),
  tasks: z.array(z.string()).describe('Tasks that have it on their ladder'),
  pin: pin.nullable().describe('What smallfirst.lock holds'),
  observed: observed.nullable().describe('What the record holds'),
  shutdown: shutdown.nullable(),
  findings: z.array(finding),
});

/** The shape of what `smallfirst pins check --json` prints. */
export const pinsCheckSchema = z.strictObject({
  at: instant,
  since: instant.describe('Answers are looked at from here on'),
  needsPerson: z.boolean().describe('Whether any finding does; the exit code is then 1'),
  shutdownsAsOf: z.record(z.string(), day).describe('By provider, the day on which the bundled list was last read from its page'),
  models: z.array(model),
});

/** What `smallfirst pins check --json` prints. */
export type PinsCheckDocument = z.output<typeof pinsCheckSchema>;

/** JSON Schema (draft 2020-12) of what `smallfirst pins check --json` prints. */
export function pinsCheckJsonSchema(): object {
  return { title: 'smallfirst pins check --json', ...z.toJSONSchema(pinsCheckSchema) };
}
