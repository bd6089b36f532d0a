import { z } from 'zod';
import { SIGNALS } from './schema.ts';

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const instant = z.iso.datetime({ offset: true });

const platt = z.strictObject({
  kind: z.literal('platt'),
  input: z.enum(['log-odds', 'value']),
  slope: z.number().min(0),
  intercept: z.number(),
  n: z.int().min(1),
});
const isotonic = z.strictObject({
  kind: z.literal('isotonic'),
  knots: z.array(z.tuple([z.number(), share])).min(1),
  n: z.int().min(1),
});

/** One certificate of the lock file: the evidence, and what a live answer needs to be weighed by it. */
const certificate = z.strictObject({
  id: z.string().min(1),
  task: z.string().min(1),
  small: z.string().min(1),
  big: z.string().min(1),
  verdict: z.enum(['swap', 'cascade', 'frontier']),
  threshold: z.number().nullable().describe('Accept from this confidence on; null for a swap'),
  signal: z.enum(SIGNALS).nullable().describe('What the confidence is read from'),
  calibrator: z
    .discriminatedUnion('kind', [z.strictObject({ kind: z.literal('identity') }), platt, isotonic])
    .nullable()
    .describe('How the signal becomes a probability'),
  gate: z
    .strictObject({ tokens: z.int().min(1) })
    .nullable()
    .describe('The confidence is that of the first tokens alone'),
  classifier: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('A gate classifier that reads several signals and the text in place of one signal'),
  method: z.enum(['score', 'evalue', 'clopper-pearson']),
  floor: z.strictObject({ retain: z.number().gt(0).max(1), level: z.number().gt(0).lt(1) }),
  look: z.int().min(1).nullable(),
  delta: z.number().gt(0).lt(1),
  pairs: count,
  accepted: share,
  retained: z.number().min(0),
  retainedLowerBound: z.number().min(0),
  counts: z.strictObject({ kept: count, lost: count, gained: count }),
  evidenceHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 over the pairs'),
  pins: z.record(z.string(), z.string()).describe('What must not change'),
  issued: instant,
  expires: instant,
});

/** One pin of the lock file: what a name of the registry stood for, as the tool saw it answer. */
const pin = z.strictObject({
  alias: z.string().min(1).describe('Name of the model in the config'),
  provider: z.string().min(1),
  model: z.string().min(1).describe('The name on the wire'),
  servedModel: z.string().min(1).nullable().describe('The model that answers say they come from; null where none said it'),
  systemFingerprints: z.array(z.string().min(1)).describe('Every system_fingerprint that answers carried'),
  firstSeen: instant.nullable(),
  lastSeen: instant.nullable(),
  shutdown: z
    .strictObject({
      on: z.iso.date().describe('First day (UTC) on which calls may fail'),
      replacement: z.string().min(1).nullable(),
      source: z.string().min(1).describe('The page that says so'),
      asOf: z.iso.date().describe('The day on which that page was read'),
    })
    .nullable(),
});

/** The shape of smallfirst.lock. */
export const lockSchema = z.strictObject({
  version: z.literal(1),
  certificates: z.array(certificate).default([]),
  pins: z.array(pin).optional().describe('What each model of the config was when `smallfirst pins update --write` last looked'),
});

export type RawLock = z.output<typeof lockSchema>;

/** JSON Schema (draft 2020-12) of smallfirst.lock, for editors. */
export function lockJsonSchema(): object {
  return { title: 'smallfirst.lock', ...z.toJSONSchema(lockSchema, { io: 'input' }) };
}
