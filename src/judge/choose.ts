import type { ModelConfig, TaskConfig } from '../config/index.ts';
import { SmallfirstError, type Tier } from '../core/index.ts';
import { familyOf } from '../providers/index.ts';

/** Who judges a task, by what, and what speaks against it. */
export interface JudgeChoice {
  readonly model: ModelConfig;
  readonly rubric: string;
  /** Why the judge may not be impartial, in one sentence; null where nothing is known to speak against it. */
  readonly warning: string | null;
}

type JudgedTask = Pick<TaskConfig, 'name' | 'judge' | 'ladder'>;

const ABLEST: readonly Tier[] = ['frontier', 'mid', 'small'];

/**
 * The judge of a task: the model that its metric names, else the ablest one of another family than every model of the ladder, else the
 * ceiling. Throws CONFIG_INVALID for a task without a judge, MODEL_NOT_FOUND for one whose judge is not there.
 */
export function chooseJudge(task: JudgedTask, models: ReadonlyMap<string, ModelConfig>): JudgeChoice {
  const { judge, ladder, name } = task;
  if (judge === null || judge.rubric === null) {
    throw new SmallfirstError('CONFIG_INVALID', `The task ${name} names no judge; add metric: { judge: <model>, rubric: <file> }.`);
  }
  const rungs = ladder.flatMap((rung) => models.get(rung) ?? []);
  const chosen = judge.model ?? stranger(rungs, models)?.name ?? ladder.at(-1) ?? '';
  const model = models.get(chosen);
  if (model === undefined) throw new SmallfirstError('MODEL_NOT_FOUND', `There is no model "${chosen}" to judge the task ${name}.`);
  return { model, rubric: judge.rubric, warning: warningOf(model, rungs) };
}

/** The judge of a task as `chooseJudge` finds it; null for a task whose answers a metric scores. */
export function judgeOf(task: JudgedTask, models: ReadonlyMap<string, ModelConfig>): JudgeChoice | null {
  return task.judge === null ? null : chooseJudge(task, models);
}

function stranger(rungs: readonly ModelConfig[], models: ReadonlyMap<string, ModelConfig>): ModelConfig | null {
  const strangers = [...models.values()].filter(
    (model) => model.path === null && familyOf(model.provider, model.model) !== null && !rungs.some((rung) => isKin(model, rung)),
  );
  return strangers.sort((a, b) => ABLEST.indexOf(a.tier) - ABLEST.indexOf(b.tier))[0] ?? null;
}

function warningOf(judge: ModelConfig, rungs: readonly ModelConfig[]): string | null {
  const kin = rungs.filter((rung) => isKin(judge, rung));
  const itself = kin.find(({ name }) => name === judge.name);
  if (itself !== undefined)
    return `The judge ${judge.name} scores its own answers: judges favour their own kind, so name one of another family.`;
  const [relative] = kin;
  if (relative === undefined) return null;
  return `The judge ${judge.name} is of one family with ${relative.name}, whose answers it scores: judges favour their own kind, so name one of another family.`;
}

/** The same model, or models of one known maker. */
function isKin(a: ModelConfig, b: ModelConfig): boolean {
  if (a.name === b.name || (a.provider === b.provider && a.model === b.model)) return true;
  const family = familyOf(a.provider, a.model);
  return family !== null && family === familyOf(b.provider, b.model);
}
