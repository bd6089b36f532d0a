import { NO_HINTS } from './import-types.ts';
import type { TaskHints } from './types.ts';
import { type JsonRecord, listOf, objectOf, textOf } from './values.ts';

const TAGS = ['smallfirst_task', 'task', 'task_name', 'taskName', 'task_id', 'use_case', 'usecase', 'useCase', 'feature', 'x-task'];
const FUNCTIONS = ['function_id', 'functionId', 'function_name', 'functionName', 'generation_name', 'operation', 'caller'];
const PROMPTS = ['prompt_name', 'promptName', 'prompt_id', 'promptId', 'template', 'prompt_template'];
const ROUTES = ['route', 'workflow', 'workflow_name', 'path', 'endpoint', 'step'];

/** Names that a tool gives of itself: they say nothing about the task. */
const GENERIC = new Set([
  ...['generation', 'llm', 'chat', 'completion', 'openai-generation', 'openai.chat', 'chatopenai', 'chatanthropic', 'anthropic.chat'],
  ...['ai.generatetext', 'ai.streamtext', 'ai.generatetext.dogenerate', 'ai.streamtext.dostream', 'ai.generateobject.dogenerate'],
  ...['tensorzero::default', 'openai-embedding', 'litellm-acompletion', 'litellm-completion', 'embedding', 'default', 'messages.create'],
]);

/** A name that says something about the task, or null. */
export function taskName(value: unknown): string | null {
  const name = textOf(value)?.trim();
  if (name === undefined || name === '' || name.length > 256 || GENERIC.has(name.toLowerCase())) return null;
  return name;
}

/** What metadata, tags or properties say about the task. A list holds tags: `task:refunds`, or `refunds` alone. */
export function hintsOf(...places: readonly unknown[]): TaskHints {
  let { tag, functionId, promptName, route } = NO_HINTS;
  for (const place of places) {
    const record = objectOf(place);
    if (record !== null) {
      tag ??= firstName(record, TAGS);
      functionId ??= firstName(record, FUNCTIONS);
      promptName ??= firstName(record, PROMPTS);
      route ??= firstName(record, ROUTES);
    } else tag ??= tagIn(listOf(place));
  }
  if (tag === null && functionId === null && promptName === null && route === null) return NO_HINTS;
  return { tag, functionId, promptName, route };
}

/** The tag of a list that names a task: one with a prefix that says so, else the first that is no header or `key:value` of another kind. */
function tagIn(tags: readonly unknown[]): string | null {
  let plain: string | null = null;
  for (const item of tags) {
    const name = taskName(item);
    if (name === null) continue;
    const [, prefix, rest] = /^([\w-]+)[:=]\s*(.+)$/.exec(name) ?? [];
    if (prefix !== undefined && rest !== undefined && TAGS.includes(prefix)) return rest;
    if (prefix === undefined && !/^user-agent/i.test(name)) plain ??= name;
  }
  return plain;
}

function firstName(record: JsonRecord, names: readonly string[]): string | null {
  for (const member of names) {
    const name = taskName(record[member]);
    if (name !== null) return name;
  }
  return null;
}
