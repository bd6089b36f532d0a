import { appendFileSync } from 'node:fs';
import { type Call, type EpochMs, SmallfirstError } from '../core/index.ts';
import type { Feedback, Store, StoredPair, TaskEvent } from '../store/types.ts';
import { rejectedPath } from './spool-folder.ts';
import { type Body, decodeRecord } from './spool-record.ts';

/** A line that no store takes, and why. */
interface Rejected {
  readonly line: string;
  readonly reason: string;
}

/** A record with the line that it came from, so that the line can be set aside as it was. */
interface Row<T> {
  readonly value: T;
  readonly line: string;
}

/** Lines of a spool, by what they say. */
export class IngestBatch {
  readonly #calls: Row<Call>[] = [];
  readonly #bodies: Row<Body>[] = [];
  readonly #feedback: Row<Feedback>[] = [];
  readonly #pairs: Row<StoredPair>[] = [];
  readonly #events: Row<TaskEvent>[] = [];
  readonly #rejected: Rejected[] = [];

  constructor(lines: readonly string[]) {
    for (const line of lines) {
      try {
        this.#add(line);
      } catch (error) {
        this.#rejected.push({ line, reason: messageOf(error) });
      }
    }
  }

  /** When its first row was recorded; null when it holds none. */
  get at(): EpochMs | null {
    return (this.#calls[0] ?? this.#bodies[0] ?? this.#feedback[0] ?? this.#pairs[0] ?? this.#events[0])?.value.at ?? null;
  }

  /**
   * Puts everything into a store and sets aside, in a file of the spool's folder, what it refuses; returns how many lines that were.
   * Throws when the store cannot be used now: then the whole batch is to be tried again, which counts nothing twice.
   */
  async ingest(store: Store, folder: string): Promise<number> {
    const rejected = [
      ...this.#rejected,
      // Bodies first, so that whoever sees a call can see its body.
      ...(await putAll(this.#bodies, (bodies) => store.bodies.put(bodies))),
      ...(await putAll(this.#calls, (calls) => store.calls.append(calls))),
      ...(await putAll(this.#feedback, (feedback) => store.feedback.append(feedback))),
      ...(await putAll(this.#pairs, (pairs) => store.pairs.append(pairs))),
      ...(await putAll(this.#events, (events) => store.events.add(events))),
    ];
    if (rejected.length > 0) {
      const text = rejected.map((row) => `${JSON.stringify(row)}\n`).join('');
      appendFileSync(rejectedPath(folder), text, { mode: 0o600 });
    }
    return rejected.length;
  }

  #add(line: string): void {
    const record = decodeRecord(line);
    switch (record.kind) {
      case 'call':
        this.#calls.push({ value: record.call, line });
        break;
      case 'body':
        this.#bodies.push({ value: record.body, line });
        break;
      case 'feedback':
        this.#feedback.push({ value: record.feedback, line });
        break;
      case 'pair':
        this.#pairs.push({ value: record.pair, line });
        break;
      case 'event':
        this.#events.push({ value: record.event, line });
        break;
    }
  }
}

/**
 * Writes rows together, and by halves where the store refuses them, down to the rows that it refuses alone. An error that is not known
 * to be about the row counts against it only where another row got through: otherwise it is thrown, because it may be about the store.
 */
async function putAll<T>(rows: readonly Row<T>[], write: (values: readonly T[]) => Promise<unknown>): Promise<readonly Rejected[]> {
  const refused: { readonly row: Row<T>; readonly error: unknown }[] = [];
  const put = async (some: readonly Row<T>[]): Promise<void> => {
    if (some.length === 0) return;
    try {
      await write(some.map((row) => row.value));
    } catch (error) {
      if (error instanceof SmallfirstError && error.code !== 'INPUT_INVALID') throw error;
      if (some.length === 1) refused.push({ row: some[0]!, error });
      else {
        const middle = some.length >> 1;
        await put(some.slice(0, middle));
        await put(some.slice(middle));
      }
    }
  };
  await put(rows);
  const unknown = refused.find(({ error }) => !isAboutTheRow(error));
  if (unknown && refused.length === rows.length) throw unknown.error;
  return refused.map(({ row, error }) => ({ line: row.line, reason: messageOf(error) }));
}

/** Refused for what it says: a number that cannot be kept, or one that would push a sum out of the exact range. */
function isAboutTheRow(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof SmallfirstError && error.code === 'INPUT_INVALID');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
