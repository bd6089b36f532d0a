import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from '../batch/index.ts';
import type { CellHold } from '../store/index.ts';

/** Journals that nobody came back for are removed after this long. */
const KEPT_MS = 3 * 24 * 3_600_000;

/** The journal of a cell on this machine, and what tells its calls from those that another machine makes for the same rows. */
export interface CellJournal {
  readonly journal: Journal;
  /** The same as long as the journal is: an answer that is used again is recorded under the id of the first time. */
  readonly generation: string;
  /** Lets go of it; it is kept for the next time that the cell comes here, unless `remove`. */
  close(remove: boolean): void;
}

/** Opens the journal of a cell: the one that is there, where this machine worked on it before. */
export function openCellJournal(folder: string, { job, cell, attempt }: CellHold): CellJournal {
  mkdirSync(folder, { recursive: true });
  const prefix = `${job}-${cell}.`;
  const before = readdirSync(folder).find((name) => name.startsWith(prefix));
  const generation = before?.slice(prefix.length).replace(/\.jsonl$/, '') ?? attempt;
  const file = join(folder, `${prefix}${generation}.jsonl`);
  const journal = new Journal(file);
  return {
    journal,
    generation,
    close: (remove) => {
      journal.close();
      if (remove) rmSync(file, { force: true });
    },
  };
}

/** Removes journals of cells that never came back. */
export function sweepJournals(folder: string, now: number): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if ((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now) < now - KEPT_MS) rmSync(file, { force: true });
  }
}

/** The id of a call that was made under a journal: calls that two machines make for one row are two calls, and both cost money. */
export function callId(id: string, generation: string): string {
  const hash = createHash('sha256').update(`${id}\0${generation}`).digest('hex');
  const variant = ((Number.parseInt(hash.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${id.slice(0, 14)}7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
