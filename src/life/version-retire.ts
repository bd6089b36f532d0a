import type { EpochMs } from '../core/index.ts';
import type { VersionRecord, VersionStage } from './version-types.ts';

/** Why a version may go. */
export type RetireRule = 'idle' | 'superseded-twice' | 'void' | 'shut-down';

/** A version that may go, and why. */
export interface Retirement {
  readonly model: string;
  readonly task: string;
  readonly rule: RetireRule;
  /** One sentence for people. */
  readonly reason: string;
}

/** What retirements are decided from, beside the versions. */
export interface RetireWorld {
  readonly now: EpochMs;
  /** A candidate that was not asked for so long is forgotten. */
  readonly idleMs: number;
  /** First day on which a model is turned off by its vendor; null where none is known. */
  readonly shutdownOf: (model: string) => EpochMs | null;
}

/** Stages in which a version answers clients. */
const IN_FORCE: ReadonlySet<VersionStage> = new Set<VersionStage>(['canary', 'live']);
const CANDIDATES: ReadonlySet<VersionStage> = new Set<VersionStage>(['trained', 'refused', 'shadow', 'certified']);
const DAY_MS = 86_400_000;

/**
 * Versions of one task that may go: turned off by the vendor, a candidate that nobody asked for long, one whose certificate holds no
 * more while another has the task, and one that two others followed. Never the one in force, nor the last one before it, to which a
 * rollback would return. A model that is no version of anything stays. Pure.
 */
export function retirementsOf(versions: readonly VersionRecord[], world: RetireWorld): readonly Retirement[] {
  const current = versions.find(({ stage }) => IN_FORCE.has(stage));
  const former = versions.filter(({ promotedAt, stage }) => promotedAt !== null && stage !== 'retired');
  const warm = former
    .filter((version) => version !== current && (version.stage === 'superseded' || version.stage === 'rolled-back'))
    .sort((a, b) => (b.promotedAt ?? 0) - (a.promotedAt ?? 0))[0];
  return versions.flatMap((version): Retirement[] => {
    if (version === current || version.stage === 'retired') return [];
    const found = ruleOf(version, { world, current, warm, former });
    return found === null ? [] : [{ model: version.model, task: version.task, ...found }];
  });
}

interface Around {
  readonly world: RetireWorld;
  readonly current: VersionRecord | undefined;
  readonly warm: VersionRecord | undefined;
  readonly former: readonly VersionRecord[];
}

function ruleOf(version: VersionRecord, { world, current, warm, former }: Around): Pick<Retirement, 'rule' | 'reason'> | null {
  const { now, idleMs, shutdownOf } = world;
  const shutdown = shutdownOf(version.model);
  if (shutdown !== null && shutdown <= now) return { rule: 'shut-down', reason: `Its vendor turned it off on ${day(shutdown)}.` };
  if (version.lineage.kind === 'model') return null;
  const after = former.filter((other) => (other.promotedAt ?? 0) > (version.promotedAt ?? Number.POSITIVE_INFINITY)).length;
  if (after >= 2 && version !== warm) return { rule: 'superseded-twice', reason: `${after} versions took over after it.` };
  if (version.stage === 'void' && current !== undefined && version !== warm) return { rule: 'void', reason: version.reason };
  const seen = Math.max(version.lineage.trainedAt ?? 0, version.lastCallAt ?? 0, version.since ?? 0);
  if (CANDIDATES.has(version.stage) && seen > 0 && now - seen > idleMs) {
    return { rule: 'idle', reason: `Nobody asked it since ${day(seen)}, ${Math.floor((now - seen) / DAY_MS)} days ago.` };
  }
  return null;
}

function day(at: EpochMs): string {
  return new Date(at).toISOString().slice(0, 10);
}
