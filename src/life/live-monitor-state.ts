import {
  ALARM_LIMIT,
  type AuditedRow,
  AuditPlan,
  auditWeight,
  Canary,
  type CanaryPlan,
  retentionScore,
  WeightedECusum,
} from '../monitor/index.ts';
import type { StoredPair, TaskEvent } from '../store/types.ts';
import {
  type EventDraft,
  perCent,
  readStage,
  readThreshold,
  type StreamSettings,
  sameStream,
  shortE,
  stageDraft,
} from './live-monitor-events.ts';
import type { LiveSettings, LiveSnapshot, Standing, WatchedCertificate } from './live-monitor-types.ts';

/** E below which a safer threshold's own detector lets it run provisionally. */
const PROVISIONAL_BELOW = 10;
/**
 * Audited answers that a safer threshold must have accepted before it may run: nothing speaks against one that accepts nothing, and
 * under it each request would pay the small model and then the ceiling all the same.
 */
const PROVISIONAL_AUDITS = 5;

/** A stricter threshold and what the same audits say about it. */
interface Safer {
  readonly threshold: number;
  readonly detector: WeightedECusum;
  /** Audited answers that it would have accepted, since its detector began. */
  accepted: number;
}

/** Who may answer under a certificate, how many of the requests, and how they are audited: folded from rows and from recorded events. */
export class LiveState {
  readonly #certificate: WatchedCertificate;
  readonly #detector = new WeightedECusum();
  /** From the boldest to the strictest. */
  readonly #safer: readonly Safer[];
  readonly #canary: Canary;
  readonly plan: AuditPlan;
  /** The settings that the rows now folded were drawn under: those on record, which may be older than this process. */
  #stream: StreamSettings;
  #isRecorded = false;
  #standing: Standing = 'certified';

  constructor(certificate: WatchedCertificate, settings: LiveSettings) {
    this.#certificate = certificate;
    this.#stream = settings;
    this.#canary = new Canary(this.#canaryPlan(settings));
    this.plan = new AuditPlan(this.#auditShare());
    const own = certificate.threshold ?? Number.NEGATIVE_INFINITY;
    this.#safer = [...new Set(settings.saferThresholds)]
      .filter((threshold) => threshold > own)
      .sort((a, b) => a - b)
      .map((threshold) => ({ threshold, detector: new WeightedECusum(), accepted: 0 }));
  }

  get standing(): Standing {
    return this.#standing;
  }

  get exposure(): number {
    return this.#standing === 'ceiling' ? 0 : this.#canary.exposure;
  }

  /** Folds one row; gives what happened. */
  add(row: AuditedRow, pair: Pick<StoredPair, 'confidence'>): readonly EventDraft[] {
    const { floor } = this.#certificate;
    const weight = auditWeight(row.inclusion, this.plan.minimum);
    const score = retentionScore(row, floor.retain);
    for (const safer of this.#safer) {
      const accepted = row.accepted && pair.confidence !== null && pair.confidence >= safer.threshold;
      if (accepted) safer.accepted += 1;
      safer.detector.add(retentionScore({ ...row, accepted }, floor.retain), weight);
    }
    if (row.accepted) this.plan.add(pair.confidence, score, row.inclusion);
    if (this.#standing === 'certified') return this.#certified(score, weight, row.accepted);
    return this.#standing === 'ceiling' ? [] : this.#provisional(this.#standing.provisional);
  }

  /** Applies what is on record and does not follow from the rows folded so far. */
  replay(event: TaskEvent): void {
    const threshold = readThreshold(event.detail);
    if (event.kind === 'stage') this.#replayStage(event);
    else if (event.kind === 'rollback') this.#rollBack();
    else if (event.kind === 'voided') this.#standing = 'ceiling';
    else if (event.kind === 'alarm' && (threshold === null ? this.#standing === 'certified' : threshold === this.#provisionalThreshold())) {
      this.#standing = 'ceiling';
    } else if (event.kind === 'provisional' && threshold !== null && this.#canary.state !== 'rolled-back') {
      this.#standing = { provisional: threshold };
    }
  }

  /** Goes on under the settings of this process; gives the event for the record where they, or the first stage, are not on it. */
  follow(settings: StreamSettings): readonly EventDraft[] {
    if (this.#isRecorded && sameStream(this.#stream, settings)) return [];
    const isFirst = !this.#isRecorded;
    this.#isRecorded = true;
    if (!sameStream(this.#stream, settings)) this.#changeStream(settings);
    if (this.#canary.state === 'rolled-back') return [];
    const reason = isFirst
      ? `The certificate may route ${perCent(this.#canary.exposure)} of the traffic.`
      : `The settings changed: ${perCent(settings.auditShare)} of accepted answers are audited, and the certificate may route ${perCent(this.#canary.exposure)} of the traffic.`;
    return [this.#stageDraft(reason)];
  }

  snapshot(): Pick<LiveSnapshot, 'standing' | 'exposure' | 'canary' | 'detector' | 'safer'> & {
    readonly audit: Pick<LiveSnapshot['audit'], 'share' | 'minimum' | 'strata'>;
  } {
    const { state, stage, audits, harm } = this.#canary;
    const { stages, auditsPerStage } = this.#stream;
    const { value: e, peak, rows } = this.#detector;
    const { share, minimum, strata } = this.plan;
    return {
      standing: this.#standing,
      exposure: this.exposure,
      canary: { state, stage, stages: [...stages], audits, auditsPerStage, harm, limit: 1 / this.#canaryPlan(this.#stream).error },
      detector: { e, peak, limit: ALARM_LIMIT, rows },
      safer: this.#safer.map(({ threshold, detector }) => ({ threshold, e: detector.value })),
      audit: { share, minimum, strata },
    };
  }

  #certified(score: number, weight: number, accepted: boolean): readonly EventDraft[] {
    const e = this.#detector.add(score, weight);
    if (e < ALARM_LIMIT) return this.#canary.state === 'running' ? this.#inCanary(score, weight, accepted) : [];
    const { rows } = this.#detector;
    const detail = { e, rows, threshold: null };
    const reason = `Audits say that the answers no longer keep ${perCent(this.#certificate.floor.retain)} of the ceiling's quality: E = ${shortE(e)} after ${rows} rows, alarm at ${ALARM_LIMIT}.`;
    return [{ kind: 'alarm', reason, detail }, ...this.#fallBack()];
  }

  #inCanary(score: number, weight: number, accepted: boolean): readonly EventDraft[] {
    const { exposure } = this.#canary;
    const step = this.#canary.add(score, weight, accepted);
    if (step === 'stays') return [];
    if (step === 'rolls-back') {
      this.#rollBack();
      return [this.#rollbackDraft(exposure)];
    }
    this.#respend();
    return [this.#stageDraft(this.#advanceReason(step === 'completes'))];
  }

  #provisional(threshold: number): readonly EventDraft[] {
    const e = this.#safer.find((safer) => safer.threshold === threshold)?.detector.value ?? Number.POSITIVE_INFINITY;
    if (e < PROVISIONAL_BELOW) return [];
    const reason = `The provisional threshold ${threshold} lost its standing: E = ${shortE(e)}, and ${PROVISIONAL_BELOW} is the limit.`;
    return [{ kind: 'alarm', reason, detail: { e: Number.isFinite(e) ? e : null, threshold } }, ...this.#fallBack()];
  }

  /** To the boldest stricter threshold that some audits are about and next to nothing speaks against, or to the ceiling. */
  #fallBack(): readonly EventDraft[] {
    const safer = this.#safer.find(({ detector, accepted }) => detector.value < PROVISIONAL_BELOW && accepted >= PROVISIONAL_AUDITS);
    this.#standing = safer === undefined ? 'ceiling' : { provisional: safer.threshold };
    if (safer === undefined) return [];
    const { threshold, accepted } = safer;
    const e = safer.detector.value;
    const reason = `Answers from confidence ${threshold} on go on provisionally, uncertified: ${accepted} of them were audited, and give E = ${shortE(e)} against them.`;
    return [{ kind: 'provisional', reason, detail: { threshold, e, accepted } }];
  }

  #rollBack(): void {
    this.#canary.rollBack();
    this.#standing = 'ceiling';
  }

  #replayStage(event: TaskEvent): void {
    const record = readStage(event.detail);
    if (record === null) return;
    this.#isRecorded = true;
    if (!sameStream(this.#stream, record.settings)) this.#changeStream(record.settings);
    if (record.complete) this.#canary.complete();
    else if (record.stage !== this.#canary.stage) this.#canary.enter(record.stage);
    this.#respend();
  }

  #changeStream(settings: StreamSettings): void {
    this.#stream = settings;
    this.#canary.follow(this.#canaryPlan(settings));
    this.#respend();
  }

  /** Audits as the stage asks. Another π_min is another stream of rows, on which every detector begins anew. */
  #respend(): void {
    const share = this.#auditShare();
    if (share === this.plan.share) return;
    this.plan.spend(share);
    this.#detector.restart();
    for (const safer of this.#safer) {
      safer.detector.restart();
      safer.accepted = 0;
    }
  }

  /**
   * The share that the canary's own answers are audited with: as many audits as at full exposure, so that a stage takes days and not
   * months, at the price of a full one.
   */
  #auditShare(): number {
    const { exposure } = this.#canary;
    return exposure === 0 ? this.#stream.auditShare : Math.min(1, this.#stream.auditShare / exposure);
  }

  #canaryPlan({ stages, auditsPerStage }: StreamSettings): CanaryPlan {
    return { stages, auditsPerStage, error: 1 - this.#certificate.floor.level };
  }

  #provisionalThreshold(): number | null {
    return typeof this.#standing === 'string' ? null : this.#standing.provisional;
  }

  #stageDraft(reason: string): EventDraft {
    return stageDraft(reason, { stage: this.#canary.stage, complete: this.#canary.state === 'complete' }, this.#stream);
  }

  #advanceReason(isComplete: boolean): string {
    const harm = shortE(this.#canary.harm);
    return isComplete
      ? `The canary is complete: E = ${harm} against the certificate after its last stage.`
      : `The certificate may route ${perCent(this.#canary.exposure)} of the traffic: E = ${harm} against it after ${this.#stream.auditsPerStage} weighted audits.`;
  }

  #rollbackDraft(exposure: number): EventDraft {
    const { harm, stage } = this.#canary;
    const { retain, level } = this.#certificate.floor;
    return {
      kind: 'rollback',
      reason: `The canary at ${perCent(exposure)} of the traffic was rolled back: audits say that it does not keep ${perCent(retain)} of the ceiling's quality (E = ${shortE(harm)}, limit ${shortE(1 / (1 - level))}).`,
      detail: { e: harm, stage, exposure },
    };
  }
}
