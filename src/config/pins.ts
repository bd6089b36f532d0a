import { contentHash, type Json, type Model } from '../core/index.ts';
import type { ModelConfig, TaskConfig } from './types.ts';

/** What a certificate's evidence depends on, as it is now. */
export interface Pinned {
  readonly task: Pick<TaskConfig, 'output'>;
  readonly small: ModelConfig;
  readonly big: ModelConfig;
  /** What pins the small model beyond its name (a student's checksum, a recording's hash); null for a live model. */
  readonly smallVersion: string | null;
  /** Checksum of the task's triage: the rows that it skips are part of the evidence. Null or absent without one. */
  readonly triageVersion?: string | null;
  /** Who scores the answers of the task, and by what; null where a metric does. */
  readonly judge: PinnedJudge | null;
}

/** A judge as far as verdicts depend on it. */
export interface PinnedJudge {
  readonly model: ModelConfig;
  readonly rubric: string;
}

/** The pins that a config itself gives: both models with their providers, the student's and the triage's checksums, the texts that either is asked without, the kind of answer, and of a judge its model and the hash of its rubric. */
export function pinsOf({ task, small, big, smallVersion, triageVersion = null, judge }: Pinned): Readonly<Record<string, string>> {
  return {
    small: whichModel(small),
    big: whichModel(big),
    ...(smallVersion === null ? {} : { 'small.version': smallVersion }),
    ...prunePin('small.prune', small),
    ...prunePin('big.prune', big),
    ...(triageVersion === null ? {} : { triage: triageVersion }),
    ...(judge === null ? {} : { judge: whichModel(judge.model), rubric: contentHash(judge.rubric) }),
    output: contentHash(task.output as unknown as Json),
  };
}

/** A model that is asked without other texts is another model. */
function prunePin(name: string, { prune }: ModelConfig): Readonly<Record<string, string>> {
  return prune === null || prune.list === null ? {} : { [name]: prune.list.hash };
}

/** Provider, name on the wire, and the host where that is not the vendor's own. */
function whichModel({ provider, model, url }: ModelConfig): string {
  return url === null ? `${provider}/${model}` : `${provider}/${model} at ${new URL(url).host}`;
}

/** Begins what stands for a served version that no answer named: no vendor's own name begins so. */
const ASKED = 'asked:';

/** What stands for the version that a model served where its answers never say one: what it was asked as. */
export function askedAs({ provider, model }: Pick<Model, 'provider' | 'model'>): string {
  return `${ASKED}${provider}/${model}`;
}

/** The version that a certificate pins, as it would be now for a model that has not said one: by its config where that is all there is. */
export function unseenVersion(pinned: string, model: Pick<Model, 'provider' | 'model'>): string {
  return pinned.startsWith(ASKED) ? askedAs(model) : pinned;
}

/** Whether a pair's side was asked as another model than the one that `pin` (of `pinsOf`) tells of; false where its answer said a version. */
export function isAskedElse(served: string | null, pin: string | undefined): boolean {
  if (served === null || pin === undefined || !served.startsWith(ASKED)) return false;
  const asked = served.slice(ASKED.length);
  return pin !== asked && !pin.startsWith(`${asked} at `);
}
