import type { PipelineConfig, PipelineStep } from '../config/index.ts';
import type { TemplateScope } from '../expressions/index.ts';

/**
 * Whether the words of a step are sure to be the run's own answer, so that they can be told as they are written: nothing after it will
 * run. That is known when every later step has a condition that is false already and reads nothing that is still to come.
 */
export function isLastWord(pipeline: PipelineConfig, step: PipelineStep, scope: TemplateScope): boolean {
  const { steps, nodes, output } = pipeline;
  if (output !== null && output.source.replace(/\s/g, '') !== `{{${step.name}.output}}`) return false;
  // Where its failure would not end the run, another answer could follow its words.
  if (step.onFailure === 'continue') return false;
  // A step in a branch is never alone with the last word.
  if (step.forEach !== null || !nodes.includes(step)) return false;
  const at = steps.indexOf(step);
  const open = new Set(steps.slice(at).map(({ name }) => name));
  return steps.slice(at + 1).every(({ when }) => {
    if (when === null || when.references.some(([root]) => open.has(String(root)))) return false;
    try {
      return !when.evaluate(scope);
    } catch {
      return false;
    }
  });
}
