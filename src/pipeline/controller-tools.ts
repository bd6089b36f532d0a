import type { ToolDefinition } from '../core/index.ts';
import type { DelegableTask } from './controller.ts';

/** Tasks by the names of their tools: protocols take letters, digits, _ and - there, 64 at most. No two tasks share one. */
export function toolNames(tasks: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const task of tasks) {
    const plain = task.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
    let name = plain;
    for (let n = 2; named.has(name); n += 1) name = `${plain}_${n}`;
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
