import { z } from 'zod';

const usd = z.number().gt(0);
const share = z.number().gt(0).max(1);

const shadow = z
  .strictObject({
    share: share.default(0.1).describe('Share of the requests whose candidates are asked too, after the client has its answer'),
    usdPerDay: usd.optional().describe('US dollars a day (UTC) that shadow calls of this task may cost; no limit when absent'),
    usdTotal: usd.optional().describe('US dollars that shadow calls of this task may cost in all; no limit when absent'),
    candidates: z.array(z.string().min(1)).min(1).optional().describe('Models of the ladder below its ceiling; the first one when absent'),
  })
  .describe('Asks candidates in the background and forms pairs. Without it there are no shadow calls, because they cost money');

const audit = z
  .strictObject({
    share: z
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe('Share of the accepted small answers that the ceiling is asked about; 0 for none'),
    usdPerDay: usd.optional().describe('US dollars a day (UTC) that audits of this task may cost; no limit when absent'),
  })
  .describe('Audits of accepted answers while a certificate routes');

const canary = z
  .union([
    z.literal(false),
    z.strictObject({
      stages: z
        .array(share)
        .min(1)
        .default([0.05, 0.25, 1])
        .describe('Shares of the traffic that a new certificate may route, rising; the last one is 1'),
      audits: z.int().min(1).default(200).describe('Weighted audits before the next stage'),
    }),
  ])
  .describe('How a new certificate comes into force; false routes all traffic at once');

/** The keys of a task that are about its life in traffic. */
export const lifeShape = {
  mode: z
    .enum(['observe', 'shadow', 'live'])
    .default('live')
    .describe('observe records only; shadow also asks candidates in the background; live routes where a certificate is in force'),
  shadow: shadow.optional(),
  audit: audit.prefault({}),
  canary: canary.default({ stages: [0.05, 0.25, 1], audits: 200 }),
  method: z
    .enum(['score', 'evalue'])
    .default('score')
    .describe('How automatic looks test: score needs the fewest pairs and looks at 500, 1,000, 2,000 …; evalue may look at any time'),
  triage: z.string().min(1).optional().describe('Path of the folder that `smallfirst triage train --out` wrote'),
  escalationsPerHour: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Requests that may escalate within an hour; past that the ceiling is asked at once, without the small model. No cap when absent',
    ),
  golden: z.string().min(1).optional().describe('Path of a set of cases whose right answers are known, one JSON object a line'),
};
