import type { Prompt } from '../config/types.ts';
import { type Json, type Output, SmallfirstError } from '../core/index.ts';
import type { ChatMessage, DatasetRow } from './types.ts';

/** Shapes that rows can be written in. */
export type ExportFormat = 'student' | 'chat' | 'completion' | 'dpo' | 'dpo-trl' | 'eval';

/** What writing a row must know beside it. */
export interface ExportOptions {
  readonly output: Output | null;
  /** The task's prompt, for rows that hold only their input; null puts nothing around it. */
  readonly prompt: Prompt | null;
}

/**
 * A row as a trainer reads it; null for one that the format has no place for (preferences without a worse answer, out-of-scope rows for a
 * language model). `student`: {text, label | labels | fields | value}. `chat`: {"messages"} ending with the answer (OpenAI, Together,
 * Fireworks, TRL, axolotl). `completion`: {"prompt", "completion"}. `dpo`: OpenAI's {"input", "preferred_output",
 * "non_preferred_output"}. `dpo-trl`: {"prompt", "chosen", "rejected"} of messages. `eval`: what `smallfirst eval` reads. Throws USAGE
 * for students of a task that answers in text.
 */
export function exportRow(row: DatasetRow, format: ExportFormat, options: ExportOptions): Json | null {
  if (format === 'student') return studentRow(row, options.output);
  if (format === 'eval') return evalRow(row);
  if (row.output === null) return null;
  const prompt = promptMessages(row, options.prompt);
  const answer = [assistant(row.output)];
  if (format === 'chat') return { messages: [...prompt, ...answer] as unknown as Json };
  if (format === 'completion') return { prompt: asText(prompt), completion: row.output };
  if (row.rejected === null || row.rejected === row.output) return null;
  const rejected = [assistant(row.rejected)];
  if (format === 'dpo') return { input: { messages: prompt }, preferred_output: answer, non_preferred_output: rejected } as unknown as Json;
  return { prompt, chosen: answer, rejected } as unknown as Json;
}

/** Messages that a row's answer answers: its own, or the task's prompt with its input in it. */
export function promptMessages({ messages, text }: Pick<DatasetRow, 'messages' | 'text'>, prompt: Prompt | null): readonly ChatMessage[] {
  if (messages !== null) return messages;
  const system: readonly ChatMessage[] = prompt === null || prompt.system === null ? [] : [{ role: 'system', content: prompt.system }];
  // A function as replacement, so that `$&` in an input stays what it is.
  const content = prompt === null ? text : prompt.user.replace(/\{\{\s*input\s*\}\}/g, () => text);
  return [...system, { role: 'user', content }];
}

/** A row to train an embedded student from: its shape follows from what the answer is. Rows of one conversation must not be in two folds. */
function studentRow(row: DatasetRow, output: Output | null): Json {
  if (output?.kind === 'text') throw new SmallfirstError('USAGE', 'Embedded students answer labels and JSON; this task answers in text.');
  const { id, text, conversation } = row;
  return { id, text, ...(conversation === null ? {} : { conversation }), ...goldOf(row.output, output) };
}

function goldOf(answer: string | null, output: Output | null): { readonly [name: string]: Json } {
  if (answer === null || output?.kind !== 'json') return { label: answer };
  const value = JSON.parse(answer) as Json;
  if (typeof value === 'number') return { value };
  if (Array.isArray(value)) return { labels: value.map((item: Json) => (typeof item === 'string' ? item : JSON.stringify(item))) };
  if (typeof value !== 'object' || value === null) return { label: String(value) };
  const members = Object.entries(value as Readonly<Record<string, Json>>);
  return { fields: Object.fromEntries(members.flatMap(([name, member]) => (member === null ? [] : [[name, fieldOf(member)]]))) };
}

function fieldOf(member: Json): string | readonly string[] {
  if (Array.isArray(member)) return member.map((item: Json) => (typeof item === 'string' ? item : JSON.stringify(item)));
  return typeof member === 'string' ? member : JSON.stringify(member);
}

function evalRow({ id, text, messages, output, conversation }: DatasetRow): Json | null {
  if (output === null) return null;
  return {
    id,
    ...(messages === null ? { text } : { messages: messages as unknown as Json }),
    expected: output,
    ...(conversation === null ? {} : { cluster: conversation }),
  };
}

function assistant(content: string): ChatMessage {
  return { role: 'assistant', content };
}

function asText(messages: readonly ChatMessage[]): string {
  return messages.map(({ content }) => content).join('\n\n');
}
