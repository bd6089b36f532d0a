import { closeSync, constants, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import type { ModelEvent } from '../core/index.ts';
import { writeWhole } from './output.ts';

/** How far a job is: rows whose output is written, and how long its files are with exactly those rows in them. */
export interface Checkpoint {
  /** Every row before this one is finished. */
  readonly upTo: number;
  /** Rows from `upTo` on that are finished as well, because others were slower. */
  readonly beyond: readonly number[];
  readonly outputBytes: number;
  readonly errorBytes: number;
  readonly done: number;
  readonly failed: number;
}

export const NOTHING_DONE: Checkpoint = { upTo: 0, beyond: [], outputBytes: 0, errorBytes: 0, done: 0, failed: 0 };

/** Once a journal is this long, what belongs to finished rows is left behind in a new one. */
const MAX_BYTES = 64 * 1024 * 1024;

type Line =
  | { readonly t: 'start'; readonly row: number; readonly key: string }
  | { readonly t: 'answer'; readonly row: number; readonly key: string; readonly events: readonly ModelEvent[] }
  | ({ readonly t: 'check' } & Checkpoint);

/**
 * What a job would have to ask again if it were killed: calls that were begun, answers that arrived, and which rows are written. Each
 * line is on its way to the disk before the next thing is done, so that killing this process loses none. A torn last line is cut off.
 */
export class Journal {
  readonly #file: string;
  #descriptor: number;
  #bytes: number;
  /** By row: what was begun and what was answered, for rows that are not finished. */
  readonly #rows = new Map<number, { readonly begun: Set<string>; readonly answers: Map<string, readonly ModelEvent[]> }>();
  #checkpoint: Checkpoint;
  #beyond: ReadonlySet<number> = new Set();
  /** A journal that is longer is compacted. */
  #mostBytes = MAX_BYTES;
  /** Calls that were under way when the process before this one ended. */
  readonly atRisk: number;

  /** `from` is where a job stands that has no journal any more. */
  constructor(file: string, from: Checkpoint = NOTHING_DONE) {
    this.#file = file;
    this.#checkpoint = from;
    this.#follow(from);
    this.#bytes = existsSync(file) ? this.#replay() : 0;
    this.#descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o600);
    this.atRisk = [...this.#rows.values()].reduce(
      (sum, { begun, answers }) => sum + [...begun].filter((key) => !answers.has(key)).length,
      0,
    );
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  isFinished(row: number): boolean {
    return row < this.#checkpoint.upTo || this.#beyond.has(row);
  }

  /** The answer that an earlier process got for a call; null when there is none. */
  answerOf(row: number, key: string): readonly ModelEvent[] | null {
    return this.#rows.get(row)?.answers.get(key) ?? null;
  }

  begun(row: number, key: string): void {
    this.#kept(row).begun.add(key);
    this.#write({ t: 'start', row, key });
  }

  /** Kept before anything is made of it. */
  answered(row: number, key: string, events: readonly ModelEvent[]): void {
    this.#kept(row).answers.set(key, events);
    this.#write({ t: 'answer', row, key, events });
  }

  /** Rows are written to the job's files, which must not be behind this. */
  checked(checkpoint: Checkpoint): void {
    this.#follow(checkpoint);
    this.#write({ t: 'check', ...checkpoint });
    if (this.#bytes > this.#mostBytes) this.#compact();
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** What belongs to rows that are written is done with. */
  #follow(checkpoint: Checkpoint): void {
    this.#checkpoint = checkpoint;
    this.#beyond = new Set(checkpoint.beyond);
    for (const row of this.#rows.keys()) if (this.isFinished(row)) this.#rows.delete(row);
  }

  #kept(row: number) {
    let kept = this.#rows.get(row);
    if (kept === undefined) {
      kept = { begun: new Set(), answers: new Map() };
      this.#rows.set(row, kept);
    }
    return kept;
  }

  #write(line: Line): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    // A line that a full disk tore is written over by the next one.
    writeWhole(this.#descriptor, bytes, this.#bytes);
    this.#bytes += bytes.length;
  }

  /** Reads what an earlier process wrote; returns the length of its whole lines, and cuts off a torn one. */
  #replay(): number {
    const good = eachLine(this.#file, (line) => {
      const read = JSON.parse(line) as Line;
      if (read.t === 'start') this.#kept(read.row).begun.add(read.key);
      else if (read.t === 'answer') this.#kept(read.row).answers.set(read.key, read.events);
      else {
        const { t: _, ...checkpoint } = read;
        this.#follow(checkpoint);
      }
    });
    if (good < statSync(this.#file).size) truncateSync(this.#file, good);
    return good;
  }

  /** Begins anew with what still matters; renamed into place, so that one of the two is always whole. */
  #compact(): void {
    const next = `${this.#file}.next`;
    const to = openSync(next, 'w', 0o600);
    closeSync(this.#descriptor);
    this.#descriptor = to;
    this.#bytes = 0;
    this.#write({ t: 'check', ...this.#checkpoint });
    for (const [row, { begun, answers }] of this.#rows) {
      for (const key of begun) this.#write({ t: 'start', row, key });
      for (const [key, events] of answers) this.#write({ t: 'answer', row, key, events });
    }
    fsyncSync(to);
    renameSync(next, this.#file);
    // Where what still matters is large, it is not written again at every checkpoint.
    this.#mostBytes = Math.max(MAX_BYTES, 2 * this.#bytes);
  }
}

const CHUNK = 1024 * 1024;

/** Reads whole lines until the first that is torn or no JSON; returns how many bytes they take. */
function eachLine(file: string, take: (line: string) => void): number {
  const from = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(CHUNK);
  let rest: Buffer = Buffer.alloc(0);
  let good = 0;
  try {
    for (let read = readSync(from, chunk, 0, CHUNK, null); read > 0; read = readSync(from, chunk, 0, CHUNK, null)) {
      let data = Buffer.concat([rest, chunk.subarray(0, read)]);
      for (let end = data.indexOf(0x0a); end !== -1; end = data.indexOf(0x0a)) {
        try {
          take(data.toString('utf8', 0, end));
        } catch {
          return good;
        }
        good += end + 1;
        data = data.subarray(end + 1);
      }
      rest = Buffer.from(data);
    }
  } finally {
    closeSync(from);
  }
  return good;
}

/** Removes a journal. */
export function removeJournal(file: string): void {
  rmSync(file, { force: true });
}
