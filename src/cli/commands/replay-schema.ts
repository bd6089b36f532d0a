import { z } from 'zod';

const usd = z.number().describe('US dollars');
const instant = z.iso.datetime().describe('A moment in UTC');

const task = z.strictObject({
  task: z.string(),
  policy: z.strictObject({
    ladder: z.array(z.string()),
    certificate: z.string().nullable().describe('Id of the certificate replayed; null without one'),
    threshold: z.number().nullable().describe('From the certificate, or a number that a person fixed'),
    routes: z.boolean().describe('Whether a rung below the ceiling may answer'),
  }),
  requests: z.int().describe('Closed requests of the span'),
  replayed: z.int().describe('Those that could be replayed: all figures but `retained` are of these'),
  beforeUsd: usd.describe("What their clients' answers cost: shadows, audits and judges apart"),
  afterUsd: usd.describe('What the policy would have paid for'),
  unpricedCalls: z.strictObject({ before: z.int(), after: z.int() }).describe('Calls without a known cost; above 0 the sum is too low'),
  kept: z.number().nullable().describe('Share answered below the ceiling'),
  escalated: z.int().describe('Requests that took more than one call'),
  refused: z.int().describe('Requests that nobody could have answered'),
  notReplayable: z.array(
    z.strictObject({
      why: z.enum(['unrecorded', 'no-confidence']),
      model: z.string().describe('Which the policy would have called, or whose confidence cannot be read'),
      requests: z.int(),
    }),
  ),
  retained: z
    .strictObject({ retained: z.number(), low: z.number(), high: z.number(), rows: z.int(), audits: z.int(), level: z.number() })
    .nullable()
    .describe("Share of the ceiling's quality, by pairs of the span; null without any"),
  floor: z.number(),
});

/** The shape of what `smallfirst replay --json` prints. */
export const replaySchema = z.strictObject({
  at: instant,
  since: instant,
  policy: z.string().describe('The file, as it was named'),
  needsPerson: z.boolean().describe('The policy is shown to miss a floor; exit code 1 exactly when true'),
  tasks: z.array(task),
});

/** What `smallfirst replay --json` prints. */
export type ReplayDocument = z.output<typeof replaySchema>;

/** JSON Schema (draft 2020-12) of what `smallfirst replay --json` prints. */
export function replayJsonSchema(): object {
  return { title: 'smallfirst replay --json', ...z.toJSONSchema(replaySchema) };
}
