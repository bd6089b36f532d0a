import pino from 'pino';
import type { ObserveConfig } from '../../config/index.ts';
import { hundredthsText, usdText } from './number-text.ts';
import { redact } from './redact.ts';

/** Where a log is written. */
export interface LogOptions extends Pick<ObserveConfig, 'log' | 'sample'> {
  /** A file descriptor or a path. */
  readonly to: number | string;
  /** In [0, 1): decides which answered requests get a line. */
  readonly random: () => number;
}

/** One request as it is logged: no body, no key, no query. */
export interface RequestLine {
  readonly id: string;
  readonly route: string;
  readonly model: string | null;
  readonly task: string | null;
  readonly key: string | null;
  readonly status: number;
  readonly ms: number;
  readonly upstreamMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** In nano-dollars; null when unpriced or when nothing was called. */
  readonly cost: number | null;
  readonly decision: string | null;
  readonly error: string | null;
}

/** A log of JSON lines. Whatever is written is free of what looks like a credential. */
export interface Log {
  /** Failures always, answers by the sample. `info`; `warn` for 5xx. */
  request(line: RequestLine): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Lines that were given up because nobody read the log fast enough. */
  readonly dropped: number;
  /** Writes out what is still buffered. */
  close(): void;
}

/** Lines leave together: each write is a piece of work for another thread. */
const BLOCK_BYTES = 128 * 1024;
/** A line that may be longer goes by itself. */
const MAX_LINE_BYTES = 8 * 1024;
/** What waits when the reader of the log stalls; beyond it lines are given up rather than memory. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const FLUSH_MS = 500;
const MAX_FREE = 4;
const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const INFO = '{"level":"info","time":';
const WARN = '{"level":"warn","time":';

/** Opens a log. Lines leave in blocks, at the latest after half a second, and at once when the log is closed. */
export function openLog(options: LogOptions): Log {
  return new PinoLog(options);
}

class PinoLog implements Log {
  readonly #destination: ReturnType<typeof pino.destination>;
  readonly #log: pino.Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #options: LogOptions;
  readonly #tellsInfo: boolean;
  readonly #tellsWarnings: boolean;
  /** The latest time that a line had, and its text: many lines share a millisecond. */
  #time = 0;
  #timeText = '0';
  /** Lines on their way to the destination, as bytes: a text would be put together, measured and encoded again for each block. */
  #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;
  /** Blocks that the destination may still be writing, and those that it is done with: new ones would be memory that grows. */
  #lent: Buffer[] = [];
  #free: Buffer[] = [];
  dropped = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#destination = pino.destination({
      dest: options.to,
      sync: false,
      // Blocks are made here; whatever is handed over is written at once.
      minLength: 0,
      maxLength: MAX_WAITING_BYTES,
      contentMode: 'buffer',
    });
    this.#destination.on('drop', (given: Buffer) => {
      for (const byte of given) if (byte === LF) this.dropped += 1;
    });
    // Told when everything that was handed over is written.
    this.#destination.on('drain', () => {
      for (const block of this.#lent.splice(0)) if (this.#free.length < MAX_FREE) this.#free.push(block);
    });
    // A log that cannot be written must not stop the answers.
    this.#destination.on('error', () => {
      this.dropped += 1;
    });
    this.#log = pino(
      { level: options.log, base: null, formatters: { level: (label) => ({ level: label }) } },
      { write: (line) => this.#append(line) },
    );
    this.#tellsInfo = this.#log.isLevelEnabled('info');
    this.#tellsWarnings = this.#log.isLevelEnabled('warn');
    this.#timer = setInterval(() => this.#handOver(), FLUSH_MS);
    this.#timer.unref();
  }

  request(line: RequestLine): void {
    const { status } = line;
    const warns = status >= 500;
    if (!(warns ? this.#tellsWarnings : this.#tellsInfo)) return;
    const isFailure = status >= 400 || line.error !== null;
    if (!isFailure && this.#options.sample < 1 && this.#options.random() >= this.#options.sample) return;
    // Written by hand in pino's own form: its serialiser takes four times as long for a line of known members.
    this.#append(
      `${warns ? WARN : INFO}${this.#now()},"id":"${line.id}","route":${text(line.route)},"model":${text(line.model)},"task":${text(line.task)},"key":${text(line.key)},"status":${status},"ms":${hundredthsText(line.ms)},"upstreamMs":${line.upstreamMs === null ? 'null' : hundredthsText(line.upstreamMs)},"inputTokens":${line.inputTokens},"outputTokens":${line.outputTokens},"costUsd":${line.cost === null ? 'null' : usdText(line.cost)},"decision":${text(line.decision)},"error":${text(line.error)},"msg":"request"}\n`,
    );
  }

  #now(): string {
    const time = Date.now();
    if (time !== this.#time) {
      this.#time = time;
      this.#timeText = String(time);
    }
    return this.#timeText;
  }

  info(message: string): void {
    this.#log.info(redact(message));
  }

  warn(message: string): void {
    this.#log.warn(redact(message));
  }

  error(message: string): void {
    this.#log.error(redact(message));
  }

  #append(line: string): void {
    if (line.length * 3 > MAX_LINE_BYTES) {
      this.#handOver();
      this.#destination.write(Buffer.from(line) as unknown as string);
      return;
    }
    if (this.#used + MAX_LINE_BYTES > BLOCK_BYTES) this.#handOver();
    this.#used += this.#block.write(line, this.#used);
  }

  #handOver(): void {
    if (this.#used === 0) return;
    const block = this.#block.subarray(0, this.#used);
    this.#lent.push(this.#block);
    this.#block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#used = 0;
    // The types know texts alone; `contentMode` says that these are bytes.
    this.#destination.write(block as unknown as string);
  }

  close(): void {
    clearInterval(this.#timer);
    try {
      this.#handOver();
      this.#destination.flushSync();
    } catch {
      // Its file is gone, and there is nobody left to tell.
    }
  }
}

/** A text as JSON. Nearly all are plain ASCII, and need nothing but their quotes. */
function text(value: string | null): string {
  if (value === null) return 'null';
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return JSON.stringify(value);
  }
  return `"${value}"`;
}
