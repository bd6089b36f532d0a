import { writeSync } from 'node:fs';

/** 0: done. 1: the floor was missed, or something needs a person. 2: usage or input error. */
export type ExitCode = 0 | 1 | 2;

/** Where a command reads and writes: the answer goes to stdout, everything said on the way to stderr. */
export interface CommandIo {
  /** Writes to stdout as given. */
  out(text: string): void;
  /** Writes one JSON document to stdout, numbers unrounded. A `--json` command calls this exactly once and `out` never. */
  json(document: unknown): void;
  /** Writes a line to stderr: warnings, notes, hints. */
  note(text: string): void;
  /** Where a server writes its log, as a path; standard error when absent. */
  readonly logTo?: string;
  /** A progress line on stderr: drawn over itself on a terminal, silent otherwise. */
  progress(label: string, total: number | null): Progress;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C: long commands stop at the next safe point and say how to go on. */
  readonly signal: AbortSignal;
  /** Standard input; absent where a command is run without one. */
  readonly stdin?: NodeJS.ReadStream;
  /** Columns to draw tables in. */
  readonly width: number;
}

export interface Progress {
  advance(done: number, detail?: string): void;
  end(): void;
}

/** The real terminal. */
export function terminalIo(signal: AbortSignal): CommandIo {
  return {
    out: (text) => writeAll(1, text),
    json: (document) => writeAll(1, `${JSON.stringify(document, null, 2)}\n`),
    note: (text) => writeAll(2, `${text}\n`),
    progress: (label, total) => (process.stderr.isTTY ? new TerminalProgress(label, total) : new SilentProgress()),
    env: process.env,
    cwd: process.cwd(),
    signal,
    // Touched only by a command that reads it: an open standard input would keep the process alive.
    get stdin() {
      return process.stdin;
    },
    width: process.stdout.columns ?? 120,
  };
}

/** Writes synchronously, so that nothing is lost when the process exits; a full pipe is waited for, a closed one ends quietly. */
function writeAll(fd: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === 'EPIPE') return;
      else throw error;
    }
  }
}

class TerminalProgress implements Progress {
  readonly #label: string;
  readonly #total: number | null;
  readonly #startedAt = performance.now();
  /** What was done before this run began: it says nothing of the pace. */
  #before: number | null = null;
  #drawnAt = 0;

  constructor(label: string, total: number | null) {
    this.#label = label;
    this.#total = total;
  }

  advance(done: number, detail = ''): void {
    const now = performance.now();
    this.#before ??= done > 1 ? done : 0;
    if (now - this.#drawnAt < 80 && done !== this.#total) return;
    this.#drawnAt = now;
    const seconds = (now - this.#startedAt) / 1000;
    const rate = seconds > 0 ? (done - this.#before) / seconds : 0;
    writeAll(2, `\r\u001b[K${this.#label} ${bar(done, this.#total)} ${left(done, this.#total, rate)}${detail ? ` · ${detail}` : ''}`);
  }

  end(): void {
    writeAll(2, '\r\u001b[K');
  }
}

class SilentProgress implements Progress {
  advance(): void {}
  end(): void {}
}

function bar(done: number, total: number | null): string {
  if (total === null || total === 0) return `${done}`;
  const width = 24;
  const filled = Math.min(width, Math.round((done / total) * width));
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${done}/${total}`;
}

function left(done: number, total: number | null, rate: number): string {
  if (total === null || done === 0 || rate === 0 || done >= total) return '';
  const seconds = Math.ceil((total - done) / rate);
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s left` : `${seconds} s left`;
}
