import type { EpochMs } from '../core/index.ts';
import {
  type AuditedRow,
  CovariateGuard,
  type CovariateObservation,
  type CovariateReference,
  isAuditedRow,
  type RetainedEstimate,
  retainedEstimate,
} from '../monitor/index.ts';
import type { StoredPair, TaskEvent } from '../store/types.ts';
import { covariateDraft, type EventDraft, readCovariate, records } from './live-monitor-events.ts';
import { acceptsPair } from './live-monitor-evidence.ts';
import { LiveState } from './live-monitor-state.ts';
import type { EventSource, LiveSettings, LiveSnapshot, Standing, WatchedCertificate } from './live-monitor-types.ts';

/** Rows that the estimate looks back on: it shows the present, and a page of it costs milliseconds. */
const ESTIMATED = 5_000;

/**
 * Watches one certificate in traffic. All that it knows is a fold over the audited pairs and the events of that certificate, so a new
 * process knows the same after `restore`; requests since the certificate are watched by `observed`, whose window fills anew.
 */
export class LiveMonitor {
  readonly #certificate: WatchedCertificate;
  readonly #settings: LiveSettings;
  readonly #state: LiveState;
  readonly #guard: CovariateGuard;
  readonly #recent: AuditedRow[] = [];
  #rows = 0;
  #accepted = 0;
  #unreadable = 0;
  #isOpened = false;
  /** What the fold of stored pairs led to and no stored event tells of: a crash came between them. */
  readonly #unrecorded: EventDraft[] = [];
  /** Events of the store that are not yet replayed. */
  readonly #stored: TaskEvent[] = [];

  /** `reference`: the requests that the certificate was issued on. RangeError for settings that make no canary or audit share. */
  constructor(certificate: WatchedCertificate, settings: LiveSettings, reference: CovariateReference = []) {
    this.#certificate = certificate;
    this.#settings = settings;
    this.#state = new LiveState(certificate, settings);
    this.#guard = new CovariateGuard(reference);
  }

  /**
   * Folds what the store holds, each oldest first, as if it came now; before `open`. Pairs and events of other certificates, and pairs
   * that are no audits, are passed over. What is on record has happened: settings that changed since cannot undo it. Pairs may come in
   * pages: all events with the first, and `more` until the last.
   */
  restore(pairs: Iterable<StoredPair>, events: readonly TaskEvent[], more = false): void {
    this.#stored.push(...events.filter((event) => event.certificate === this.#certificate.id));
    for (const pair of pairs) {
      // An event bears the time after the pair that caused it, so at the same millisecond the pair comes first.
      this.#replayBefore(pair.at);
      this.#unrecorded.push(...this.#fold(pair));
    }
    if (!more) this.#replayBefore(Number.POSITIVE_INFINITY);
  }

  /** Begins, after `restore`: gives the events that are not on record yet, such as the first stage or settings that changed. */
  open(source: EventSource): readonly TaskEvent[] {
    if (this.#isOpened) return [];
    this.#isOpened = true;
    const drafts = [...this.#unrecorded, ...this.#state.follow(this.#settings)];
    this.#unrecorded.length = 0;
    return this.#events(drafts, source);
  }

  /** Folds one audited pair, in order of `at`; gives what happened, to be recorded. */
  audited(pair: StoredPair, source: EventSource): readonly TaskEvent[] {
    return this.#events(this.#fold(pair), source);
  }

  /** Looks at one request of the task, audited or not; gives a warning when requests begin to look different. */
  observed(observation: CovariateObservation, source: EventSource): readonly TaskEvent[] {
    return this.#events(this.#guard.add(observation).map(covariateDraft), source);
  }

  /** Share of traffic that may be routed now: the canary's stage, 0 after a rollback or when only the ceiling may answer. */
  get exposure(): number {
    return this.#state.exposure;
  }

  get standing(): Standing {
    return this.#state.standing;
  }

  /** π: the probability with which a routed request is to be audited. Escalated ones, whose pairs are free, are kept with π_min. */
  auditProbability(confidence: number | null, accepted: boolean): number {
    return accepted ? this.#state.plan.probability(confidence) : this.#state.plan.minimum;
  }

  /** What the certified policy retained over the latest 5,000 rows, at the floor's level; null before the first. */
  estimate(): RetainedEstimate | null {
    return retainedEstimate(this.#recent, this.#certificate.floor.level);
  }

  snapshot(): LiveSnapshot {
    const { audit, ...state } = this.#state.snapshot();
    return {
      certificate: this.#certificate.id,
      ...state,
      audit: { ...audit, rows: this.#rows, accepted: this.#accepted, unreadable: this.#unreadable },
      estimate: this.estimate(),
      covariates: this.#guard.shifts,
    };
  }

  #fold(pair: StoredPair): readonly EventDraft[] {
    if (pair.drawn !== 'audit' || pair.certificate !== this.#certificate.id) return [];
    const row = {
      accepted: acceptsPair(this.#certificate, pair),
      small: pair.smallQuality,
      big: pair.bigQuality,
      inclusion: pair.inclusion,
    };
    // One unreadable row in the store must not keep a gateway from starting.
    if (!isAuditedRow(row)) {
      this.#unreadable += 1;
      return [];
    }
    this.#recent[this.#rows % ESTIMATED] = row;
    this.#rows += 1;
    if (row.accepted) this.#accepted += 1;
    return this.#state.add(row, pair);
  }

  #replayBefore(time: EpochMs): void {
    const after = this.#stored.findIndex((event) => event.at >= time);
    for (const event of this.#stored.splice(0, after < 0 ? this.#stored.length : after)) this.#replay(event);
  }

  #replay(event: TaskEvent): void {
    const known = this.#unrecorded.findIndex((draft) => records(event, draft));
    if (known >= 0) {
      this.#unrecorded.splice(known, 1);
      return;
    }
    const covariate = event.kind === 'covariate' ? readCovariate(event.detail) : null;
    if (covariate !== null) this.#guard.warnedOf(covariate);
    else this.#state.replay(event);
  }

  #events(drafts: readonly EventDraft[], source: EventSource): readonly TaskEvent[] {
    return drafts.map((draft) => ({
      id: source.newId(),
      task: this.#certificate.task,
      at: source.now(),
      certificate: this.#certificate.id,
      ...draft,
    }));
  }
}
