import { z } from 'zod';

const usd = z.number().min(0).describe('US dollars');
const time = z.iso.datetime().describe('UTC');
const share = z.number().min(0).max(1);

/** A certificate as it is shown. */
export const certificateSchema = z.strictObject({
  id: z.string(),
  small: z.string(),
  big: z.string(),
  verdict: z.string(),
  threshold: z.number().nullable(),
  pairs: z.int(),
  retained: z.number(),
  retainedLowerBound: z.number(),
  issuedAt: time,
  expiresAt: time,
});

/** How a certificate does in traffic. */
const liveSchema = z.strictObject({
  standing: z
    .enum(['certified', 'provisional', 'ceiling', 'unwatched'])
    .describe('unwatched: the config audits nothing. provisional answers are uncertified'),
  provisionalThreshold: z.number().nullable(),
  exposure: share.describe('Share of the traffic that the certificate may route now'),
  voided: z.string().nullable().describe('Why it is void; null while it is not'),
  estimate: z
    .strictObject({ retained: z.number(), low: z.number(), high: z.number(), rows: z.int(), audits: z.int() })
    .nullable()
    .describe("Retained quality over the latest audits, with its interval at the floor's level"),
  canary: z
    .strictObject({
      state: z.enum(['running', 'complete', 'rolled-back']),
      stage: z.int().describe('From 0'),
      stages: z.array(share),
      audits: z.number().describe('Weighted audits in this stage'),
      auditsPerStage: z.number(),
      eValue: z.number().describe('Of the harm process, which rolls back at its limit'),
      limit: z.number(),
    })
    .nullable(),
  detector: z
    .strictObject({ eValue: z.number(), peak: z.number(), limit: z.number(), rows: z.int() })
    .nullable()
    .describe('The e-CUSUM of the certified policy since its last restart; it alarms at its limit'),
  safer: z.array(z.strictObject({ threshold: z.number(), eValue: z.number() })),
  audits: z
    .strictObject({
      share: z.number().describe('Mean audit probability of accepted answers now'),
      minimum: z.number(),
      strata: z.array(z.strictObject({ from: z.number().nullable(), probability: z.number() })),
      rows: z.int(),
      accepted: z.int(),
      unreadable: z.int(),
    })
    .nullable(),
  covariates: z.array(z.strictObject({ covariate: z.string(), psi: z.number(), warned: z.boolean() })),
});

const spendSchema = z.strictObject({
  share: z.number(),
  todayUsd: usd,
  totalUsd: usd,
  perDayUsd: usd.nullable().describe('Null for no limit'),
  limitUsd: usd.nullable().describe('In all; null for no limit'),
  pairs: z.int().describe('Kept since this process started'),
});

/** What the admin API says of a task's life beside its volume. */
export const lifeShape = {
  mode: z.enum(['observe', 'shadow', 'live']).nullable().describe('Null for a task that the config does not declare'),
  certificate: certificateSchema.nullable().describe('The one of the lock file'),
  proposed: certificateSchema.nullable().describe('The newest one in the store that is not in the lock file: a person may approve it'),
  live: liveSchema.nullable().describe('Null where no certificate of the lock file routes or did'),
  shadow: spendSchema.nullable(),
  audit: spendSchema.nullable(),
  looks: z.array(
    z.strictObject({
      k: z.int(),
      n: z.int(),
      delta: z.number(),
      at: time,
      by: z.string(),
      method: z.string(),
      small: z.string(),
      verdict: z.string(),
      retained: z.number().nullable(),
      lowerBound: z.number().nullable(),
      certificate: z.string().nullable(),
    }),
  ),
  events: z
    .array(
      z.strictObject({
        id: z.string(),
        at: time,
        kind: z.string(),
        certificate: z.string().nullable(),
        reason: z.string(),
        detail: z.unknown().describe('The numbers behind it'),
      }),
    )
    .describe('The latest hundred: alarms, rollbacks, stages …, newest first'),
};

/** The same in short, for lists. */
export const briefLifeShape = {
  mode: z.enum(['observe', 'shadow', 'live']).nullable(),
  certificate: z.string().nullable().describe('Id of the one of the lock file'),
  standing: liveSchema.shape.standing.nullable(),
  exposure: share.nullable(),
  voided: z.string().nullable(),
};
