import { type Call, type Clock, type EpochMs, SmallfirstError } from '../core/index.ts';
import type { Feedback, StoredPair, TaskEvent } from '../store/types.ts';
import type { IngestReport, IngestSettings, IngestTrouble, Retention, StoreLocation } from './recorder-protocol.ts';
import { IngestThread } from './recorder-thread.ts';
import { encodeCall } from './spool-call.ts';
import { hasReached, type SpoolPosition } from './spool-folder.ts';
import { encodeEvent, encodePair } from './spool-life-record.ts';
import { type Body, encodeBody, encodeFeedback } from './spool-record.ts';
import { SpoolWriter } from './spool-writer.ts';

const FIRST_RESTART_MS = 1_000;
const LAST_RESTART_MS = 60_000;

/** How a recorder is made. */
export interface RecorderOptions {
  /** Folder of the spool, inside a data directory that this process owns. */
  readonly folder: string;
  readonly store: StoreLocation;
  readonly clock: Clock;
  /** Hears, once each, that recording or the store fails and works again. Holds no key and no prompt. */
  readonly warn: (message: string) => void;
  readonly retention?: Retention;
  /** Asks the disk to keep what was written this often, so that a power cut loses no more; null (the default) leaves it to the system. */
  readonly fsyncMs?: number | null;
  /** How long rows wait for company before they are put into the store; 250 by default. */
  readonly intervalMs?: number;
  /** A segment ends at this size (16 MiB by default), or at this age (a minute by default) when it holds anything. */
  readonly segmentBytes?: number;
  readonly segmentMs?: number;
  /** A longer body is not kept, because writing it would make an answer wait; 1 MiB of UTF-16 units by default. */
  readonly bodyLimit?: number;
}

/** What a recorder has done and what waits. Rows are calls, bodies, feedback, pairs and events. */
export interface RecorderState {
  readonly recordedRows: number;
  /** Durable, but not yet in the store; what an earlier process left included. */
  readonly queuedRows: number;
  readonly queuedBytes: number;
  /** When the oldest queued row was recorded, to within the ingest's interval; null when none is. */
  readonly oldestQueuedAt: EpochMs | null;
  /** Done with by the ingest, what an earlier process left included; `rejectedRows` is the part that no store takes (see rejected.jsonl). */
  readonly ingestedRows: number;
  readonly rejectedRows: number;
  /** Torn by a crash or a full disk: such a line was never acknowledged, and is in no other count. */
  readonly tornLines: number;
  /** Could not be written, because the disk is full or gone. */
  readonly lostRows: number;
  readonly droppedBodies: number;
  readonly prunedBodies: number;
  readonly prunedCalls: number;
  /** Why rows wait, null while all is well: STORE_UNAVAILABLE while the database does not answer. */
  readonly lastError: IngestTrouble | null;
}

/** Takes rows for the record. */
export interface Recorder {
  /**
   * Writes rows to the spool before it returns, with one write: from then on they survive this process. Never throws and never waits
   * for a database. What cannot be written is counted, told once, and given up.
   */
  record(calls: readonly Call[], bodies?: readonly Body[]): void;
  /** The same for feedback; false when it could not be written. */
  feedback(feedback: Feedback): boolean;
  /** The same for a pair, without those of its texts that are longer than a body may be. Like `record`, it never throws. */
  pair(pair: StoredPair): void;
  /** The same for an event of a task. */
  event(event: TaskEvent): void;
  state(): RecorderState;
  /** Resolves true once everything recorded before is in the store, false when that takes longer (10 s by default): it stays queued then. */
  drain(timeoutMs?: number): Promise<boolean>;
  /** Drains, and lets go of the spool and the store. What is recorded afterwards is lost. Resolves like `drain`. */
  close(timeoutMs?: number): Promise<boolean>;
}

/**
 * Opens a spool and starts its ingest in a worker thread, with what earlier processes left.
 * Throws STORE_UNAVAILABLE when the folder cannot be written; a store that cannot be reached is waited for.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new SpoolRecorder(options);
}

interface Waiter {
  readonly position: SpoolPosition;
  readonly resolve: (isDrained: boolean) => void;
}

class SpoolRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #writer: SpoolWriter;
  readonly #bodyLimit: number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #waiters = new Set<Waiter>();
  #thread: IngestThread;
  #report: IngestReport | null = null;
  /** Of threads that are gone. */
  #before = { takenRows: 0, rejectedRows: 0, tornLines: 0, prunedBodies: 0, prunedCalls: 0 };
  #recordedRows = 0;
  /** Since the thread was started: what it has not seen yet. */
  #freshRows = 0;
  #freshBytes = 0;
  #queuedSince: EpochMs | null = null;
  #lostRows = 0;
  #droppedBodies = 0;
  #isFailing = false;
  #restartMs = FIRST_RESTART_MS;
  #restart: NodeJS.Timeout | null = null;
  #threadTrouble: IngestTrouble | null = null;
  #closing: Promise<boolean> | null = null;
  #isClosed = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#bodyLimit = options.bodyLimit ?? 1024 * 1024;
    try {
      this.#writer = new SpoolWriter(options.folder, options.segmentBytes ?? 16 * 1024 * 1024);
    } catch (cause) {
      throw new SmallfirstError('STORE_UNAVAILABLE', `the spool ${options.folder} cannot be written`, { cause });
    }
    this.#thread = this.#start();
    this.#every(options.segmentMs ?? 60_000, () => this.#writer.rotate());
    const { fsyncMs = null } = options;
    if (fsyncMs !== null) this.#every(fsyncMs, () => this.#writer.sync((error) => this.#failed(error, 0)));
  }

  record(calls: readonly Call[], bodies?: readonly Body[]): void {
    const rows = calls.length + (bodies?.length ?? 0);
    try {
      let lines = '';
      let dropped = 0;
      if (bodies) {
        for (const body of bodies) {
          if (body.body.length <= this.#bodyLimit) lines += encodeBody(body);
          else dropped += 1;
        }
      }
      for (const call of calls) lines += encodeCall(call);
      this.#droppedBodies += dropped;
      if (rows > dropped) this.#append(lines, rows - dropped);
    } catch (error) {
      this.#failed(error, rows);
    }
  }

  feedback(feedback: Feedback): boolean {
    return this.#appendOne(() => encodeFeedback(feedback));
  }

  pair(pair: StoredPair): void {
    const kept = (text: string | null) => (text !== null && text.length > this.#bodyLimit ? null : text);
    this.#appendOne(() =>
      encodePair({ ...pair, input: kept(pair.input), smallOutput: kept(pair.smallOutput), bigOutput: kept(pair.bigOutput) }),
    );
  }

  event(event: TaskEvent): void {
    this.#appendOne(() => encodeEvent(event));
  }

  state(): RecorderState {
    const report = this.#report;
    const queuedRows = this.#freshRows + (report ? report.leftRows - report.takenRows : 0);
    return {
      recordedRows: this.#recordedRows,
      queuedRows,
      queuedBytes: this.#freshBytes + (report ? report.leftBytes - report.takenBytes : 0),
      oldestQueuedAt: queuedRows === 0 ? null : (report?.waitingSince ?? this.#queuedSince),
      ingestedRows: this.#before.takenRows + (report?.takenRows ?? 0),
      rejectedRows: this.#before.rejectedRows + (report?.rejectedRows ?? 0),
      tornLines: this.#before.tornLines + (report?.tornLines ?? 0),
      lostRows: this.#lostRows,
      droppedBodies: this.#droppedBodies,
      prunedBodies: this.#before.prunedBodies + (report?.prunedBodies ?? 0),
      prunedCalls: this.#before.prunedCalls + (report?.prunedCalls ?? 0),
      lastError: report?.trouble ?? this.#threadTrouble,
    };
  }

  drain(timeoutMs = 10_000): Promise<boolean> {
    const position = this.#writer.position;
    if (this.#report && hasReached(this.#report.position, position)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.resolve(false), timeoutMs);
      const waiter: Waiter = {
        position,
        resolve: (isDrained) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          if (this.#waiters.size === 0) this.#thread.hold(false);
          resolve(isDrained);
        },
      };
      this.#waiters.add(waiter);
      this.#thread.hold(true);
      this.#thread.tell('hurry');
    });
  }

  close(timeoutMs?: number): Promise<boolean> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number | undefined): Promise<boolean> {
    await this.drain(timeoutMs);
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#restart) clearTimeout(this.#restart);
    const end = this.#writer.position;
    try {
      this.#writer.close((this.#options.fsyncMs ?? null) !== null);
    } catch (error) {
      this.#failed(error, 0);
    }
    this.#thread.hold(true);
    this.#thread.tell('end');
    const timer = setTimeout(() => void this.#thread.kill(), timeoutMs ?? 10_000);
    await this.#thread.ended;
    clearTimeout(timer);
    return this.#report !== null && hasReached(this.#report.position, end);
  }

  #appendOne(encode: () => string): boolean {
    try {
      this.#append(encode(), 1);
      return true;
    } catch (error) {
      this.#failed(error, 1);
      return false;
    }
  }

  #append(lines: string, rows: number): void {
    if (this.#isClosed) throw new Error('the recorder is closed');
    this.#freshBytes += this.#writer.append(lines);
    this.#freshRows += rows;
    this.#recordedRows += rows;
    this.#queuedSince ??= this.#options.clock.now();
    if (this.#isFailing) {
      this.#isFailing = false;
      this.#warn(`recording works again; ${this.#lostRows} rows were lost until now`);
    }
  }

  #failed(error: unknown, rows: number): void {
    this.#lostRows += rows;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#warn(`RECORDING FAILS, answers go on unrecorded: ${messageOf(error)}`);
  }

  #start(): IngestThread {
    const settings: IngestSettings = {
      folder: this.#options.folder,
      liveFrom: this.#writer.position.segment,
      intervalMs: this.#options.intervalMs ?? 250,
      retention: this.#options.retention ?? { bodiesMs: null, callsMs: null },
    };
    const thread = new IngestThread({ settings, store: this.#options.store }, (report) => this.#receive(report));
    thread.ended.then((error) => this.#threadEnded(error)).catch(() => {});
    return thread;
  }

  #receive(report: IngestReport): void {
    const last = this.#report;
    this.#report = report;
    this.#threadTrouble = null;
    if (report.takenRows > (last?.takenRows ?? 0)) this.#restartMs = FIRST_RESTART_MS;
    const queued = this.#freshRows + report.leftRows - report.takenRows;
    this.#queuedSince = queued > 0 ? this.#options.clock.now() : null;
    if (report.trouble && !last?.trouble) this.#warn(`records wait in the spool: ${report.trouble.code}: ${report.trouble.message}`);
    if (!report.trouble && last?.trouble) this.#warn('the store takes records again');
    if (report.rejectedRows > 0 && !last?.rejectedRows) this.#warn('the store refused rows for good: see rejected.jsonl in the spool');
    for (const waiter of this.#waiters) if (hasReached(report.position, waiter.position)) waiter.resolve(true);
  }

  /** A thread that ended by itself is started again, later each time: what it did not take is still in the spool. */
  #threadEnded(error: Error | null): void {
    if (this.#isClosed) return;
    const message = `the ingest ended: ${error ? error.message : 'no reason given'}`;
    this.#threadTrouble = { code: 'STORE_UNAVAILABLE', message, at: this.#options.clock.now() };
    this.#warn(message);
    this.#restart = setTimeout(() => this.#startAgain(), this.#restartMs);
    if (this.#waiters.size === 0) this.#restart.unref();
    this.#restartMs = Math.min(this.#restartMs * 2, LAST_RESTART_MS);
  }

  #startAgain(): void {
    try {
      // What was recorded until now is in older segments, which the new thread counts itself.
      this.#writer.rotate();
      const report = this.#report;
      if (report) {
        this.#before = {
          takenRows: this.#before.takenRows + report.takenRows,
          rejectedRows: this.#before.rejectedRows + report.rejectedRows,
          tornLines: this.#before.tornLines + report.tornLines,
          prunedBodies: this.#before.prunedBodies + report.prunedBodies,
          prunedCalls: this.#before.prunedCalls + report.prunedCalls,
        };
      }
      this.#report = null;
      this.#thread = this.#start();
      this.#freshRows = 0;
      this.#freshBytes = 0;
      if (this.#waiters.size > 0) this.#thread.hold(true);
    } catch (error) {
      this.#threadEnded(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #every(ms: number, action: () => void): void {
    const timer = setInterval(() => {
      try {
        action();
      } catch (error) {
        this.#failed(error, 0);
      }
    }, ms);
    this.#timers.push(timer.unref());
  }

  /** Whoever listens must not be able to fail an answer. */
  #warn(message: string): void {
    try {
      this.#options.warn(message);
    } catch {
      // Nobody is left to tell.
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
