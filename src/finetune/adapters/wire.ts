import { type Json, type NanoUsd, nanoUsd } from '../../core/index.ts';
import type { FineTuneRow, TrainingMessage } from '../types.ts';

/** A JSON object of a provider. */
export type Members = { readonly [key: string]: Json | undefined };

/** A value as an object; an empty one where it is none. */
export function objectOf(value: Json | undefined): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

/** A value as a list of objects. */
export function listOf(value: Json | undefined): readonly Members[] {
  return Array.isArray(value) ? value.map((item: Json) => objectOf(item)) : [];
}

/** A text that is not empty, or null. */
export function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A finite number, also where it is written as text, or null. */
export function numberOf(value: Json | undefined): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** Dollars as money; null for what is no sum of money. */
export function dollars(value: number | null): NanoUsd | null {
  return value === null || value < 0 || value > 9e6 ? null : nanoUsd(value);
}

/** An ISO date or seconds since the epoch as milliseconds, or null. */
export function timeOf(value: Json | undefined): number | null {
  if (typeof value === 'number') return value * 1000;
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

/** The form that OpenAI, Together and Fireworks share: `{messages, tools?}`, and pairs as `{input, preferred_output, non_preferred_output}`. */
export function openAiRow(row: FineTuneRow): Json {
  if (row.kind === 'sft') return conversation(row.messages, row.tools);
  if (row.kind === 'dpo')
    return {
      input: conversation(row.input.messages, row.input.tools),
      preferred_output: [message(row.preferred)],
      non_preferred_output: [message(row.rejected)],
    };
  return { text: row.text, labels: row.labels as Json };
}

function conversation(messages: readonly TrainingMessage[], tools: readonly Json[] | undefined): Json {
  return { messages: messages.map(message), ...(tools === undefined || tools.length === 0 ? {} : { tools }) };
}

/** A message as it is sent: a weight of 1 is what absence means, so it is left out. */
function message({ weight, ...rest }: TrainingMessage): Json {
  return { ...(rest as unknown as Members), ...(weight === 0 ? { weight } : {}) };
}

/** A list with what is undefined or null left out. */
export function present(members: Readonly<Record<string, Json | undefined>>): { readonly [key: string]: Json } {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined && value !== null) kept[name] = value;
  return kept;
}
