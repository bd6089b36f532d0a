import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { StoredTemplate } from '../store/types.ts';

/** What a book of templates would lose with its process: those that wait for the store. */
export interface TemplateJournal {
  /** What the process before this one left. */
  readonly left: readonly StoredTemplate[];
  /** Keeps one more. It outlives this process when this returns. */
  add(template: StoredTemplate): void;
  /** Keeps these and no others: the rest is in the store. */
  keep(templates: readonly StoredTemplate[]): void;
}

/** A journal in a file. Throws the operating system's error for a file that cannot be read. A line that is cut short is left out. */
export function openTemplateJournal(file: string): TemplateJournal {
  return {
    left: linesOf(file).flatMap(templateIn),
    add: (template) => appendFileSync(file, `${JSON.stringify(template)}\n`, { mode: 0o600 }),
    keep: (templates) => {
      // Renamed into place, so that a process that is killed here leaves one of the two whole.
      const next = `${file}.next`;
      writeFileSync(next, templates.map((template) => `${JSON.stringify(template)}\n`).join(''), { mode: 0o600 });
      renameSync(next, file);
    },
  };
}

function templateIn(line: string): readonly StoredTemplate[] {
  try {
    const { hash, masked, at } = JSON.parse(line) as Partial<Record<keyof StoredTemplate, unknown>>;
    return typeof hash === 'string' && typeof masked === 'string' && typeof at === 'number' ? [{ hash, masked, at }] : [];
  } catch {
    return [];
  }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
