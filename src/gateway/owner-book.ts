import { hash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Who made something that an upstream keeps, and where it is kept. */
export interface Owner {
  /** '' for a caller without a key. */
  readonly key: string;
  /** The model or passthrough by name; '' where an older version of this book did not say. */
  readonly upstream: string;
}

/** Owners that are kept in memory; all others are read from their file when they are asked for. */
const CACHED = 10_000;
/** Bits that say of most ids that nobody made them, without a look at a file: 1 MiB, which tells 98 of 100 apart at a million ids. */
const FILTER_BITS = 2 ** 23;
const PROBES = 4;
const LF = 0x0a;

/**
 * The owners of everything that was ever made here, on disk: a line for each, in one of 256 files by the hash of its id. Memory holds the
 * owners that were asked for last and a filter of fixed size, so that it does not grow with the book.
 */
export class OwnerBook {
  readonly #folder: string | null;
  readonly #cached: number;
  readonly #cache = new Map<string, Owner>();
  readonly #filter = new Uint32Array(FILTER_BITS / 32);
  #isEmpty = true;

  /**
   * Opens the book in a folder, and takes over the one file of older versions (the folder's name with `.tsv`); null keeps all in memory.
   * Throws the operating system's error for what cannot be read or written.
   */
  constructor(folder: string | null, cached: number = CACHED) {
    this.#folder = folder;
    this.#cached = folder === null ? Number.POSITIVE_INFINITY : cached;
    if (folder === null) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (BUCKET.test(name)) this.#scan(join(folder, name));
    this.#takeOver(`${folder}.tsv`);
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** The owner of an id; undefined where nobody made it here. */
  get(id: string): Owner | undefined {
    if (this.#isEmpty) return undefined;
    const cached = this.#cache.get(id);
    if (cached !== undefined) {
      this.#keep(id, cached);
      return cached;
    }
    if (this.#folder === null) return undefined;
    const digest = digestOf(id);
    if (!this.#mayHold(digest)) return undefined;
    const owner = findIn(readOrEmpty(this.#fileOf(this.#folder, digest)), id);
    if (owner !== undefined) this.#keep(id, owner);
    return owner;
  }

  /** Adds an owner, durable when this returns. The id must have none yet; neither may hold tabs or line breaks. */
  add(id: string, owner: Owner): void {
    const digest = digestOf(id);
    if (this.#folder !== null) {
      appendFileSync(this.#fileOf(this.#folder, digest), `${id}\t${owner.key}\t${owner.upstream}\n`, { mode: 0o600 });
    }
    this.#mark(digest);
    this.#keep(id, owner);
  }

  #fileOf(folder: string, digest: Buffer): string {
    return join(folder, `${digest.toString('hex', 0, 1)}.tsv`);
  }

  #keep(id: string, owner: Owner): void {
    this.#cache.delete(id);
    this.#cache.set(id, owner);
    if (this.#cache.size <= this.#cached) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      break;
    }
  }

  /** Marks what a file holds. A line that a crash cut short is closed, so that the next one begins anew. */
  #scan(file: string): void {
    const bytes = readFileSync(file);
    for (const [id] of entriesOf(bytes)) this.#mark(digestOf(id));
    if (bytes.length > 0 && bytes[bytes.length - 1] !== LF) appendFileSync(file, '\n');
  }

  #takeOver(file: string): void {
    const bytes = readOrEmpty(file);
    for (const [id, owner] of entriesOf(bytes)) if (this.get(id) === undefined) this.add(id, owner);
    if (bytes.length > 0) unlinkSync(file);
  }

  #mark(digest: Buffer): void {
    this.#isEmpty = false;
    for (let probe = 1; probe <= PROBES; probe += 1) {
      const bit = digest.readUInt32LE(4 * probe) % FILTER_BITS;
      this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  #mayHold(digest: Buffer): boolean {
    for (let probe = 1; probe <= PROBES; probe += 1) {
      const bit = digest.readUInt32LE(4 * probe) % FILTER_BITS;
      if (((this.#filter[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

const BUCKET = /^[0-9a-f]{2}\.tsv$/;

function digestOf(id: string): Buffer {
  return hash('sha256', id, 'buffer');
}

/** The lines of a file; what is none of ours is passed over. */
function* entriesOf(bytes: Buffer): Generator<readonly [string, Owner]> {
  for (const line of bytes.toString('utf8').split('\n')) {
    const [id, key, upstream] = line.split('\t');
    if (id !== undefined && id !== '' && key !== undefined) yield [id, { key, upstream: upstream ?? '' }];
  }
}

/** The first line of an id: what is owned stays its owner's. */
function findIn(bytes: Buffer, id: string): Owner | undefined {
  const sought = Buffer.from(`${id}\t`);
  for (let at = bytes.indexOf(sought); at !== -1; at = bytes.indexOf(sought, at + 1)) {
    if (at > 0 && bytes[at - 1] !== LF) continue;
    const end = bytes.indexOf(LF, at);
    const [, key, upstream] = bytes.toString('utf8', at, end === -1 ? bytes.length : end).split('\t');
    return { key: key ?? '', upstream: upstream ?? '' };
  }
  return undefined;
}

function readOrEmpty(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
