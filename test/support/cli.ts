import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The built program, as it is published. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What a finished process said. */
export interface Finished {
  /** Null when a signal ended it. */
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** A process that runs. */
export interface Running {
  readonly pid: number;
  interrupt(): void;
  /** Closes our end of its stdout, as `| head` does. */
  closeOutput(): void;
  readonly finished: Promise<Finished>;
}

/** Starts the built `smallfirst` in a folder, with no terminal. Throws when it was not built. */
export function start(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: npm run build`);
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    said.out += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said.err += part;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve({ exit, ...said }));
  });
  return { pid: child.pid ?? -1, interrupt: () => child.kill('SIGINT'), closeOutput: () => child.stdout.destroy(), finished };
}

/** Runs the built `smallfirst` to its end. */
export function smallfirst(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return start(folder, args, env).finished;
}

/** The one JSON document that stdout holds. Throws when it holds anything else. */
export function documentIn<T = Record<string, unknown>>({ out }: Finished): T {
  return JSON.parse(out) as T;
}

/** Waits for a condition, looked at every few milliseconds. Throws when it does not come true in time. */
export async function until(condition: () => boolean, what: string, limitMs = 20_000): Promise<void> {
  for (const end = performance.now() + limitMs; !condition(); await wait(2)) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${limitMs} ms`);
  }
}
