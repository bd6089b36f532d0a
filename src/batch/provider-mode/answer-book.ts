import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, readSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, ModelEvent } from '../../core/index.ts';
import { writeWhole } from '../output.ts';

/** What came of a call: a batch's answer as its provider wrote it, a live model's events, or why there is none. */
export type Kept =
  | { readonly kind: 'answer'; readonly body: Json }
  | { readonly kind: 'events'; readonly events: readonly ModelEvent[] }
  /** No answer was given and none will be; `again` tells one that can be asked for once more. */
  | { readonly kind: 'error'; readonly again: boolean; readonly message: string };

/** One line of a block. */
interface Line {
  readonly id: string;
  /** What it came from: a line that is written twice counts once. */
  readonly from: string;
  readonly kept: Kept;
}

/** Where a line lies. */
interface Place {
  readonly from: string;
  readonly at: number;
  readonly length: number;
}

interface Block {
  readonly descriptor: number;
  bytes: number;
  /** Of each call, oldest first. */
  readonly places: Map<string, Place[]>;
}

/** Rows whose answers lie in one file. */
const BLOCK_ROWS = 4_096;
/** Files whose places are in memory. Rows are run in the order of the input, so that a few are enough. */
const OPEN_BLOCKS = 8;

/**
 * The answers of a job on the disk, by call: only where they lie is in memory, and only for the rows that are being run. A line is written
 * whole before the next thing is done; one that a killed process tore is cut off.
 */
export class AnswerBook {
  readonly #folder: string;
  /** The least recently used first. */
  readonly #blocks = new Map<number, Block>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** What is known of a call, oldest first. */
  of(row: number, id: string): readonly Kept[] {
    const block = this.#block(row);
    return (block.places.get(id) ?? []).map(({ at, length }) => {
      const bytes = Buffer.allocUnsafe(length);
      for (let read = 0; read < length; ) {
        const got = readSync(block.descriptor, bytes, read, length - read, at + read);
        if (got === 0) throw new Error('an answer that was kept is gone');
        read += got;
      }
      return (JSON.parse(bytes.toString('utf8')) as Line).kept;
    });
  }

  /** Keeps what came of a call; nothing where the same was kept from the same place before. */
  add(row: number, id: string, from: string, kept: Kept): void {
    const block = this.#block(row);
    if (block.places.get(id)?.some((place) => place.from === from) === true) return;
    const text = Buffer.from(`${JSON.stringify({ id, from, kept } satisfies Line)}\n`);
    writeWhole(block.descriptor, text, block.bytes);
    note(block, id, { from, at: block.bytes, length: text.length - 1 });
    block.bytes += text.length;
  }

  close(): void {
    for (const { descriptor } of this.#blocks.values()) closeSync(descriptor);
    this.#blocks.clear();
  }

  #block(row: number): Block {
    const number = Math.floor(row / BLOCK_ROWS);
    const known = this.#blocks.get(number);
    const block = known ?? load(join(this.#folder, `${String(number).padStart(6, '0')}.jsonl`));
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const [oldest, { descriptor }] of this.#blocks) {
      if (this.#blocks.size <= OPEN_BLOCKS) break;
      closeSync(descriptor);
      this.#blocks.delete(oldest);
    }
    return block;
  }
}

function load(file: string): Block {
  const places = new Map<string, Place[]>();
  const block = { bytes: 0, places };
  if (existsSync(file)) {
    const bytes = readFileSync(file);
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, block.bytes)) {
      const line = parsed(bytes.toString('utf8', block.bytes, end));
      if (line === null) break;
      note(block, line.id, { from: line.from, at: block.bytes, length: end - block.bytes });
      block.bytes = end + 1;
    }
    if (block.bytes < statSync(file).size) truncateSync(file, block.bytes);
  }
  return { descriptor: openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600), bytes: block.bytes, places };
}

function note({ places }: Pick<Block, 'places'>, id: string, place: Place): void {
  const known = places.get(id);
  if (known === undefined) places.set(id, [place]);
  else known.push(place);
}

function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
