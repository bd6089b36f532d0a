import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { NanoUsd } from '../../core/index.ts';
import type { BatchFile, BatchLimits } from '../../providers/index.ts';
import { writeWhole } from '../output.ts';

/** One batch of a job, as its file in the job's folder says. */
export interface BatchCard {
  /** Name in the config of the model that is asked. */
  readonly model: string;
  readonly requests: number;
  readonly bytes: number;
  /**
   * `ready` nobody knows of it; `sending` its provider may know of it; `sent` its id is known; `fetched` what came of it is in the
   * answer book.
   */
  readonly state: 'ready' | 'sending' | 'sent' | 'fetched';
  /** What the provider calls the file of requests, once it has it. */
  readonly staged: string | null;
  /** Submissions that came to nothing before: each is marked apart. */
  readonly refused: number;
  /** When it was sent, in milliseconds since 1970; null before. */
  readonly sentAt: number | null;
  /** The provider's id. */
  readonly id: string | null;
  /** The provider's own word. */
  readonly status: string | null;
  /** Requests that have an answer or an error there. */
  readonly done: number;
  /** The most that it can cost; null where no cap asked for it. */
  readonly worst: NanoUsd | null;
  /** What its answers cost; null before it is fetched, and where one is unpriced. */
  readonly cost: NanoUsd | null;
}

/** A batch of a job on the disk: its requests and its card. */
export class KeptBatch {
  readonly #card: string;
  /** The file of requests. */
  readonly requests: string;
  /** Of the job, the round and the batch. */
  readonly name: string;
  card: BatchCard;

  constructor(folder: string, name: string, base: string) {
    this.#card = join(folder, `${base}.json`);
    this.requests = join(folder, `${base}.requests.jsonl`);
    this.name = name;
    this.card = JSON.parse(readFileSync(this.#card, 'utf8')) as BatchCard;
  }

  /** As it is given to its provider. */
  get file(): BatchFile {
    const { bytes, requests, refused } = this.card;
    return { path: this.requests, bytes, requests, mark: refused === 0 ? this.name : `${this.name}-${refused}` };
  }

  /** Changes the card; it is on its way to the disk when this returns. */
  change(changes: Partial<BatchCard>): void {
    this.card = { ...this.card, ...changes };
    writeCard(this.#card, this.card);
  }
}

/**
 * The batches of a job, round by round. The requests of a round are written beside it and become one by a rename: a round is there whole
 * or not at all.
 */
export class Rounds {
  readonly #folder: string;
  readonly #jobId: string;
  readonly #batches: KeptBatch[] = [];
  #rounds = 0;

  constructor(folder: string, jobId: string) {
    this.#folder = folder;
    this.#jobId = jobId;
    mkdirSync(folder, { recursive: true });
    // What a killed process had not finished writing was sent to nobody.
    rmSync(this.#next, { recursive: true, force: true });
    for (let round = 1; existsSync(this.#path(round)); round += 1) this.#take(round);
  }

  get batches(): readonly KeptBatch[] {
    return this.#batches;
  }

  /** Rounds so far. */
  get count(): number {
    return this.#rounds;
  }

  /** Begins to write the next round. */
  begin(): RoundWriter {
    rmSync(this.#next, { recursive: true, force: true });
    mkdirSync(this.#next, { recursive: true });
    return new RoundWriter(this.#next);
  }

  /** Makes what was written a round; nothing where that was nothing. */
  finish(writer: RoundWriter): void {
    if (writer.close() === 0) {
      rmSync(this.#next, { recursive: true, force: true });
      return;
    }
    renameSync(this.#next, this.#path(this.#rounds + 1));
    this.#take(this.#rounds + 1);
  }

  #take(round: number): void {
    const folder = this.#path(round);
    for (const file of readdirSync(folder).sort()) {
      const base = /^(\d+)\.json$/.exec(file)?.[1];
      if (base !== undefined) this.#batches.push(new KeptBatch(folder, `smallfirst-${this.#jobId}-${round}-${base}`, base));
    }
    this.#rounds = round;
  }

  get #next(): string {
    return join(this.#folder, 'next');
  }

  #path(round: number): string {
    return join(this.#folder, `round-${round}`);
  }
}

interface Writing {
  readonly base: string;
  readonly descriptor: number;
  bytes: number;
  requests: number;
  worst: number | null;
}

/** Buffered before they are written, in bytes. */
const BUFFER = 256 * 1024;

/** Writes the requests of a round: a file for each model, and another one where it would hold more than its provider takes. */
export class RoundWriter {
  readonly #folder: string;
  readonly #open = new Map<string, Writing & { held: Buffer[]; heldBytes: number }>();
  #files = 0;
  #requests = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get requests(): number {
    return this.#requests;
  }

  add(model: string, line: Buffer, worst: NanoUsd | null, limits: BatchLimits): void {
    const before = this.#open.get(model);
    if (before !== undefined && (before.requests >= limits.requests || before.bytes + line.length > limits.bytes)) this.#end(model);
    const writing = this.#open.get(model) ?? this.#start(model);
    writing.held.push(line);
    writing.heldBytes += line.length;
    writing.bytes += line.length;
    writing.requests += 1;
    writing.worst = worst === null || writing.worst === null ? null : writing.worst + worst;
    this.#requests += 1;
    if (writing.heldBytes > BUFFER) flush(writing);
  }

  /** Ends every file; tells how many requests there are. */
  close(): number {
    for (const model of [...this.#open.keys()]) this.#end(model);
    return this.#requests;
  }

  #start(model: string) {
    const base = String(this.#files).padStart(5, '0');
    this.#files += 1;
    const file = join(this.#folder, `${base}.requests.jsonl`);
    const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    const writing = { base, descriptor, bytes: 0, requests: 0, worst: 0, held: [], heldBytes: 0 };
    this.#open.set(model, writing);
    return writing;
  }

  #end(model: string): void {
    const writing = this.#open.get(model);
    if (writing === undefined) return;
    this.#open.delete(model);
    flush(writing);
    fsyncSync(writing.descriptor);
    closeSync(writing.descriptor);
    const { base, requests, bytes, worst } = writing;
    writeCard(join(this.#folder, `${base}.json`), {
      model,
      requests,
      bytes,
      state: 'ready',
      staged: null,
      refused: 0,
      sentAt: null,
      id: null,
      status: null,
      done: 0,
      worst: worst as NanoUsd | null,
      cost: null,
    });
  }
}

function flush(writing: Writing & { held: Buffer[]; heldBytes: number }): void {
  writeWhole(writing.descriptor, Buffer.concat(writing.held), writing.bytes - writing.heldBytes);
  writing.held = [];
  writing.heldBytes = 0;
}

function writeCard(file: string, card: BatchCard): void {
  writeFileSync(`${file}.next`, `${JSON.stringify(card)}\n`, { mode: 0o600 });
  renameSync(`${file}.next`, file);
}
