import type { TaskConfig } from '../config/index.ts';
import type { Caller } from './parties.ts';

/** Whether a caller may ask for a model by name. */
export function mayUseModel(caller: Caller, model: string): boolean {
  return caller.models === null || caller.models.has(model);
}

/**
 * Whether a caller may ask for a task. A key that lists its tasks may use those, whoever answers them; one that lists models only may
 * use a task whose every rung it lists: else a task would lead it to models that it may not ask for.
 */
export function mayUseTask(caller: Caller, task: Pick<TaskConfig, 'name' | 'ladder'>): boolean {
  if (caller.tasks !== null) return caller.tasks.has(task.name);
  return caller.models === null || task.ladder.every((model) => mayUseModel(caller, model));
}
