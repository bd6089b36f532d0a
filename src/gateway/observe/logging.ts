import pino from 'pino';
import type { ObserveConfig } from '../../config/index.ts';
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
  /** Null when unpriced or when nothing was called. */
  readonly costUsd: number | null;
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

const BUFFER_BYTES = 4096;
/** What waits when the reader of the log stalls; beyond it lines are given up rather than memory. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const FLUSH_MS = 500;

/** Opens a log. Lines leave in blocks, at the latest after half a second, and at once when the log is closed. */
export function openLog(options: LogOptions): Log {
  return new PinoLog(options);
}

class PinoLog implements Log {
  readonly #destination: ReturnType<typeof pino.destination>;
  readonly #log: pino.Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #options: LogOptions;
  /** Lines on their way to the destination, which measures every text that it is given: that costs more than writing the line. */
  #block = '';
  dropped = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#destination = pino.destination({ dest: options.to, sync: false, minLength: BUFFER_BYTES, maxLength: MAX_WAITING_BYTES });
    this.#destination.on('drop', (given: string) => {
      this.dropped += given.split('\n').length - 1;
    });
    // A log that cannot be written must not stop the answers.
    this.#destination.on('error', () => {
      this.dropped += 1;
    });
    this.#log = pino({ level: options.log, base: null, formatters: { level: (label) => ({ level: label }) } }, this.#destination);
    this.#timer = setInterval(() => {
      this.#handOver();
      this.#destination.flush();
    }, FLUSH_MS);
    this.#timer.unref();
  }

  request(line: RequestLine): void {
    const isFailure = line.status >= 400 || line.error !== null;
    const level = line.status >= 500 ? 'warn' : 'info';
    if (!this.#log.isLevelEnabled(level)) return;
    if (!isFailure && this.#options.sample < 1 && this.#options.random() >= this.#options.sample) return;
    // Written by hand in pino's own form: its serialiser takes four times as long for a line of known members.
    this.#block += `{"level":"${level}","time":${Date.now()},"id":"${line.id}","route":${text(line.route)},"model":${text(line.model)},"task":${text(line.task)},"key":${text(line.key)},"status":${line.status},"ms":${line.ms},"upstreamMs":${line.upstreamMs},"inputTokens":${line.inputTokens},"outputTokens":${line.outputTokens},"costUsd":${line.costUsd},"decision":${text(line.decision)},"error":${text(line.error)},"msg":"request"}\n`;
    if (this.#block.length >= BUFFER_BYTES) this.#handOver();
  }

  info(message: string): void {
    this.#handOver();
    this.#log.info(redact(message));
  }

  warn(message: string): void {
    this.#handOver();
    this.#log.warn(redact(message));
  }

  error(message: string): void {
    this.#handOver();
    this.#log.error(redact(message));
  }

  #handOver(): void {
    if (this.#block === '') return;
    const block = this.#block;
    this.#block = '';
    this.#destination.write(block);
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

const PLAIN = /^[A-Za-z0-9._:/ -]*$/;

function text(value: string | null): string {
  if (value === null) return 'null';
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}
