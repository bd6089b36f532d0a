import { HarmProcess } from './harm-process.ts';

/** E below which the harm process does not hold a stage back. */
export const ADVANCE_BELOW = 2;

/** How a certified policy is let into traffic. */
export interface CanaryPlan {
  /** Shares of traffic in (0, 1], rising; the last is 1. Empty: all traffic at once, unwatched by the canary. */
  readonly stages: readonly number[];
  /** Weighted audits of accepted answers that a stage takes at least. */
  readonly auditsPerStage: number;
  /** α: the probability of rolling back a policy that keeps its floor, over the whole canary. */
  readonly error: number;
}

/** What a row did to the canary. */
export type CanaryStep = 'stays' | 'advances' | 'completes' | 'rolls-back';

/**
 * The stages of a canary. A stage ends after enough weighted audits while the harm process stands below 2; the process runs over all
 * stages and rolls back at 1/α. Stages limit how many requests a bad certificate can reach: the right to route is the certificate's.
 */
export class Canary {
  readonly #process = new HarmProcess();
  #plan: CanaryPlan;
  #stage = 0;
  #audits = 0;
  #state: 'running' | 'complete' | 'rolled-back';

  constructor(plan: CanaryPlan) {
    this.#plan = checked(plan);
    this.#state = plan.stages.length === 0 ? 'complete' : 'running';
  }

  /** Folds one row of the canary's traffic. Rows after its end change nothing. */
  add(score: number, weight: number, accepted: boolean): CanaryStep {
    if (this.#state !== 'running') return 'stays';
    const harm = this.#process.add(score, weight);
    // Escalated rows move E but count for no stage: with few accepted answers they would end it before one of them was looked at.
    if (accepted) this.#audits += weight;
    if (harm >= 1 / this.#plan.error) {
      this.rollBack();
      return 'rolls-back';
    }
    if (this.#audits < this.#plan.auditsPerStage || harm >= ADVANCE_BELOW) return 'stays';
    if (this.#stage === this.#plan.stages.length - 1) {
      this.#state = 'complete';
      return 'completes';
    }
    this.enter(this.#stage + 1);
    return 'advances';
  }

  /** Starts a stage anew, as a record says that it was started. The harm process goes on. */
  enter(stage: number): void {
    if (this.#state !== 'running') return;
    this.#stage = Math.min(Math.max(0, stage), this.#plan.stages.length - 1);
    this.#audits = 0;
  }

  /** Ends the canary well, as a record says that it ended. */
  complete(): void {
    if (this.#state === 'running') this.#state = 'complete';
  }

  /** Ends the canary badly, for good. */
  rollBack(): void {
    this.#state = 'rolled-back';
  }

  /**
   * Goes on under another plan, at the boldest of its stages that exposes no more than now. The evidence stays; a canary that has ended
   * stays ended.
   */
  follow(plan: CanaryPlan): void {
    const before = this.exposure;
    this.#plan = checked(plan);
    if (this.#state !== 'running') return;
    if (plan.stages.length === 0) this.#state = 'complete';
    else this.enter(plan.stages.findLastIndex((share) => share <= before));
  }

  /** Share of traffic that the certificate may route now. */
  get exposure(): number {
    if (this.#state === 'rolled-back') return 0;
    return this.#state === 'complete' ? 1 : this.#plan.stages[this.#stage]!;
  }

  get state(): 'running' | 'complete' | 'rolled-back' {
    return this.#state;
  }

  /** From 0. */
  get stage(): number {
    return this.#stage;
  }

  /** Weighted audits of accepted answers in this stage. */
  get audits(): number {
    return this.#audits;
  }

  /** E of the harm process. */
  get harm(): number {
    return this.#process.value;
  }
}

function checked(plan: CanaryPlan): CanaryPlan {
  const { stages, auditsPerStage, error } = plan;
  const rises = stages.every((share, i) => share > (stages[i - 1] ?? 0) && share <= 1);
  if (!rises || (stages.length > 0 && stages.at(-1) !== 1)) throw new RangeError(`not the stages of a canary: ${stages.join(', ')}`);
  if (!(auditsPerStage > 0) || !(error > 0 && error < 1)) throw new RangeError('a canary needs audits per stage, and an error in (0, 1)');
  return plan;
}
