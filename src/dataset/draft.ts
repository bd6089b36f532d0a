import { createHash } from 'node:crypto';
import type { Output } from '../core/index.ts';
import { validateOutput } from '../metrics/index.ts';
import type { DatasetRow, Split } from './types.ts';

/** A row on its way through the graph. `output` absent: nobody has answered it yet; null: out of scope. `split` comes last. */
export type DraftRow = Omit<DatasetRow, 'output' | 'split'> & { readonly output?: string | null; readonly split?: Split };

/** Rows that came out of a node, with what was left out and why, or found, by name. */
export interface NodeResult {
  readonly rows: readonly DraftRow[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Counts by name. */
export class Counts {
  readonly #counts: Record<string, number> = {};

  add(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  get all(): Readonly<Record<string, number>> {
    return this.#counts;
  }
}

/** SHA-256 over rows in order, in hex. */
export function hashOfRows(rows: readonly object[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(JSON.stringify(row)).update('\n');
  return hash.digest('hex');
}

/** A number in [0, 1) that a key determines, uniform over keys and independent between purposes. */
export function unitHash(purpose: string, key: string): number {
  return createHash('sha256').update(`dataset\0${purpose}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** An answer in the one form that data sets keep: the declared label, compact JSON, or the text; null where it is no answer of the task. */
export function answerForm(text: string, output: Output | null): string | null {
  if (output === null || output.kind === 'text') return text.trim() === '' ? null : text;
  const { valid, value } = validateOutput(text, output);
  if (!valid) return null;
  return output.kind === 'label' && typeof value === 'string' ? value : JSON.stringify(value);
}

/** What is compared when inputs are: the turns of a conversation, or the text; cut where more would only cost time. A system prompt is all rows' alike. */
export function comparedText({ text, messages }: Pick<DraftRow, 'text' | 'messages'>): string {
  const turns = messages?.flatMap(({ role, content }) => (role === 'system' ? [] : [content])).join('\n') ?? text;
  return turns.slice(0, 20_000);
}
