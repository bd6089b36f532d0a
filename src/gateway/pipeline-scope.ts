import type { PipelineConfig, PipelineStep, TaskConfig } from '../config/index.ts';
import type { Caller } from './parties.ts';
import { mayUseModel } from './scope.ts';

/** What stands before a pipeline's name where it is named in place of a model. */
export const PIPELINE_ALIAS = 'pipeline/';

type Tasks = ReadonlyMap<string, TaskConfig>;

/** Tasks that a step may ask: its own, or those that it delegates to. */
export function tasksOf({ task, controller }: PipelineStep): readonly string[] {
  if (controller !== null) return controller.tasks;
  return task === null ? [] : [task];
}

/** Models that a step may ask of a task: the one that it names, its own ladder, or the task's. */
export function rungsOf({ model, ladder }: PipelineStep, task: string, tasks: Tasks): readonly string[] {
  if (model !== null) return [model];
  return ladder ?? tasks.get(task)?.ladder ?? [];
}

/**
 * Whether a caller may run a pipeline: a key that lists its tasks must list all that its steps may ask; one that lists models only, every
 * model that they may ask.
 */
export function mayUsePipeline(caller: Caller, { steps }: PipelineConfig, tasks: Tasks): boolean {
  const allowed = caller.tasks;
  if (allowed !== null) return steps.every((step) => tasksOf(step).every((task) => allowed.has(task)));
  if (caller.models === null) return true;
  return steps.every((step) => {
    const asked = tasksOf(step).flatMap((task) => rungsOf(step, task, tasks));
    return [...asked, ...(step.controller === null ? [] : [step.controller.model])].every((model) => mayUseModel(caller, model));
  });
}
