import { type Json, SmallfirstError } from '../core/index.ts';
import type { Conversation, FineTuneRow, Method, TrainingMessage } from './types.ts';

/** What rows of bare texts are put into. */
export interface RowPrompt {
  readonly system: string | null;
  /** The user's message; `{{input}}` stands for the text. */
  readonly user: string;
}

/** How rows are read. */
export interface ReadOptions {
  readonly method: Method;
  /** Shown in errors. */
  readonly file: string;
  readonly prompt: RowPrompt;
  /** Name of the decision of a classifier whose rows say `label` only. */
  readonly target: string;
}

/** Rows of a file by what they are for. Golden rows are never trained on. */
export interface ReadRows {
  readonly training: readonly FineTuneRow[];
  readonly validation: readonly FineTuneRow[];
  readonly golden: number;
  /** Rows without a usable answer for this method: no label, no worse answer. */
  readonly skipped: number;
}

type Members = Readonly<Record<string, unknown>>;
type Fail = (message: string) => never;

/**
 * Reads rows in any of the forms that data sets come in: `{messages}`, `{prompt, completion}`, `{text, label | labels | fields | value |
 * output}`, `{input, preferred_output, non_preferred_output}`, `{prompt, chosen, rejected}` and the rows of a data set of ours. Throws
 * INPUT_INVALID at the first line that is none of them.
 */
export function readRows(text: string, options: ReadOptions): ReadRows {
  const training: FineTuneRow[] = [];
  const validation: FineTuneRow[] = [];
  let golden = 0;
  let skipped = 0;
  let line = 0;
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    line += 1;
    if (raw.trim() === '') continue;
    const fail: Fail = failAt(options.file, line);
    const members = parseObject(raw, fail);
    if (members.split === 'golden') {
      golden += 1;
      continue;
    }
    const row = toRow(members, { ...options, line, fail });
    if (row === null) skipped += 1;
    else (members.split === 'validation' ? validation : training).push(row);
  }
  return { training, validation, golden, skipped };
}

function failAt(file: string, line: number): Fail {
  return (message) => {
    throw new SmallfirstError('INPUT_INVALID', message, { position: { file, line } });
  };
}

function parseObject(raw: string, fail: Fail): Members {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    return fail(`this line is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) return fail('a row must be a JSON object');
  return value;
}

interface Place extends ReadOptions {
  readonly line: number;
  readonly fail: Fail;
}

function toRow(members: Members, place: Place): FineTuneRow | null {
  if (place.method === 'dpo') return toPreference(members, place);
  if (place.method === 'classifier') return toClassified(members, place);
  return toConversation(members, place);
}

function groupOf(members: Members): string | null {
  const group = members.group ?? members.conversation ?? members.cluster;
  return typeof group === 'string' ? group : null;
}

function toConversation(members: Members, place: Place): FineTuneRow | null {
  const answer = answerOf(members, place.fail);
  const base = { kind: 'sft' as const, line: place.line, group: groupOf(members), ...toolsOf(members, place.fail) };
  if (Array.isArray(members.messages)) {
    const messages = readMessages(members.messages, place.fail);
    // A data set of ours keeps the answer beside the conversation; other files end with it.
    if (answer !== undefined) return answer === null ? null : { ...base, messages: [...messages, assistant(answer)] };
    return { ...base, messages };
  }
  if (members.prompt !== undefined && members.completion !== undefined) {
    const prompt = readPrompt(members.prompt, place);
    return { ...base, messages: [...prompt, readAnswer(members.completion, place.fail)] };
  }
  if (typeof members.text === 'string') {
    if (answer === undefined) return place.fail('the row has no answer: give "label", "labels", "fields", "value" or "output"');
    return answer === null ? null : { ...base, messages: [...inPrompt(members.text, place.prompt), assistant(answer)] };
  }
  return place.fail('a row holds {"messages"}, {"prompt", "completion"} or {"text"} with its answer');
}

function toPreference(members: Members, place: Place): FineTuneRow | null {
  const base = { kind: 'dpo' as const, line: place.line, group: groupOf(members) };
  if (members.preferred_output !== undefined) {
    const input = isObject(members.input) ? members.input : place.fail('"input" must be an object with "messages"');
    if (!Array.isArray(input.messages)) return place.fail('"input" must hold "messages"');
    return {
      ...base,
      input: { messages: readMessages(input.messages, place.fail), ...toolsOf(input, place.fail) },
      preferred: readAnswer(members.preferred_output, place.fail),
      rejected: readAnswer(members.non_preferred_output, place.fail),
    };
  }
  if (members.chosen !== undefined) {
    const input: Conversation = { messages: readPrompt(members.prompt ?? members.messages, place), ...toolsOf(members, place.fail) };
    return { ...base, input, preferred: readAnswer(members.chosen, place.fail), rejected: readAnswer(members.rejected, place.fail) };
  }
  const answer = answerOf(members, place.fail);
  if (typeof members.rejected !== 'string' || typeof answer !== 'string') return null;
  const messages = Array.isArray(members.messages)
    ? readMessages(members.messages, place.fail)
    : typeof members.text === 'string'
      ? inPrompt(members.text, place.prompt)
      : place.fail('a pair holds {"input", "preferred_output", "non_preferred_output"} or {"prompt", "chosen", "rejected"}');
  return { ...base, input: { messages }, preferred: assistant(answer), rejected: assistant(members.rejected) };
}

function toClassified(members: Members, place: Place): FineTuneRow | null {
  const { text, labels, label } = members;
  if (typeof text !== 'string') return place.fail('a row of a classifier holds {"text"} with "label" or "labels"');
  const base = { kind: 'classifier' as const, line: place.line, group: groupOf(members), text };
  if (isObject(labels)) {
    const read: Record<string, string | readonly string[]> = {};
    for (const [name, value] of Object.entries(labels)) read[name] = readLabels(value, place.fail);
    return { ...base, labels: read };
  }
  if (labels !== undefined) return { ...base, labels: { [place.target]: readLabels(labels, place.fail) } };
  const one = label === undefined ? members.output : label;
  if (one === null) return null;
  if (typeof one !== 'string' || one === '') return place.fail('"label" must be a text that is not blank');
  return { ...base, labels: { [place.target]: one } };
}

function readLabels(value: unknown, fail: Fail): string | readonly string[] {
  if (typeof value === 'string' && value !== '') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')) return value as string[];
  return fail('labels must be texts that are not blank, or lists of them');
}

/** The answer that stands beside the text: undefined where there is none, null where none of the labels is right. */
function answerOf(members: Members, fail: Fail): string | null | undefined {
  for (const name of ['label', 'output'] as const) {
    const value = members[name];
    if (value === undefined) continue;
    if (value === null || typeof value === 'string') return value;
    return fail(`"${name}" must be a text or null`);
  }
  for (const name of ['labels', 'fields', 'value'] as const) if (members[name] !== undefined) return JSON.stringify(members[name]);
  return undefined;
}

function readPrompt(value: unknown, place: Place): readonly TrainingMessage[] {
  if (typeof value === 'string') return inPrompt(value, { system: null, user: '{{input}}' });
  if (Array.isArray(value)) return readMessages(value, place.fail);
  return place.fail('"prompt" must be a text or a list of messages');
}

function readAnswer(value: unknown, fail: Fail): TrainingMessage {
  if (typeof value === 'string') return assistant(value);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length !== 1) return fail('an answer is one message');
  const message = readMessages(list, fail)[0]!;
  return message.role === 'assistant' ? message : fail(`an answer has the role assistant, not ${message.role}`);
}

/** Puts a text into a prompt. A function as replacement, so that `$&` in a text stays what it is. */
export function inPrompt(text: string, prompt: RowPrompt): readonly TrainingMessage[] {
  const content = prompt.user.replace(/\{\{\s*input\s*\}\}/g, () => text);
  return [...(prompt.system === null ? [] : [{ role: 'system' as const, content: prompt.system }]), { role: 'user', content }];
}

function assistant(content: string): TrainingMessage {
  return { role: 'assistant', content };
}

const ROLES = new Set(['system', 'user', 'assistant', 'tool']);

function readMessages(list: readonly unknown[], fail: Fail): readonly TrainingMessage[] {
  if (list.length === 0) return fail('"messages" is empty');
  return list.map((item, index) => {
    const at = `message ${index + 1}`;
    if (!isObject(item)) return fail(`${at} is no object`);
    const role = item.role === 'developer' ? 'system' : item.role;
    if (typeof role !== 'string' || !ROLES.has(role)) return fail(`${at} has the role ${JSON.stringify(item.role ?? null)}`);
    const content = item.content ?? null;
    if (content !== null && typeof content !== 'string') return fail(`${at} must hold text: images and other parts are not trained on`);
    if (item.weight !== undefined && item.weight !== 0 && item.weight !== 1) return fail(`the weight of ${at} must be 0 or 1`);
    return {
      role: role as TrainingMessage['role'],
      content,
      ...(typeof item.name === 'string' ? { name: item.name } : {}),
      ...(Array.isArray(item.tool_calls) && item.tool_calls.length > 0
        ? { tool_calls: item.tool_calls.map((call) => readCall(call, at, fail)) }
        : {}),
      ...(typeof item.tool_call_id === 'string' ? { tool_call_id: item.tool_call_id } : {}),
      ...(item.weight === undefined ? {} : { weight: item.weight }),
    };
  });
}

function readCall(call: unknown, at: string, fail: Fail): NonNullable<TrainingMessage['tool_calls']>[number] {
  const target = isObject(call) && isObject(call.function) ? call.function : null;
  if (!isObject(call) || typeof call.id !== 'string' || typeof target?.name !== 'string' || typeof target.arguments !== 'string')
    return fail(`a tool call of ${at} must hold "id" and "function" with "name" and "arguments" as text`);
  return { id: call.id, type: 'function', function: { name: target.name, arguments: target.arguments } };
}

function toolsOf(members: Members, fail: Fail): { readonly tools?: readonly Json[] } {
  if (members.tools === undefined || members.tools === null) return {};
  return Array.isArray(members.tools) ? { tools: members.tools as Json[] } : fail('"tools" must be a list');
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
