import type { ToolDefinition } from '../core/index.ts';
import type { DelegableTask } from './controller-types.ts';

/** A piece of the work that is large enough for a plan of its own. */
export const SUBPLAN: ToolDefinition = {
  name: 'delegate_plan',
  description: 'Plans and delegates a part of the work on its own, and gives its outcome.',
  parameters: {
    type: 'object',
    properties: { input: { type: 'string', description: 'The part of the work, complete in itself' } },
    required: ['input'],
    additionalProperties: false,
  },
};

/** Tasks by the names of their tools: protocols take letters, digits, _ and - there, 64 at most. No two tasks share one. */
export function toolNames(tasks: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const task of new Set(tasks)) {
    const plain = task.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
    let name = plain;
    for (let n = 2; named.has(name) || name === SUBPLAN.name; n += 1) name = `${plain}_${n}`;
    named.set(name, task);
  }
  return named;
}

/** A task as a tool. */
export function toolOf(name: string, { name: task, output, usdPerCall }: DelegableTask): ToolDefinition {
  return {
    name,
    description: `${task}: answers ${output}.${usdPerCall === null ? '' : ` About $${usdPerCall} a call.`}`,
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The exact text to work on' } },
      required: ['input'],
      additionalProperties: false,
    },
  };
}

/** The text that a tool is called with; null for arguments that say none. Other values than texts are taken as JSON. */
export function toolInput(argumentsText: string): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(argumentsText);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, 'input')) return null;
  const { input } = parsed as { readonly input?: unknown };
  if (typeof input === 'string') return input;
  return input === null ? null : JSON.stringify(input);
}
