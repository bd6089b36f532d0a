import { type Clock, type Json, SmallfirstError } from '../core/index.ts';
import type { Feedback, Look, Store, StoredPair, TaskEvent } from '../store/index.ts';
import { type LookPlan, type LookQuestion, type LookResult, planLook, takeLook } from './look.ts';
import { FIRST_LOOK } from './look-schedule.ts';

/** A candidate of a task, as plain data. */
export interface LifeCandidate {
  /** Name in the registry. */
  readonly small: string;
  /** What the config itself pins. */
  readonly pins: Readonly<Record<string, string>>;
  /** When its training ended, so that nothing of before is evidence; null for a model that was not trained on this traffic. */
  readonly trainedUntil: number | null;
}

/** A task whose evidence is looked at, as plain data: a thread can be told it. */
export interface LifeTask {
  readonly task: LookQuestion['task'];
  readonly big: string;
  /** Cheapest first. */
  readonly candidates: readonly LifeCandidate[];
  readonly method: LookQuestion['method'];
}

/** What looks read from and write to. */
export interface LookRunnerWorld {
  readonly store: Pick<Store, 'pairs' | 'looks' | 'feedback' | 'events' | 'certificates'>;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly warn: (message: string) => void;
  /** Whether a gate classifier may be proposed: only where the gateway can run one. */
  readonly gate: boolean;
  /** Whether a candidate was trained on a pair's request, or one next to the same; by time alone unless told. */
  readonly isTrainedOn?: (small: string, pair: StoredPair) => boolean;
}

/** Who asks for a look at one task, or at all. */
export interface LookRequest {
  /** Null for every task. */
  readonly task: string | null;
  readonly by: Look['by'];
}

/** Evidence is read again after so many new pairs at least, so that a change of prompt or an alarm is seen in time. */
const LOOK_AGAIN_AFTER = FIRST_LOOK / 2;
const PAGE = 1_000;

/**
 * Looks at tasks as their evidence grows, and keeps what was found: the look first, so that its share of the error is spent whatever
 * happens next; for a passed one the certificate and a `proposed` event with all that a lock entry needs. One at a time. A round with
 * nothing new counts rows and reads none.
 */
export class LookRunner {
  readonly #tasks: readonly LifeTask[];
  readonly #world: LookRunnerWorld;
  /** By task and candidate: how many pairs there must be before it is worth reading them again. */
  readonly #wakeAt = new Map<string, number>();
  #isRepaired = false;

  constructor(tasks: readonly LifeTask[], world: LookRunnerWorld) {
    this.#tasks = tasks;
    this.#world = world;
  }

  /** Takes every look that is due; a person's, review's or retrained candidate's are due at once. Rejects where the store does not answer. */
  async run(request: LookRequest = { task: null, by: 'schedule' }): Promise<readonly LookResult[]> {
    if (!this.#isRepaired) {
      for (const { task } of this.#tasks) await this.#repair(task.name);
      this.#isRepaired = true;
    }
    const results: LookResult[] = [];
    for (const task of this.#tasks) {
      if (request.task !== null && request.task !== task.task.name) continue;
      for (const candidate of task.candidates) {
        const result = await this.#candidate(task, candidate, request.by);
        if (result !== null) results.push(result);
      }
    }
    return results;
  }

  /** Where a candidate's evidence stands, without looking; null while it has no pair. */
  async plan(task: LifeTask, candidate: LifeCandidate): Promise<LookPlan | null> {
    const question = await this.#question(task, candidate, 'schedule');
    return question === null ? null : planLook(question);
  }

  async #candidate(task: LifeTask, candidate: LifeCandidate, by: Look['by']): Promise<LookResult | null> {
    const key = JSON.stringify([task.task.name, candidate.small]);
    const { pairs } = this.#world.store;
    const count = await pairs.count({ task: task.task.name, small: candidate.small, big: task.big });
    if (count === 0 || (by === 'schedule' && count < (this.#wakeAt.get(key) ?? 0))) return null;
    const question = await this.#question(task, candidate, by);
    if (question === null) return null;
    const plan = planLook(question);
    const missing = plan.isDue ? LOOK_AGAIN_AFTER : Math.max(1, Math.min(plan.size - plan.n, LOOK_AGAIN_AFTER));
    this.#wakeAt.set(key, question.pairs.length + missing);
    if (!plan.isDue) return null;
    const result = takeLook(question, plan);
    return (await this.#keep(result)) ? result : null;
  }

  async #question(task: LifeTask, candidate: LifeCandidate, by: Look['by']): Promise<LookQuestion | null> {
    const { store, clock, newId, gate, isTrainedOn } = this.#world;
    const { name } = task.task;
    const { small, pins, trainedUntil } = candidate;
    const pairs = await store.pairs.list({ task: name, small, big: task.big });
    if (pairs.length === 0) return null;
    const [turn] = await store.events.list({ task: name, kinds: ['alarm', 'rollback'], limit: 1 });
    return {
      task: task.task,
      small,
      big: task.big,
      candidates: task.candidates.length,
      pairs,
      feedback: await this.#feedback(name),
      looks: await store.looks.list({ task: name }),
      pins,
      trainedUntil,
      since: turn?.at ?? null,
      method: task.method,
      by,
      now: clock.now(),
      newId,
      gate,
      ...(isTrainedOn && { isTrainedOn: (pair) => isTrainedOn(small, pair) }),
    };
  }

  async #feedback(task: string): Promise<readonly Feedback[]> {
    const all: Feedback[] = [];
    for (let before: string | undefined; ; ) {
      const page = await this.#world.store.feedback.list({ task }, { limit: PAGE, ...(before === undefined ? {} : { before }) });
      all.push(...page.map(({ feedback }) => feedback));
      if (page.length < PAGE) return all;
      before = page.at(-1)?.feedback.id;
    }
  }

  /** False when another process took the same number meanwhile: then nothing of it counts. */
  async #keep(result: LookResult): Promise<boolean> {
    const { store, warn } = this.#world;
    const { look, certificate } = result;
    if (certificate !== null) await store.certificates.add(certificate);
    try {
      await store.looks.add(look);
    } catch (error) {
      if (!(error instanceof SmallfirstError && error.code === 'INPUT_INVALID')) throw error;
      warn(`look ${look.k} at ${look.task} was taken by another process: ${error.message}`);
      if (certificate !== null) await store.certificates.void(certificate.id, look.at, 'Its look was taken by another process.');
      return false;
    }
    if (certificate !== null) await this.#propose(look, findings(result));
    return true;
  }

  async #propose(look: Look, found: Json): Promise<void> {
    const { store, newId } = this.#world;
    const history = await store.certificates.history(look.task);
    const certificate = history.find((each) => each.certificate.id === look.certificate)?.certificate;
    if (certificate === undefined) return;
    const { small, big, verdict, accepted, retained, retainedLowerBound } = certificate;
    const share = `${(accepted * 100).toFixed(1)} % of the answers`;
    const event: TaskEvent = {
      id: newId(),
      task: look.task,
      at: look.at,
      kind: 'proposed',
      certificate: certificate.id,
      reason: `${small} may ${verdict === 'swap' ? 'answer everything' : `keep ${share}`} in place of ${big}: ${(retained * 100).toFixed(1)} % of the quality, at least ${(retainedLowerBound * 100).toFixed(1)} %, by ${look.n} pairs.`,
      detail: { certificate: certificate as unknown as Json, look: look as unknown as Json, found },
    };
    await store.events.add([event]);
  }

  /** Makes proposals again that a crash kept from being made: their looks are spent, their certificates kept. */
  async #repair(task: string): Promise<void> {
    const { store } = this.#world;
    const passed = (await store.looks.list({ task })).filter(({ certificate }) => certificate !== null);
    if (passed.length === 0) return;
    const proposed = new Set((await store.events.list({ task, kinds: ['proposed'] })).map(({ certificate }) => certificate));
    for (const look of passed) if (!proposed.has(look.certificate)) await this.#propose(look, null);
  }
}

/** The numbers behind a proposal that the certificate does not hold. */
function findings({ result, confidence, plan, notes }: LookResult): Json {
  const { leftOut, labels, fit, certify, report } = plan.evidence;
  return {
    savings: result.savings,
    notes,
    parts: { fit: fit.length, certify: certify.length, report: report.length },
    leftOut,
    labels: { ...labels },
    signals: confidence.scores.map((score) => ({ ...score })),
    gate: confidence.gateTrial === null ? null : { ...confidence.gateTrial, difference: { ...confidence.gateTrial.difference } },
  };
}
