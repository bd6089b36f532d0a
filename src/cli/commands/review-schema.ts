import { z } from 'zod';

const instant = z.iso.datetime().describe('A moment in UTC');
const usd = z.number().nullable().describe('US dollars; null where a cost is not known');

const certificate = z.strictObject({
  id: z.string(),
  small: z.string(),
  big: z.string(),
  verdict: z.enum(['swap', 'cascade', 'frontier']),
  threshold: z.number().nullable().describe('Accept from this confidence on; null for a swap'),
  signal: z.string().nullable(),
  accepted: z.number().describe('Share of the traffic that the small model keeps'),
  retained: z.number().describe("Share of the ceiling's quality, by the evidence"),
  retainedLowerBound: z.number(),
  floor: z.number(),
  pairs: z.int(),
  issued: instant,
  expires: instant,
});

const task = z.strictObject({
  task: z.string(),
  mode: z.enum(['observe', 'shadow', 'live']).nullable().describe('Null for a task that only the lock file has'),
  verdict: z.enum(['new', 'renewed', 'loosened', 'tightened', 'void', 'in-force', 'not-enough', 'frontier']),
  reason: z.string().describe('One sentence: the numbers that decided it'),
  needsPerson: z.boolean(),
  before: certificate.nullable().describe('What smallfirst.lock holds'),
  after: certificate.nullable().describe('What it would hold'),
  look: z
    .strictObject({
      k: z.int().describe('Number of the look in its series'),
      n: z.int().describe('Pairs it certified on'),
      delta: z.number().describe('Error it spent'),
    })
    .nullable()
    .describe('The look that decided'),
  evidence: z
    .array(
      z.strictObject({
        small: z.string(),
        n: z.int().describe('Pairs that a look would certify on now'),
        size: z.int().describe('Pairs that the next scheduled look waits for'),
        k: z.int().describe('Number of its next look'),
        missing: z.int().describe('About how many more pairs of traffic until then'),
      }),
    )
    .describe('By candidate that has pairs'),
  monthly: z
    .strictObject({ requests: z.int(), ceilingUsd: usd, beforeUsd: usd, afterUsd: usd })
    .nullable()
    .describe('Expected over 30 days, by mean costs of the pairs; null without traffic on record'),
  live: z
    .strictObject({ retained: z.number(), low: z.number(), high: z.number(), rows: z.int(), audits: z.int() })
    .nullable()
    .describe('Estimate from audits since the certificate was issued'),
  incidents: z.array(z.strictObject({ at: instant, kind: z.string(), reason: z.string() })),
  prices: z
    .array(
      z.strictObject({
        model: z.string(),
        before: z.string().describe('Id of the price that was in force'),
        after: z.string().nullable().describe('Id of the price that is; null where there is none any more'),
        costRatio: z.number().nullable().describe('Cost of a recorded call now over then'),
      }),
    )
    .describe('Prices that changed since the certificate was issued'),
  pins: z
    .array(
      z.strictObject({
        model: z.string(),
        kind: z.string().describe('As in `pins check --json`'),
        needsPerson: z.boolean(),
        message: z.string(),
      }),
    )
    .describe('Shutdowns and other findings about the models of the ladder'),
});

/** The shape of what `smallfirst review --json` prints. */
export const reviewSchema = z.strictObject({
  at: instant,
  needsPerson: z.boolean().describe('Exit code 1 exactly when true'),
  written: z.boolean().describe('Whether `--write` changed the lock file'),
  diff: z.string().describe('Unified diff of smallfirst.lock; empty where nothing changes'),
  tasks: z.array(task),
});

/** What `smallfirst review --json` prints. */
export type ReviewDocument = z.output<typeof reviewSchema>;

/** JSON Schema (draft 2020-12) of what `smallfirst review --json` prints. */
export function reviewJsonSchema(): object {
  return { title: 'smallfirst review --json', ...z.toJSONSchema(reviewSchema) };
}
