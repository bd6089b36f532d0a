import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A place in a spool: everything before it was read. */
export interface SpoolPosition {
  readonly segment: number;
  /** In bytes. */
  readonly offset: number;
}

const NAME = /^(\d{12})\.spool$/;

/** Makes the folder of a spool, readable by its owner only, if it is not there. */
export function makeSpoolFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** The file of a segment: numbers sort as text. */
export function segmentPath(folder: string, segment: number): string {
  return join(folder, `${String(segment).padStart(12, '0')}.spool`);
}

/** Where rows go that no store takes. */
export function rejectedPath(folder: string): string {
  return join(folder, 'rejected.jsonl');
}

/** Numbers of the segments that are there, oldest first. */
export function listSegments(folder: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync(folder)) {
    const match = NAME.exec(name);
    if (match) found.push(Number(match[1]));
  }
  return found.sort((a, b) => a - b);
}

/** How far reading had come. The start where nothing is known: a line that is read again is counted once. */
export function readPosition(folder: string): SpoolPosition {
  const start = { segment: 0, offset: 0 };
  try {
    const match = /^(\d+) (\d+) *\n$/.exec(readFileSync(join(folder, 'position'), 'latin1'));
    return match ? { segment: Number(match[1]), offset: Number(match[2]) } : start;
  } catch {
    return start;
  }
}

/** Remembers how far reading has come, in place and in one write of one length: a crash leaves the old text or the new one. */
export function writePosition(folder: string, position: SpoolPosition): void {
  const line = `${`${position.segment} ${position.offset}`.padEnd(40)}\n`;
  // No flag that is a word opens for writing, makes the file and leaves what is in it.
  const file = openSync(join(folder, 'position'), constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(file, line, 0, 'latin1');
  } finally {
    closeSync(file);
  }
}

/** Whether everything before `wanted` was read when reading has come to `reached`. */
export function hasReached(reached: SpoolPosition, wanted: SpoolPosition): boolean {
  return reached.segment > wanted.segment || (reached.segment === wanted.segment && reached.offset >= wanted.offset);
}
