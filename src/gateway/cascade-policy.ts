import { type Lock, type LockedCertificate, type ModelConfig, pinsOf, type TaskConfig, unseenVersion } from '../config/index.ts';
import type { EpochMs } from '../core/index.ts';
import { judgeOf } from '../judge/index.ts';
import { changedPins, type Licence, licences, type UncertifiedReason } from '../policy/index.ts';
import type { Step, StepRung } from '../run/index.ts';

/** What licences are decided from. */
export interface PolicySources {
  readonly models: ReadonlyMap<string, ModelConfig>;
  /** The certificates as they are now; a reload shows here. */
  readonly lock: () => Lock;
  /** What pins a model's answers beyond its name; null for a live model. */
  readonly version: (model: string) => string | null;
  /** The checksum of a task's triage; null, or absent, without one. */
  readonly triage?: (task: string) => string | null;
  /** Hears at each request that a certificate of the lock is void, and why. */
  readonly onVoided?: (voided: Voided) => void;
}

/** A certificate that is in the lock and in force no more. */
export interface Voided {
  readonly certificate: LockedCertificate;
  /** One sentence for people. */
  readonly reason: string;
  /** Names of the pins that differ. */
  readonly changed: readonly string[];
}

/** Who may answer a task now. */
export interface TaskPolicy {
  readonly step: Step;
  /** A rung below the ceiling may answer. False: the task is observed, and its ceiling answers everything. */
  readonly isRouted: boolean;
  /** In force for the small model of the ladder; null where a person's threshold, or nothing, licenses it. */
  readonly certificate: LockedCertificate | null;
}

/**
 * The ladders of tasks with the licences that hold now. A certificate is void after it expires and as soon as a pin differs: the models
 * of the config, the prompt template, and the versions that providers say they served. Those are compared with what the certificate
 * pins (`small.served`, `big.served`); where it pins none, with the first that this process saw while it was in force. What is void sends all
 * to the ceiling.
 */
export class TaskPolicies {
  readonly #sources: PolicySources;
  /** By registry name: the version seen last. */
  readonly #served = new Map<string, string>();
  /** By certificate: the versions that were seen first since it is in force, so that a new one begins anew. */
  readonly #baselines = new Map<string, Map<string, string>>();

  constructor(sources: PolicySources) {
    this.#sources = sources;
  }

  /** A model answered, and said which version of it that was. */
  observe(model: string, served: string | null): void {
    if (served !== null) this.#served.set(model, served);
  }

  /**
   * Whether a certificate is about the version that a model says it served, so that not even one answer of another is accepted. Where it
   * pins no version, the first one that is seen while it is in force becomes the one.
   */
  covers(certificate: LockedCertificate, model: string, served: string): boolean {
    if (model !== certificate.small) return true;
    const pinned = certificate.pins['small.served'];
    if (pinned !== undefined) return served === pinned;
    const baseline = this.#baselineOf(certificate.id);
    const first = baseline.get(model);
    if (first === undefined) baseline.set(model, served);
    return first === undefined || first === served;
  }

  /**
   * `fingerprint` is the request's template, null where it has none. `isTold` is false for a ladder other than the task's own, to which a
   * certificate may not fit without being void elsewhere.
   */
  policyOf(task: TaskConfig, fingerprint: string | null, now: EpochMs, { isTold = true }: { readonly isTold?: boolean } = {}): TaskPolicy {
    // Only a live task is routed; what is in the lock waits.
    const isLive = task.mode === 'live';
    const certificate = isLive ? (this.#sources.lock().certificates.get(task.name) ?? null) : null;
    const pins = certificate === null ? {} : this.#pinsNow(task, certificate, fingerprint);
    const found = licences({ certificate, ladder: task.ladder, fixedThreshold: isLive ? task.threshold : null, now, pins });
    if (isTold && certificate !== null && task.threshold === null)
      this.#hear(certificate, found[task.ladder.indexOf(certificate.small)], pins);
    const ladder = task.ladder.flatMap((name, i): StepRung[] => {
      const model = this.#sources.models.get(name);
      const licence = found[i];
      if (model === undefined || licence === undefined) return [];
      const gate = licence.kind === 'certified' && certificate?.small === name ? certificate.gate : null;
      return [{ model, licence, ...(gate === null ? {} : { gate }) }];
    });
    const isRouted = ladder.slice(0, -1).some(({ licence }) => isLicence(licence));
    return {
      step: {
        task: task.name,
        step: null,
        pipeline: null,
        output: task.output,
        // In observe mode nothing below the ceiling takes part, not even as a stand-in.
        ladder: isRouted ? ladder : ladder.slice(-1),
      },
      isRouted,
      certificate: isRouted && task.threshold === null ? certificate : null,
    };
  }

  /** Tells that a certificate is void. A request of another template is another matter: the next one may be of the certified one again. */
  #hear(certificate: LockedCertificate, licence: Licence | undefined, pins: Readonly<Record<string, string>>): void {
    const { onVoided } = this.#sources;
    if (onVoided === undefined || licence?.kind !== 'uncertified' || !VOIDING.has(licence.why)) return;
    const changed = licence.why === 'pins-changed' ? changedPins(certificate.pins, pins).filter((name) => name !== 'template') : [];
    if (licence.why === 'pins-changed' && changed.length === 0) return;
    onVoided({ certificate, reason: reasonOf(certificate, licence.why, changed, pins), changed });
  }

  /** The pins by the names that the certificate uses; one that cannot be checked differs. */
  #pinsNow(task: TaskConfig, certificate: LockedCertificate, fingerprint: string | null): Readonly<Record<string, string>> {
    const { models, version } = this.#sources;
    const small = models.get(certificate.small);
    const big = models.get(certificate.big);
    if (small === undefined || big === undefined) return {};
    const triageVersion = this.#sources.triage?.(task.name) ?? null;
    const judge = judgeOf(task, models);
    const known: Record<string, string> = { ...pinsOf({ task, small, big, smallVersion: version(small.name), triageVersion, judge }) };
    if (fingerprint !== null) known.template = fingerprint;
    const now: Record<string, string> = {};
    for (const [name, pinned] of Object.entries(certificate.pins)) {
      const served = name === 'small.served' ? small : name === 'big.served' ? big : null;
      // A version that was not seen yet is taken to be the pinned one: the first answer will tell.
      if (served !== null) now[name] = this.#served.get(served.name) ?? unseenVersion(pinned, served);
      else if (Object.hasOwn(known, name)) now[name] = known[name] as string;
    }
    // Pins that the certificate does not have make the two differ: a triage changes which requests the small model answers, a judge
    // what an answer is worth, and a pruned prompt what a model is asked.
    for (const name of UNNAMED_PINS) if (known[name] !== undefined) now[name] = known[name];
    if (!Object.hasOwn(certificate.pins, 'small.served') && this.#hasMoved(certificate.id, small.name)) now['small.moved'] = 'yes';
    if (!Object.hasOwn(certificate.pins, 'big.served') && this.#hasMoved(certificate.id, big.name)) now['big.moved'] = 'yes';
    return now;
  }

  #hasMoved(certificate: string, model: string): boolean {
    const last = this.#served.get(model);
    if (last === undefined) return false;
    const baseline = this.#baselineOf(certificate);
    const first = baseline.get(model);
    if (first === undefined) baseline.set(model, last);
    return first !== undefined && first !== last;
  }

  #baselineOf(certificate: string): Map<string, string> {
    let baseline = this.#baselines.get(certificate);
    if (baseline === undefined) {
      baseline = new Map();
      this.#baselines.set(certificate, baseline);
    }
    return baseline;
  }
}

/** What may be added after a certificate was issued. */
const UNNAMED_PINS = ['triage', 'judge', 'rubric', 'small.prune', 'big.prune'];

/** Why a certificate that was good is so no more, rather than never about this ladder. */
const VOIDING: ReadonlySet<UncertifiedReason> = new Set<UncertifiedReason>(['pins-changed', 'expired', 'other-ceiling']);

function reasonOf(
  certificate: LockedCertificate,
  why: UncertifiedReason,
  changed: readonly string[],
  pins: Readonly<Record<string, string>>,
) {
  if (why === 'expired') return `The certificate expired on ${new Date(certificate.expiresAt).toISOString()}.`;
  if (why === 'other-ceiling') return `The certificate was measured against ${certificate.big}, which is the ceiling no more.`;
  const parts = changed.map((name) => {
    const of = (value: string | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value.slice(0, 80)));
    return `${name} was ${of(certificate.pins[name])} and is ${of(pins[name])}`;
  });
  return `What the certificate pins has changed: ${parts.join('; ')}.`;
}

function isLicence(licence: Licence): boolean {
  return licence.kind !== 'uncertified';
}
