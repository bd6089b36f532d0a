import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const TICKS_PER_SECOND = 100;

/** What was started and may still run: a bench that fails leaves nothing behind. */
const started = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of started) if (!hasEnded(child)) child.kill('SIGKILL');
});

/** The compiled benches and program: this file lies in .build/bench/gateway. */
export const built = (path: string): string => join(dirname(fileURLToPath(import.meta.url)), '../..', path);

/** A server in a process of its own. */
export class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** CPU time that it has used, all threads, user and system, in microseconds (to 10 ms). */
  cpuUs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
  }

  /** Resident memory, in MB. */
  rssMb(): number {
    const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return Number(kb) / 1024;
  }

  /** SIGTERM, and waits for the end. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (hasEnded(this.#child)) return this.#child.exitCode;
    this.#child.kill('SIGTERM');
    const exited = new Promise<number | null>((resolve) => this.#child.once('exit', (code) => resolve(code)));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 60_000);
    const code = await exited;
    clearTimeout(timer);
    return code;
  }
}

/** How a server is started, and how one knows that it serves. */
export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is known to listen; else it says so itself: a line with `listening on URL`. */
  readonly url?: string;
  readonly timeoutMs?: number;
  /** Whether what it writes to stderr is kept (in a file, which costs nobody a read) to tell why it did not come up. */
  readonly errorsKept?: boolean;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Starts a server and waits until it serves. Rejects with what it said when it does not. */
export async function startServer(options: StartOptions): Promise<ServerProcess> {
  const errors = options.errorsKept ? join(mkdtempSync(join(tmpdir(), 'smallfirst-errors-')), 'stderr') : null;
  const to = errors === null ? null : openSync(errors, 'w');
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    // Logs are written, as in production, but nobody reads them here.
    stdio: ['ignore', 'pipe', to ?? 'ignore'],
  });
  started.add(child);
  if (to !== null) closeSync(to);
  let said = '';
  let found: string | null = null;
  child.stdout?.on('data', (chunk: Buffer) => {
    if (said.length < 100_000) said += chunk.toString();
    found ??= /listening on (http:\/\/\S+)/.exec(said)?.[1] ?? null;
  });
  const until = performance.now() + (options.timeoutMs ?? 20_000);
  while (performance.now() < until && !hasEnded(child)) {
    const url = options.url ?? found;
    if (url !== null && (options.url === undefined || (await answers(url)))) return new ServerProcess(child, url);
    await sleep(50);
  }
  child.kill('SIGKILL');
  const complaints = errors === null ? '' : readFileSync(errors, 'utf8').slice(-300);
  throw new Error(`${options.command} did not come up: ${said.slice(-300)}${complaints}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}
