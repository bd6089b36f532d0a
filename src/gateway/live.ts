import { calibrate } from '../confidence/index.ts';
import type { LockedCertificate, TaskConfig } from '../config/index.ts';
import type { ModelRequest } from '../core/index.ts';
import { covariateReference, LiveMonitor, type LiveSettings, saferThresholds } from '../life/index.ts';
import { requestFraction } from '../run/index.ts';
import type { Store, StoredPair } from '../store/types.ts';
import { Audit } from './audit.ts';
import { gateOf, gateScoreOf } from './cascade-gate.ts';
import type { TaskPolicy, Voided } from './cascade-policy.ts';
import type { Afterward, CeilingReason } from './live-afterward.ts';
import { Background } from './live-background.ts';
import { Beside, type BesideDeps, type BesideWorld } from './live-beside.ts';
import type { LiveRequest } from './live-request.ts';
import { readCertificateRecord, readSpent } from './live-restore.ts';
import type { Routing, TaskLife, TaskStanding, Watched } from './live-types.ts';
import { Shadow } from './shadow.ts';
import type { TaskTriages } from './triage.ts';

/** What the life of tasks needs of the rest. */
export interface LiveTasksWorld extends BesideWorld {
  readonly triages: TaskTriages;
  readonly warn: (message: string) => void;
}

/** What a restore reads from. */
export type LiveStore = Pick<Store, 'calls' | 'pairs' | 'events'>;

/**
 * The life of tasks in traffic. A certificate that came into the lock routes once its record was folded: its canary's share of the
 * requests, less after an alarm, nothing after a rollback. Everything that this knows follows from the store.
 */
export class LiveTasks implements TaskLife {
  readonly #world: LiveTasksWorld;
  readonly #beside: Beside;
  readonly #deps: BesideDeps;
  readonly background: Background;
  /** By certificate: those of the lock whose record was read. A null monitor: nobody audits, by the config's own word. */
  readonly #watched = new Map<string, { readonly certificate: LockedCertificate; readonly monitor: LiveMonitor | null }>();
  /** Certificates that something voided, and why. For good: what changed may change again. */
  readonly #voided = new Map<string, string>();
  #isSpendKnown = false;

  constructor(world: LiveTasksWorld) {
    this.#world = world;
    this.#beside = new Beside(world);
    this.background = new Background((error) => world.warn(`a call beside an answer failed: ${String(error)}`));
    this.#deps = {
      background: this.background,
      ask: (ask) => this.#beside.ask(ask),
      pair: (draft) => this.#beside.pair(draft),
      isHard: (task, request) => this.isHard(task, request),
      observed: ({ monitor }, request) => world.teller.tell(monitor.observed(request, this.#source())),
      audited: ({ monitor }, pair) => world.teller.tell(monitor.audited(pair, this.#source())),
    };
  }

  route(task: TaskConfig, policy: TaskPolicy, requestId: string): Routing {
    const { certificate } = policy;
    if (!policy.isRouted || certificate === null) return { policy, reason: null, watched: null };
    const known = this.#watched.get(certificate.id);
    if (known === undefined) return toCeiling(policy, 'unknown-standing');
    if (this.#voided.has(certificate.id)) return toCeiling(policy, 'fallen-back');
    const { monitor } = known;
    if (monitor === null) return { policy, reason: null, watched: null };
    const { standing, exposure } = monitor;
    if (standing === 'ceiling') return toCeiling(policy, 'fallen-back');
    // Stages nest: a request of an earlier stage is one of every later stage.
    if (exposure < 1 && requestFraction(`canary\0${task.name}`, requestId) >= exposure) return toCeiling(policy, 'outside-canary');
    const watched: Watched = { certificate, monitor };
    if (standing === 'certified') return { policy, reason: null, watched };
    return { policy: provisional(policy, certificate.small, standing.provisional), reason: null, watched };
  }

  isHard(task: TaskConfig, request: ModelRequest): boolean {
    return this.#world.triages.isHard(task.name, request);
  }

  watch(subject: LiveRequest, { watched, reason, policy }: Routing, request: ModelRequest | null): Afterward | null {
    const { task } = subject;
    if (task === null) return null;
    // A policy that routes is followed in our own words, so that its requests were read.
    if (watched !== null && request !== null)
      return new Audit(
        { subject, task, request, watched, threshold: thresholdOf(policy, watched), isTriaged: reason === 'triaged' },
        this.#deps,
      );
    const { shadow, mode } = task;
    if (shadow === null || mode === 'observe' || policy.isRouted) return null;
    return requestFraction(`shadow\0${task.name}`, subject.id) < shadow.share ? new Shadow(subject, task, this.#deps) : null;
  }

  /** Something that a certificate pins has changed, or it has expired: it routes no more. Told once. */
  voided({ certificate, reason, changed }: Voided): void {
    const { id, task } = certificate;
    // Before its record was read nobody knows whether this was told already; the next request will say it again.
    if (this.#voided.has(id) || !this.#watched.has(id)) return;
    this.#voided.set(id, reason);
    this.#world.teller.happened({ task, kind: 'voided', certificate: id, reason, detail: { changed: [...changed] } });
  }

  /**
   * Folds the record of the certificates that are new in the lock, and what was spent before. Rejects where the store cannot be read:
   * then those certificates do not route yet, and nothing that has a limit is asked.
   */
  async restore(certificates: readonly LockedCertificate[], store: LiveStore): Promise<void> {
    const { ask, teller, tasks } = this.#world;
    if (!this.#isSpendKnown) {
      const events = await store.events.list({ kinds: ['shadow-budget'] });
      this.#beside.restore(await readSpent(store.calls, ask.clock.now()), events);
      this.#isSpendKnown = true;
    }
    const ids = new Set(certificates.map(({ id }) => id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
    for (const certificate of certificates) {
      const task = tasks.get(certificate.task);
      // What does not route is not watched: nothing of it should look as if it began.
      if (task?.mode !== 'live' || task.threshold !== null || certificate.verdict === 'frontier') continue;
      if (this.#watched.has(certificate.id)) continue;
      const { pairs, events, evidence } = await readCertificateRecord(store, certificate);
      const monitor = monitorOf(certificate, task, evidence);
      monitor?.restore(pairs, events);
      const voided = events.findLast(({ kind }) => kind === 'voided');
      if (voided !== undefined) this.#voided.set(certificate.id, voided.reason);
      this.#watched.set(certificate.id, { certificate, monitor });
      if (voided !== undefined || certificate.expiresAt <= ask.clock.now()) continue;
      if (!events.some(({ kind }) => kind === 'approved')) teller.happened(approval(certificate));
      if (monitor !== null) teller.tell(monitor.open(this.#source()));
    }
  }

  /** Certificates whose record was read. */
  get watches(): number {
    return this.#watched.size;
  }

  /** How a task stands now. */
  standing(task: TaskConfig, certificate: LockedCertificate | null): TaskStanding {
    const watched = certificate === null ? undefined : this.#watched.get(certificate.id);
    return {
      task: task.name,
      mode: task.mode,
      certificate,
      watched: watched !== undefined,
      voided: certificate === null ? null : (this.#voided.get(certificate.id) ?? null),
      monitor: watched?.monitor ?? null,
      shadow: this.#beside.spent('shadow', task.name),
      audits: this.#beside.spent('audit', task.name),
      counts: {
        shadowPairs: this.#beside.pairs('uniform', task.name),
        auditPairs: this.#beside.pairs('audit', task.name),
        alarms: this.#world.teller.count(task.name, 'alarm') + this.#world.teller.count(task.name, 'rollback'),
      },
      at: this.#world.ask.clock.now(),
    };
  }

  #source() {
    const { newId, clock } = this.#world.ask;
    return { newId, now: () => clock.now() };
  }
}

function toCeiling(policy: TaskPolicy, reason: CeilingReason): Routing {
  const { step } = policy;
  return { policy: { step: { ...step, ladder: step.ladder.slice(-1) }, isRouted: false, certificate: null }, reason, watched: null };
}

/** From which confidence on the small model's answer goes out now; null where its confidence does not matter. */
function thresholdOf({ step }: TaskPolicy, { certificate }: Watched): number | null {
  const licence = step.ladder.find(({ model }) => model.name === certificate.small)?.licence;
  return licence === undefined || licence.kind === 'uncertified' ? null : licence.threshold;
}

/** The same ladder with a stricter threshold that no certificate vouches for: answers by it are shown as uncertified. */
function provisional(policy: TaskPolicy, small: string, threshold: number): TaskPolicy {
  const { step } = policy;
  const ladder = step.ladder.map((rung) =>
    rung.model.name === small ? { ...rung, licence: { kind: 'fixed' as const, threshold } } : rung,
  );
  return { ...policy, step: { ...step, ladder } };
}

function monitorOf(certificate: LockedCertificate, task: TaskConfig, evidence: readonly StoredPair[]): LiveMonitor | null {
  const { audit, canary } = task;
  if (audit.share === 0) return null;
  const settings: LiveSettings = {
    auditShare: audit.share,
    stages: canary.stages,
    auditsPerStage: canary.audits,
    // A gate classifier's score is a confidence as good as a signal's.
    saferThresholds: saferThresholds({ ...certificate, signal: certificate.signal ?? (gateOf(certificate) && 'gate') }),
  };
  const pairs = evidence.map((pair) => ({ ...pair, confidence: pair.confidence ?? confidenceOf(certificate, pair) }));
  return new LiveMonitor(certificate, settings, covariateReference(pairs, certificate, task.output.kind === 'label'));
}

/** What the certificate's signal or gate classifier, and its calibrator, make of a pair that was kept before there was a certificate. */
function confidenceOf(certificate: LockedCertificate, { signals, input }: StoredPair): number | null {
  const { signal, calibrator, gate } = certificate;
  // A pair's signals are those of the whole answer, which say nothing of its first tokens.
  if (calibrator === null || gate !== null) return null;
  const classifier = gateOf(certificate);
  const signalled = (): number | null => (signal === null ? null : (signals[signal] ?? null));
  const value = classifier === null ? signalled() : gateScoreOf(classifier, input, signals);
  return value === null ? null : calibrate(calibrator, value);
}

function approval(certificate: LockedCertificate) {
  const { id, task, small, big, verdict, threshold, pairs, retained, retainedLowerBound } = certificate;
  const from = verdict === 'cascade' && threshold !== null ? ` from confidence ${threshold} on` : '';
  return {
    task,
    kind: 'approved' as const,
    certificate: id,
    reason: `The lock file holds a certificate: ${small} may answer in place of ${big}${from}, by ${pairs} pairs.`,
    detail: { small, big, verdict, threshold, pairs, retained, retainedLowerBound },
  };
}
