import type { PipelineConfig, PipelineStep } from '../config/index.ts';
import { type EpochMs, type Json, type NanoUsd, SmallfirstError } from '../core/index.ts';
import type { StepFacts, Template, TemplateScope } from '../expressions/index.ts';
import { checkInput, inputOf } from './input.ts';
import { isLastWord } from './last-word.ts';
import { Purse } from './purse.ts';
import { asFailure, factsOf, failureRecord, fanOutRecord, recordOf, sumOf } from './record.ts';
import type { PipelineListener, PipelineResult, PipelineRun, PipelineWorld, StepAnswer, StepRecord } from './types.ts';

/** Items of a fan-out that are under way together. */
const WIDTH = 8;

/**
 * Runs a pipeline: its steps in order, branches side by side, each step where its condition holds. A condition that cannot be evaluated
 * runs its step and is recorded. The run ends when its signal is aborted, its deadline passes, or a step fails that may not.
 *
 * Throws SmallfirstError: REQUEST_INVALID, ABORTED, DEADLINE_EXCEEDED, or the error of the step that ended it.
 */
export async function runPipeline(
  pipeline: PipelineConfig,
  run: PipelineRun,
  world: PipelineWorld,
  listener: PipelineListener | null = null,
): Promise<PipelineResult> {
  checkInput(pipeline, run.input);
  return new Walk(pipeline, run, world, listener).toEnd();
}

class Walk {
  readonly #pipeline: PipelineConfig;
  readonly #run: PipelineRun;
  readonly #world: PipelineWorld;
  readonly #listener: PipelineListener | null;
  readonly #startedAt: EpochMs;
  readonly #deadlineAt: EpochMs | null;
  readonly #records = new Map<string, StepRecord>();
  readonly #skipped: string[] = [];
  /** Ends what runs beside a step that failed. */
  readonly #halt = new AbortController();
  readonly #signal: AbortSignal | null;
  /** The run as steps see it. */
  readonly #asked: PipelineRun;

  constructor(pipeline: PipelineConfig, run: PipelineRun, world: PipelineWorld, listener: PipelineListener | null) {
    this.#pipeline = pipeline;
    this.#run = run;
    this.#world = world;
    this.#listener = listener;
    this.#startedAt = world.now();
    this.#deadlineAt = earliest(run.deadlineAt, pipeline.deadlineMs === null ? null : this.#startedAt + pipeline.deadlineMs);
    // Only branches end each other; a signal of signals is dear where a million rows are run.
    const isForked = pipeline.nodes.some(({ kind }) => kind === 'parallel');
    this.#signal = !isForked ? run.signal : run.signal === null ? this.#halt.signal : AbortSignal.any([run.signal, this.#halt.signal]);
    this.#asked = isForked ? { ...run, signal: this.#signal } : run;
  }

  async toEnd(): Promise<PipelineResult> {
    const { budget } = this.#pipeline;
    const purse = new Purse(lowest(this.#run.budget, budget));
    for (const node of this.#pipeline.nodes) {
      if (node.kind === 'step') await this.#step(node, purse);
      else await this.#branches(node.branches, purse);
    }
    const records = [...this.#records.values()];
    return {
      id: this.#run.id,
      steps: this.#records,
      // In the order of the file, whichever branch was faster.
      skipped: this.#pipeline.steps.flatMap(({ name }) => (this.#skipped.includes(name) ? [name] : [])),
      output: this.#output(),
      cost: sumOf(records.map(({ cost }) => cost)),
      calls: records.reduce((sum, { calls }) => sum + calls, 0),
      escalated: records.filter(({ escalated }) => escalated).length,
      latencyMs: this.#world.now() - this.#startedAt,
    };
  }

  async #branches(branches: readonly (readonly PipelineStep[])[], purse: Purse): Promise<void> {
    const parts = purse.split(branches.length);
    const ended = await Promise.allSettled(
      branches.map(async (branch, i) => {
        const part = parts[i] as Purse;
        try {
          for (const step of branch) await this.#step(step, part);
        } catch (error) {
          this.#halt.abort();
          throw error;
        } finally {
          purse.join(part);
        }
      }),
    );
    // What ended the others is the reason, not that they were ended.
    const failures = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    if (failures.length > 0) throw failures.find((error) => asFailure(error).code !== 'ABORTED') ?? failures[0];
  }

  async #step(step: PipelineStep, purse: Purse): Promise<void> {
    this.#checkTime();
    const due = this.#isDue(step);
    if (!due.runs) {
      this.#skipped.push(step.name);
      this.#listener?.stepSkipped(step.name);
      return;
    }
    this.#listener?.stepStarted(step.name);
    const granted = purse.grant(step.budget);
    const own = new Purse(granted);
    const answered: StepAnswer[] = [];
    let record: StepRecord;
    try {
      record = step.forEach === null ? await this.#once(step, own, due.error) : await this.#each(step, own, answered, due.error);
    } catch (error) {
      const failure = asFailure(error);
      if (step.onFailure === 'stop' || failure.code === 'ABORTED' || this.#isLate()) throw failure;
      record = failureRecord(failure, sumOf([this.#world.costOf(error), ...answered.map(({ cost }) => cost)]), due.error);
    }
    purse.spend(record.cost, granted);
    this.#records.set(step.name, record);
    this.#listener?.stepEnded(step.name, record);
  }

  /** Whether a step runs; what cannot be decided runs, and says so. */
  #isDue(step: PipelineStep): { readonly runs: boolean; readonly error: string | null } {
    if (step.when === null) return { runs: true, error: null };
    try {
      return { runs: step.when.evaluate(this.#scope()), error: null };
    } catch (error) {
      return { runs: true, error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #once(step: PipelineStep, purse: Purse, conditionError: string | null): Promise<StepRecord> {
    const words = isLastWord(this.#pipeline, step, this.#scope()) ? (this.#listener?.words(step.name) ?? null) : null;
    return recordOf(await this.#ask(step, this.#scope(), { budget: purse.grant(null), index: null, words }), conditionError);
  }

  /** `answered` takes the answers as they come: what they cost counts also where a later one fails. */
  async #each(step: PipelineStep, purse: Purse, answered: StepAnswer[], conditionError: string | null): Promise<StepRecord> {
    const items = this.#itemsOf(step);
    const answers: StepAnswer[] = [];
    let next = 0;
    const width = Math.min(WIDTH, items.length);
    const work = async (part: Purse): Promise<void> => {
      while (next < items.length) {
        const index = next;
        next += 1;
        this.#checkTime();
        const granted = part.grant(null);
        const item = items[index] as Json;
        let answer: StepAnswer;
        try {
          answer = await this.#ask(step, { ...this.#scope(), item, index }, { budget: granted, index, words: null });
        } catch (error) {
          // One that failed fails the step: nothing more is begun.
          next = items.length;
          throw error;
        }
        part.spend(answer.cost, granted);
        answers[index] = answer;
        answered.push(answer);
      }
    };
    const ended = await Promise.allSettled(purse.split(width).map(work));
    const failure = ended.find((one) => one.status === 'rejected');
    if (failure) throw failure.reason;
    return fanOutRecord(answers, conditionError);
  }

  #itemsOf(step: PipelineStep): readonly unknown[] {
    let items: readonly unknown[];
    try {
      items = step.forEach?.evaluate(this.#scope()) ?? [];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SmallfirstError('REQUEST_INVALID', `The step "${step.name}" has nothing to fan out over: ${why}.`, { cause: error });
    }
    if (items.length <= step.atMost) return items;
    throw new SmallfirstError(
      'REQUEST_INVALID',
      `The step "${step.name}" would fan out over ${items.length} items; atMost allows ${step.atMost}.`,
    );
  }

  #ask(
    step: PipelineStep,
    scope: TemplateScope,
    how: { readonly budget: NanoUsd | null; readonly index: number | null; readonly words: ReturnType<PipelineListener['words']> },
  ): Promise<StepAnswer> {
    return this.#world.answer({
      run: this.#asked,
      pipeline: this.#pipeline,
      step,
      input: inputOf(step, scope),
      index: how.index,
      budget: how.budget,
      deadlineAt: this.#deadlineAt,
      listener: how.words,
    });
  }

  #scope(): TemplateScope {
    const steps: Record<string, StepFacts> = {};
    for (const [name, record] of this.#records) steps[name] = factsOf(record);
    return { request: this.#run.request, input: this.#run.input, steps };
  }

  /** What the run answers: its template, or the last step that gave something, in the order of the file. */
  #output(): Json {
    const { output, steps } = this.#pipeline;
    if (output !== null) return rendered(output, this.#scope(), this.#pipeline.name);
    const last = steps.findLast(({ name }) => this.#records.get(name)?.error === undefined && this.#records.has(name));
    return last === undefined ? null : (this.#records.get(last.name)?.output ?? null);
  }

  #isLate(): boolean {
    return this.#deadlineAt !== null && this.#world.now() >= this.#deadlineAt;
  }

  #checkTime(): void {
    if (this.#signal?.aborted) throw new SmallfirstError('ABORTED', 'the caller went away');
    if (this.#isLate()) throw new SmallfirstError('DEADLINE_EXCEEDED', `The pipeline "${this.#pipeline.name}" ran out of time.`);
  }
}

function rendered(output: Template, scope: TemplateScope, pipeline: string): string {
  try {
    return output.render(scope);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SmallfirstError('REQUEST_INVALID', `The output of the pipeline "${pipeline}" cannot be filled in: ${why}.`, { cause: error });
  }
}

function earliest(a: EpochMs | null, b: number | null): EpochMs | null {
  if (a === null || b === null) return (a ?? b) as EpochMs | null;
  return Math.min(a, b) as EpochMs;
}

function lowest(a: NanoUsd | null, b: NanoUsd | null): NanoUsd | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b) as NanoUsd;
}
