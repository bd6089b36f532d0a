import type { ModelConfig, TaskConfig } from '../config/index.ts';
import { contentHash, type Json, type Message, type ModelRequest, textMessage, textOf } from '../core/index.ts';
import type { EvalItem } from './types.ts';

/** An item as a request to a model: the task's prompt with the item in it, or the item's own messages after the system prompt. */
export function requestOf(task: TaskConfig, item: EvalItem, model: ModelConfig): ModelRequest {
  return {
    ...model.parameters,
    ...promptedRequest(task, item),
    ...(task.output.kind !== 'text' && model.capabilities.has('logprobs') ? { logprobs: { top: 5 } } : {}),
  };
}

/** The same without what is particular to one model: what a whole ladder is asked. */
export function promptedRequest(task: TaskConfig, item: Pick<EvalItem, 'input' | 'messages'>): ModelRequest {
  const system: readonly Message[] = task.prompt.system === null ? [] : [textMessage('system', task.prompt.system)];
  // A function as replacement, so that `$&` in an item stays what it is.
  const asked = item.messages ?? [
    textMessage(
      'user',
      task.prompt.user.replace(/\{\{\s*input\s*\}\}/g, () => item.input ?? ''),
    ),
  ];
  const messages = [...system, ...asked];
  const { output, parameters } = task;
  // The common case without a copy by spreading, which makes a hidden class each time.
  if (output.kind !== 'json' && Object.keys(parameters).length === 0) return { messages };
  return {
    messages,
    ...parameters,
    ...(output.kind === 'json' ? { responseFormat: responseFormat(task.name, output.schema) } : {}),
  };
}

function responseFormat(name: string, schema: Json): NonNullable<ModelRequest['responseFormat']> {
  const empty = typeof schema === 'object' && schema !== null && Object.keys(schema).length === 0;
  return empty ? { type: 'json' } : { type: 'json-schema', name: name.replace(/[^A-Za-z0-9_-]/g, '_'), schema, strict: false };
}

/** All text of a request, for counting its tokens. */
export function textOfRequest(request: ModelRequest): string {
  return request.messages.map(textOf).join('\n');
}

/**
 * The part of a cell's key that all items share: task version, model snapshot, parameters and prompt. The gold answers and the metric
 * are not in it, because they change what an answer is worth and not what a model answers.
 */
export function keyBase(task: TaskConfig, model: ModelConfig, version: string | null): string {
  return contentHash({
    task: { name: task.name, output: task.output as unknown as Json },
    model: {
      provider: model.provider,
      model: model.model,
      url: model.url,
      version,
      // What is asked without a part of the prompt is asked something else.
      ...(model.prune?.list ? { prune: model.prune.list.hash } : {}),
    },
    parameters: { ...model.parameters, ...task.parameters } as Json,
    prompt: { system: task.prompt.system, user: task.prompt.user },
  });
}

/** The key of a cell: what it was asked, and which repeat of the question it is. */
export function cellKey(base: string, item: EvalItem, repeat: number): string {
  return contentHash({ base, item: item.hash, repeat });
}
