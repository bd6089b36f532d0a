import type { z } from 'zod';
import type { TaskConfig } from '../../config/index.ts';
import { type Certificate, type NanoUsd, toUsd } from '../../core/index.ts';
import type { LiveSnapshot } from '../../life/index.ts';
import type { Store } from '../../store/types.ts';
import type { TaskStanding } from '../live-types.ts';
import type { briefLifeShape, certificateSchema, lifeShape } from './life-schemas.ts';

type Life = { readonly [Name in keyof typeof lifeShape]: z.input<(typeof lifeShape)[Name]> };
type BriefLife = { readonly [Name in keyof typeof briefLifeShape]: z.input<(typeof briefLifeShape)[Name]> };

/** Events that one answer shows. */
const EVENTS = 100;

/** Everything about a task's life, from memory and from the store. `standing` is null for a task that the config does not declare. */
export async function lifeView(
  name: string,
  standing: TaskStanding | null,
  config: Pick<TaskConfig, 'shadow' | 'audit'> | null,
  store: Pick<Store, 'certificates' | 'looks' | 'events'>,
): Promise<Life> {
  const newest = await store.certificates.current(name);
  const events = await store.events.list({ task: name, limit: EVENTS });
  const looks = await store.looks.list({ task: name });
  const inLock = standing?.certificate ?? null;
  const { shadow, audit } = config ?? { shadow: null, audit: null };
  return {
    mode: standing?.mode ?? null,
    certificate: inLock && certificateView(inLock),
    proposed: newest !== null && newest.id !== inLock?.id ? certificateView(newest) : null,
    live: standing === null ? null : liveView(standing),
    shadow: standing && shadow && spendView(shadow.share, shadow, standing.shadow, standing.counts.shadowPairs),
    audit: standing && audit && spendView(audit.share, { perDay: audit.perDay, total: null }, standing.audits, standing.counts.auditPairs),
    looks: looks.map(({ k, n, delta, at, by, method, small, verdict, retained, lowerBound, certificate }) => ({
      ...{ k, n, delta, at: iso(at), by, method, small, verdict, retained, lowerBound, certificate },
    })),
    events: [...events]
      .reverse()
      .map(({ id, at, kind, certificate, reason, detail }) => ({ id, at: iso(at), kind, certificate, reason, detail })),
  };
}

/** The same in short. */
export function briefLife(standing: TaskStanding | null): BriefLife {
  const live = standing === null ? null : liveView(standing);
  return {
    mode: standing?.mode ?? null,
    certificate: standing?.certificate?.id ?? null,
    standing: live?.standing ?? null,
    exposure: live?.exposure ?? null,
    voided: standing?.voided ?? null,
  };
}

function liveView({ certificate, monitor, voided, watched }: TaskStanding): Life['live'] {
  if (certificate === null || !watched) return null;
  if (monitor === null) return { ...UNWATCHED, exposure: voided === null ? 1 : 0, voided };
  const { standing, exposure, canary, detector, safer, audit, estimate, covariates } = monitor.snapshot();
  return {
    standing: voided !== null ? 'ceiling' : typeof standing === 'string' ? standing : 'provisional',
    provisionalThreshold: typeof standing === 'string' ? null : standing.provisional,
    exposure: voided === null ? exposure : 0,
    voided,
    estimate: estimate && { ...estimate },
    canary: canaryView(canary),
    detector: { eValue: detector.e, peak: detector.peak, limit: detector.limit, rows: detector.rows },
    safer: safer.map(({ threshold, e }) => ({ threshold, eValue: e })),
    audits: { ...audit, strata: audit.strata.map((stratum) => ({ ...stratum })) },
    covariates: covariates.map(({ covariate, psi, warned }) => ({ covariate, psi, warned })),
  };
}

const UNWATCHED = {
  standing: 'unwatched',
  provisionalThreshold: null,
  estimate: null,
  canary: null,
  detector: null,
  safer: [],
  audits: null,
  covariates: [],
} as const satisfies Partial<NonNullable<Life['live']>> & { readonly safer: readonly []; readonly covariates: readonly [] };

function canaryView({ harm, stages, ...canary }: LiveSnapshot['canary']) {
  return { ...canary, stages: [...stages], eValue: harm };
}

function certificateView(certificate: Omit<Certificate, 'signal'>): z.input<typeof certificateSchema> {
  const { id, small, big, verdict, threshold, pairs, retained, retainedLowerBound, issuedAt, expiresAt } = certificate;
  return { id, small, big, verdict, threshold, pairs, retained, retainedLowerBound, issuedAt: iso(issuedAt), expiresAt: iso(expiresAt) };
}

function spendView(
  share: number,
  limits: { readonly perDay: NanoUsd | null; readonly total: NanoUsd | null },
  spent: TaskStanding['shadow'],
  pairs: number,
) {
  const limit = (amount: NanoUsd | null): number | null => (amount === null ? null : toUsd(amount));
  return {
    share,
    todayUsd: toUsd(spent.today),
    totalUsd: toUsd(spent.total),
    perDayUsd: limit(limits.perDay),
    limitUsd: limit(limits.total),
    pairs,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
