import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { KeyTable } from './key-table.ts';
import { type JsonRecord, objectOf } from './values.ts';

/** Bytes that are kept in memory before they go to a temporary file. */
const IN_MEMORY = 4 * 1024 * 1024;

/** A companion that no call asked for. */
export interface Orphan {
  readonly file: number;
  readonly line: number;
  readonly row: JsonRecord;
}

/**
 * Companions of calls by key: the inputs of batches, messages of stored completions. Their text lies in memory while it is little,
 * then in a temporary file, so that each costs some 70 bytes. `close` removes the file.
 */
export class JoinIndex {
  readonly #keys = new KeyTable();
  /** By key: the first companion; by companion: the next of its key, file, line, place and length; -1 for none. */
  readonly #first: number[] = [];
  readonly #next: number[] = [];
  readonly #file: number[] = [];
  readonly #line: number[] = [];
  readonly #place: number[] = [];
  readonly #length: number[] = [];
  readonly #used: boolean[] = [];
  #buffer = Buffer.alloc(0);
  #filled = 0;
  #written = 0;
  #spill: { readonly folder: string; readonly fd: number } | null = null;
  readonly #files: readonly string[];

  /** Files by number, as `add` and `find` name them. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  add(key: string, row: JsonRecord, place: { readonly file: number; readonly line: number }): void {
    const number = this.#place.length;
    const bytes = Buffer.from(asJson(row));
    const { number: slot } = this.#keys.add(key);
    this.#next.push(this.#first[slot] ?? -1);
    this.#first[slot] = number;
    this.#file.push(place.file);
    this.#line.push(place.line);
    if (this.#filled + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#place.push(this.#written + this.#filled);
    this.#length.push(bytes.length);
    this.#used.push(false);
    this.#filled += bytes.copy(this.#buffer, this.#filled);
  }

  /** Every companion of a key, in the order of files and lines. They count as used. */
  every(key: string): readonly JsonRecord[] {
    const found = this.#ofKey(key);
    for (const number of found) this.#used[number] = true;
    return found.map((number) => this.#read(number));
  }

  /**
   * One companion that nobody has taken yet, or null. Ids are only unique within a batch: among several files the one whose name is most
   * like the asking file's is meant, so that `march.output.jsonl` finds its input in `march.input.jsonl`.
   */
  take(key: string, asking: number): JsonRecord | null {
    const free = this.#ofKey(key).filter((number) => !this.#used[number]);
    let best: number | undefined;
    let likeness = -1;
    for (const number of free) {
      const own = commonPrefix(this.#files[asking] ?? '', this.#files[this.#file[number] ?? 0] ?? '');
      if (own > likeness) [best, likeness] = [number, own];
    }
    if (best === undefined) return null;
    this.#used[best] = true;
    return this.#read(best);
  }

  /** Companions that were never used, in the order of files and lines. */
  *orphans(): Generator<Orphan> {
    for (let number = 0; number < this.#place.length; number++) {
      if (!this.#used[number]) yield { file: this.#file[number] ?? 0, line: this.#line[number] ?? 0, row: this.#read(number) };
    }
  }

  /** How many there are, and how many were used. */
  get counts(): { readonly all: number; readonly used: number } {
    return { all: this.#used.length, used: this.#used.reduce((sum, used) => sum + (used ? 1 : 0), 0) };
  }

  /** Files of the used ones, how many of each. */
  usedByFile(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    this.#used.forEach((used, number) => {
      const file = this.#file[number] ?? 0;
      if (used) counts.set(file, (counts.get(file) ?? 0) + 1);
    });
    return counts;
  }

  close(): void {
    if (this.#spill === null) return;
    closeSync(this.#spill.fd);
    rmSync(this.#spill.folder, { recursive: true, force: true });
    this.#spill = null;
  }

  #ofKey(key: string): readonly number[] {
    const slot = this.#keys.find(key);
    const found: number[] = [];
    for (let number = slot < 0 ? -1 : (this.#first[slot] ?? -1); number >= 0; number = this.#next[number] ?? -1) found.push(number);
    return found.reverse();
  }

  #read(number: number): JsonRecord {
    const place = this.#place[number] ?? 0;
    const bytes = Buffer.alloc(this.#length[number] ?? 0);
    if (place >= this.#written) this.#buffer.copy(bytes, 0, place - this.#written, place - this.#written + bytes.length);
    else if (this.#spill !== null) readSync(this.#spill.fd, bytes, 0, bytes.length, place);
    return objectOf(JSON.parse(bytes.toString('utf8'))) ?? {};
  }

  #makeRoom(length: number): void {
    if (this.#filled > 0) this.#flush();
    if (length > this.#buffer.length) this.#buffer = Buffer.alloc(Math.max(IN_MEMORY, length));
  }

  #flush(): void {
    if (this.#spill === null) {
      const folder = mkdtempSync(join(tmpdir(), 'smallfirst-audit-'));
      this.#spill = { folder, fd: openSync(join(folder, 'rows'), 'w+', 0o600) };
    }
    for (let done = 0; done < this.#filled; )
      done += writeSync(this.#spill.fd, this.#buffer, done, this.#filled - done, this.#written + done);
    this.#written += this.#filled;
    this.#filled = 0;
  }
}

/** What is nested too deeply to be written again keeps its key, and nothing else. */
function asJson(row: JsonRecord): string {
  try {
    return JSON.stringify(row);
  } catch {
    return '{}';
  }
}

function commonPrefix(a: string, b: string): number {
  const [one, two] = [basename(a), basename(b)];
  let length = 0;
  while (length < one.length && one[length] === two[length]) length += 1;
  return length;
}
