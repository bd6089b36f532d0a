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

/** The shape of smallfirst.lock. */
export const lockSchema = z.strictObject({
  version: z.literal(1),
  certificates: z.array(certificate).default([]),
});

export type RawLock = z.output<typeof lockSchema>;

/** JSON Schema (draft 2020-12) of smallfirst.lock, for editors. */
export function lockJsonSchema(): object {
  return { title: 'smallfirst.lock', ...z.toJSONSchema(lockSchema, { io: 'input' }) };
}
