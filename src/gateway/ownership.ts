import { appendFileSync, readFileSync } from 'node:fs';
import { SmallfirstError } from '../core/index.ts';
import { JsonShapeError, memberValue, scanMembers } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

/** What providers call things that they keep: a kind, then digits and letters. */
const ID =
  /\b(?:file|batch|msgbatch|ftjob|ftckpt|ft|resp|conv|upload|part|vs|vsfb|asst|thread|run|msg|video|eval|evalrun|cntr|skill)[-_][A-Za-z0-9_-]{3,128}/g;
const MAX_ID = 160;

/**
 * Who made what an upstream keeps: files, batches, stored responses. One account serves all keys there, so that without this book any
 * key could read what another one left. It is consulted for callers with a key only.
 */
export class Ownership {
  readonly #file: string | null;
  readonly #owners = new Map<string, string>();

  /** Reads the book and goes on with it; null keeps it in memory. Throws the operating system's error for a file that cannot be read. */
  constructor(file: string | null) {
    this.#file = file;
    if (file === null) return;
    for (const line of linesOf(file)) {
      const [id, key] = line.split('\t');
      if (id !== undefined && key !== undefined) this.#owners.set(id, key);
    }
  }

  /** Remembers that a key made something. Durable when this returns, before the client hears of it. */
  remember(id: string, key: string): void {
    if (id.length > MAX_ID || /[\t\n\r]/.test(id + key) || this.#owners.get(id) === key) return;
    this.#owners.set(id, key);
    if (this.#file !== null) appendFileSync(this.#file, `${id}\t${key}\n`, { mode: 0o600 });
  }

  /** Remembers what an answer says that it made: its own `id`. */
  rememberAnswer(body: Buffer, key: string): void {
    try {
      const id = memberValue(body, scanMembers(body), 'id');
      if (typeof id === 'string' && id !== '') this.remember(id, key);
    } catch (error) {
      // No object of ours to remember.
      if (!(error instanceof JsonShapeError)) throw error;
    }
  }

  /**
   * Refuses a path that names what somebody else made, or what was not made here, and a list of everything there is. Throws
   * ROUTE_NOT_FOUND: that something exists is not told.
   */
  checkPath(exchange: Exchange): void {
    const { key } = exchange.caller;
    if (key === null) return;
    const ids = exchange.path.match(ID) ?? [];
    for (const id of ids) if (this.#owners.get(id) !== key) throw nothing();
    if (ids.length === 0 && exchange.request.method !== 'POST' && LISTS.test(exchange.path)) throw nothing();
  }

  /** Refuses a body that refers to what somebody else made. Ids that nobody made here may be anything, such as words of a prompt. */
  checkBody(exchange: Exchange, body: Buffer): void {
    const { key } = exchange.caller;
    if (key === null || this.#owners.size === 0) return;
    for (const id of body.toString('latin1').match(ID) ?? []) {
      const owner = this.#owners.get(id);
      if (owner !== undefined && owner !== key) throw nothing();
    }
  }
}

/** Endpoints that list what all keys of an account have made. */
const LISTS =
  /^\/v1\/(files|batches|messages\/batches|fine_tuning|responses|conversations|uploads|vector_stores|assistants|threads|videos|evals|containers|skills)(\/|$)/;

function nothing(): SmallfirstError {
  return new SmallfirstError('ROUTE_NOT_FOUND', 'There is no such object, or this key did not make it.');
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
