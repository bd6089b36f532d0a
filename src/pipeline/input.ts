import type { PipelineConfig, PipelineStep } from '../config/index.ts';
import { type Json, SmallfirstError } from '../core/index.ts';
import type { TemplateScope } from '../expressions/index.ts';

/** What a step is asked about, as text. Throws REQUEST_INVALID where a template cannot be filled in or there is no text. */
export function inputOf(step: PipelineStep, scope: TemplateScope): string {
  const { input, name } = step;
  try {
    if (input === null) return step.forEach === null ? textOf(scope.input) : itemText(scope.item ?? null);
    if (!(input instanceof Map)) return (input as Exclude<typeof input, ReadonlyMap<string, unknown>>).render(scope);
    const filled: Record<string, string> = {};
    for (const [key, template] of input) filled[key] = template.render(scope);
    return JSON.stringify(filled);
  } catch (error) {
    if (error instanceof SmallfirstError) throw error;
    throw new SmallfirstError('REQUEST_INVALID', `The input of the step "${name}" cannot be filled in: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

/** Refuses an input without a text that a step is going to need, before anything is paid for. Throws REQUEST_INVALID. */
export function checkInput(pipeline: PipelineConfig, input: Readonly<Record<string, Json>>): void {
  if (pipeline.steps.some((step) => step.input === null && step.forEach === null)) textOf(input);
}

function textOf(input: Readonly<Record<string, Json>>): string {
  const text = Object.hasOwn(input, 'text') ? input.text : undefined;
  if (typeof text === 'string') return text;
  throw new SmallfirstError('REQUEST_INVALID', 'The input lacks "text", a string, which the pipeline’s steps are asked about.');
}

function itemText(item: Json): string {
  return typeof item === 'string' ? item : JSON.stringify(item);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
