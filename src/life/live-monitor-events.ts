import type { Json } from '../core/index.ts';
import { COVARIATES, type Covariate, type CovariateShift, PSI_WARNING } from '../monitor/index.ts';
import type { TaskEvent, TaskEventKind } from '../store/types.ts';
import type { LiveSettings } from './live-monitor-types.ts';

/** The part of the settings that decides what a stream of audits means: it is written into every `stage` event. */
export type StreamSettings = Pick<LiveSettings, 'auditShare' | 'stages' | 'auditsPerStage'>;

/** An event before it has an identity. */
export interface EventDraft {
  readonly kind: TaskEventKind;
  readonly reason: string;
  readonly detail: Readonly<Record<string, Json>>;
}

export function sameStream(a: StreamSettings, b: StreamSettings): boolean {
  return (
    a.auditShare === b.auditShare &&
    a.auditsPerStage === b.auditsPerStage &&
    a.stages.length === b.stages.length &&
    a.stages.every((share, i) => share === b.stages[i])
  );
}

/** A stage was entered, for the given reason; `complete` after the last one. */
export function stageDraft(
  reason: string,
  at: { readonly stage: number; readonly complete: boolean },
  settings: StreamSettings,
): EventDraft {
  const { auditShare, stages, auditsPerStage } = settings;
  const exposure = at.complete ? 1 : (stages[at.stage] ?? 1);
  return { kind: 'stage', reason, detail: { ...at, exposure, settings: { auditShare, stages: [...stages], auditsPerStage } } };
}

/** What a `stage` event says, or null where it is not one that `stageDraft` wrote. */
export function readStage(detail: Json): { readonly stage: number; readonly complete: boolean; readonly settings: StreamSettings } | null {
  const { stage, complete, settings } = members(detail);
  const { auditShare, stages, auditsPerStage } = members(settings ?? null);
  if (typeof stage !== 'number' || typeof complete !== 'boolean') return null;
  if (typeof auditShare !== 'number' || typeof auditsPerStage !== 'number' || !Array.isArray(stages)) return null;
  const shares = stages.filter((share) => typeof share === 'number');
  return shares.length === stages.length ? { stage, complete, settings: { auditShare, auditsPerStage, stages: shares } } : null;
}

/** The threshold that an `alarm` or `provisional` event is about, null for the certificate's own. */
export function readThreshold(detail: Json): number | null {
  const { threshold } = members(detail);
  return typeof threshold === 'number' ? threshold : null;
}

/** The covariate of a `covariate` event, or null. */
export function readCovariate(detail: Json): Covariate | null {
  const { covariate } = members(detail);
  return COVARIATES.find((name) => name === covariate) ?? null;
}

export function covariateDraft(shift: CovariateShift): EventDraft {
  const names = { confidence: 'Confidences', length: 'Input lengths', category: 'The mix of categories' } as const;
  return {
    kind: 'covariate',
    reason: `${names[shift.covariate]} of the latest requests differ from those that the certificate was issued on: PSI ${shift.psi.toFixed(2)}, above ${PSI_WARNING}.`,
    detail: { covariate: shift.covariate, psi: shift.psi, ks: shift.ks === null ? null : { distance: shift.ks.distance, p: shift.ks.p } },
  };
}

/** Whether a recorded event is what a draft would have recorded. */
export function records(event: TaskEvent, draft: EventDraft): boolean {
  if (event.kind !== draft.kind) return false;
  if (event.kind === 'stage') {
    const [a, b] = [readStage(event.detail), readStage(draft.detail)];
    return a !== null && b !== null && a.stage === b.stage && a.complete === b.complete;
  }
  return readThreshold(event.detail) === readThreshold(draft.detail);
}

/** A share in per cent, as people write it. */
export function perCent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** An e-value with three digits. */
export function shortE(value: number): string {
  return value >= 1000 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}

function members(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, Json>>) : {};
}
