import { type Clock, SmallfirstError } from '../core/index.ts';
import type { Store } from '../store/types.ts';
import { IngestBatch } from './recorder-batch.ts';
import type { IngestReport, IngestSettings, IngestTrouble } from './recorder-protocol.ts';
import { hasReached, type SpoolPosition } from './spool-folder.ts';
import { type SpoolPiece, SpoolReader } from './spool-reader.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;
/**
 * Bytes that a pause is to gather: while they are worked on, an answer may have to wait for the processor. Much fewer would cost more for
 * each row, so the shortest pause gathers more at full speed, when answers wait for each other anyway.
 */
const BATCH_BYTES = 32 * 1024;
const SHORTEST_PAUSE_MS = 25;
/** Between batches of a backlog, for the same reason. */
const REST_MS = 5;
const PRUNE_EVERY_MS = 3_600_000;

/** The world of an ingest. */
export interface IngestDeps {
  readonly clock: Clock;
  /** Opens the store; asked again after it has thrown. */
  readonly openStore: () => Promise<Store>;
  /** Hears how far it has come, whenever that has changed. */
  readonly report: (report: IngestReport) => void;
}

/**
 * Takes a spool into a store, batch by batch, as it is written. A line counts once however often it is read; a store that is gone is
 * asked again and again while the spool grows; a line that no store takes is set aside. Segments are removed once the store has flushed.
 */
export class Ingest {
  readonly #settings: IngestSettings;
  readonly #deps: IngestDeps;
  readonly #reader: SpoolReader;
  readonly #counts = {
    leftRows: 0,
    leftBytes: 0,
    takenRows: 0,
    takenBytes: 0,
    rejectedRows: 0,
    tornLines: 0,
    prunedBodies: 0,
    prunedCalls: 0,
  };
  #store: Store | null = null;
  #trouble: IngestTrouble | null = null;
  #reported: SpoolPosition | null = null;
  #waitingSince: number | null = null;
  #retryMs = FIRST_RETRY_MS;
  #pauseMs: number;
  /** Taken since the last pause. */
  #freshBytes = 0;
  #pruneAt = 0;
  #isEnding = false;
  #isHurried = false;
  #wake: (() => void) | null = null;

  constructor(settings: IngestSettings, deps: IngestDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#pauseMs = settings.intervalMs;
    this.#reader = new SpoolReader(settings.folder, settings.liveFrom);
  }

  /** Ingests until `end` is called. Throws only when what others left cannot be read at its start; later trouble is reported and waited for. */
  async run(): Promise<void> {
    const left = this.#reader.countLeft();
    this.#counts.leftRows = left.rows;
    this.#counts.leftBytes = left.bytes;
    this.#report();
    for (;;) {
      const wait = await this.#step();
      if (this.#isEnding && wait !== 0 && !this.#isHurried) break;
      if (wait > 0) await this.#pause(wait);
    }
    this.#reader.close();
    await this.#store?.flush().catch(() => {});
    await this.#store?.close().catch(() => {});
  }

  /** Looks now instead of at the end of a pause, and takes no rest until it has caught up. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake?.();
  }

  /** Takes what is there and lets `run` return; what a store that is gone does not take stays for the next process. */
  end(): void {
    this.#reader.closeLast();
    this.#isEnding = true;
    this.hurry();
  }

  /** Does one thing; returns how long to wait before the next, 0 when there may be more to do. */
  async #step(): Promise<number> {
    let piece: SpoolPiece | null = null;
    let batch: IngestBatch | null = null;
    // Whoever hurries after this has something that this step may not see.
    const isHurried = this.#isHurried;
    this.#isHurried = false;
    try {
      this.#store ??= await this.#deps.openStore();
      piece = this.#reader.read();
      if (piece === null) {
        await this.#prune(this.#store);
        this.#caughtUp();
        return this.#nextPause();
      }
      if (piece.kind === 'lines') {
        batch = new IngestBatch(piece.lines);
        this.#counts.rejectedRows += await batch.ingest(this.#store, this.#settings.folder);
      } else await this.#store.flush();
      this.#take(piece);
      this.#isHurried ||= isHurried;
      return this.#isHurried || piece.kind === 'end' ? 0 : REST_MS;
    } catch (error) {
      return this.#failed(error, batch);
    }
  }

  #take(piece: SpoolPiece): void {
    this.#reader.take(piece);
    if (piece.kind === 'lines') {
      this.#counts.takenRows += piece.lines.length;
      this.#counts.takenBytes += piece.bytes;
      this.#freshBytes += piece.bytes;
    } else if (piece.tornBytes > 0) {
      this.#counts.tornLines += 1;
      this.#counts.takenBytes += piece.tornBytes;
    }
    this.#trouble = null;
    this.#waitingSince = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.#report();
  }

  /** Nothing is left: an empty segment too was come to, for which somebody may be waiting. */
  #caughtUp(): void {
    const { position } = this.#reader;
    if (this.#trouble === null && this.#reported !== null && hasReached(this.#reported, position)) return;
    this.#trouble = null;
    this.#waitingSince = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.#report();
  }

  /** As long as rows take to become a batch at the pace at which they came, and no longer than they may wait. */
  #nextPause(): number {
    const { intervalMs } = this.#settings;
    const gathered = (this.#pauseMs * BATCH_BYTES) / this.#freshBytes;
    this.#pauseMs = Math.min(intervalMs, Math.max(SHORTEST_PAUSE_MS, gathered));
    this.#freshBytes = 0;
    return this.#pauseMs;
  }

  #failed(error: unknown, batch: IngestBatch | null): number {
    const code = error instanceof SmallfirstError ? error.code : 'STORE_UNAVAILABLE';
    const message = error instanceof Error ? error.message : String(error);
    this.#trouble = { code, message, at: this.#deps.clock.now() };
    this.#waitingSince ??= batch?.at ?? null;
    this.#report();
    const wait = this.#retryMs;
    this.#retryMs = Math.min(wait * 2, LAST_RETRY_MS);
    return wait;
  }

  /** Once an hour and only when everything is in: what is pruned can then not come back out of the spool. */
  async #prune(store: Store): Promise<void> {
    const { bodiesMs, callsMs } = this.#settings.retention;
    if ((bodiesMs === null && callsMs === null) || this.#deps.clock.monotonic() < this.#pruneAt) return;
    const now = this.#deps.clock.now();
    if (bodiesMs !== null) this.#counts.prunedBodies += await store.bodies.prune(now - bodiesMs);
    if (callsMs !== null) this.#counts.prunedCalls += await store.calls.prune(now - callsMs);
    this.#pruneAt = this.#deps.clock.monotonic() + PRUNE_EVERY_MS;
    this.#report();
  }

  #report(): void {
    this.#reported = this.#reader.position;
    this.#deps.report({
      position: this.#reported,
      ...this.#counts,
      trouble: this.#trouble,
      waitingSince: this.#waitingSince,
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
      // Called while the step before the pause was under way.
      if (this.#isHurried) done();
    });
  }
}
