import { type Lock, type LockedCertificate, type ModelConfig, pinsOf, type TaskConfig } from '../config/index.ts';
import type { EpochMs } from '../core/index.ts';
import { type Licence, licences } from '../policy/index.ts';
import type { Step, StepRung } from '../run/index.ts';

/** What licences are decided from. */
export interface PolicySources {
  readonly models: ReadonlyMap<string, ModelConfig>;
  /** The certificates as they are now; a reload shows here. */
  readonly lock: () => Lock;
  /** What pins a model's answers beyond its name; null for a live model. */
  readonly version: (model: string) => string | null;
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

  /** `fingerprint` is the request's template, null where it has none. */
  policyOf(task: TaskConfig, fingerprint: string | null, now: EpochMs): TaskPolicy {
    const certificate = this.#sources.lock().certificates.get(task.name) ?? null;
    const pins = certificate === null ? {} : this.#pinsNow(task, certificate, fingerprint);
    const found = licences({ certificate, ladder: task.ladder, fixedThreshold: task.threshold, now, pins });
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

  /** The pins by the names that the certificate uses; one that cannot be checked differs. */
  #pinsNow(task: TaskConfig, certificate: LockedCertificate, fingerprint: string | null): Readonly<Record<string, string>> {
    const { models, version } = this.#sources;
    const small = models.get(certificate.small);
    const big = models.get(certificate.big);
    if (small === undefined || big === undefined) return {};
    const known: Record<string, string> = { ...pinsOf({ task, small, big, smallVersion: version(small.name) }) };
    if (fingerprint !== null) known.template = fingerprint;
    const now: Record<string, string> = {};
    for (const [name, pinned] of Object.entries(certificate.pins)) {
      const served = name === 'small.served' ? small.name : name === 'big.served' ? big.name : null;
      // A version that was not seen yet is taken to be the pinned one: the first answer will tell.
      if (served !== null) now[name] = this.#served.get(served) ?? pinned;
      else if (Object.hasOwn(known, name)) now[name] = known[name] as string;
    }
    // A pin that the certificate does not have makes the two differ.
    if (!Object.hasOwn(certificate.pins, 'small.served') && this.#hasMoved(certificate.id, small.name)) now['small.moved'] = 'yes';
    if (!Object.hasOwn(certificate.pins, 'big.served') && this.#hasMoved(certificate.id, big.name)) now['big.moved'] = 'yes';
    return now;
  }

  #hasMoved(certificate: string, model: string): boolean {
    const last = this.#served.get(model);
    if (last === undefined) return false;
    let baseline = this.#baselines.get(certificate);
    if (baseline === undefined) {
      baseline = new Map();
      this.#baselines.set(certificate, baseline);
    }
    const first = baseline.get(model);
    if (first === undefined) baseline.set(model, last);
    return first !== undefined && first !== last;
  }
}

function isLicence(licence: Licence): boolean {
  return licence.kind !== 'uncertified';
}
