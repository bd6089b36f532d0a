import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BatchSummary } from '../../src/batch/index.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const LOOK_MS = 20;

/** What a run of `smallfirst batch` took, seen from outside. */
export interface JobRun {
  /** Null when it was killed. */
  readonly summary: BatchSummary | null;
  /** From the start of the process to its end. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The most memory that it held, in MB; null where the system does not say. */
  readonly peakMb: number | null;
}

/** A folder with a config, an input and a job. */
export class JobFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get output(): string {
    return join(this.#folder, 'out.jsonl');
  }

  get data(): string {
    return join(this.#folder, '.smallfirst');
  }

  /** Forgets the job, its output and what was recorded. */
  clear(): void {
    for (const path of [this.output, `${this.output}.job`, this.data]) rmSync(path, { recursive: true, force: true });
  }

  /** Runs the command to its end, or kills it once its output has so many bytes. */
  async run(more: readonly string[], killAtBytes = Number.POSITIVE_INFINITY): Promise<JobRun> {
    const startedAt = performance.now();
    const args = [MAIN, 'batch', 'p', '--input', 'in.jsonl', '--output', 'out.jsonl', '--json', ...more];
    const child = spawn(process.execPath, args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    let seen = { cpuSeconds: 0, peakMb: null as number | null };
    const looking = setInterval(() => {
      seen = lookAt(child) ?? seen;
      if ((statSync(this.output, { throwIfNoEntry: false })?.size ?? 0) >= killAtBytes) child.kill('SIGKILL');
    }, LOOK_MS);
    const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearInterval(looking);
    if (exit !== 0 && exit !== null) throw new Error(`smallfirst batch ended with ${exit}`);
    return { summary: exit === null ? null : (JSON.parse(said) as BatchSummary), seconds: (performance.now() - startedAt) / 1000, ...seen };
  }
}

/** Processor time of all threads and the peak of the memory, from /proc; null where there is none, or the process is gone. */
function lookAt({ pid }: ChildProcess): { readonly cpuSeconds: number; readonly peakMb: number } | null {
  try {
    let ticks = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    // A process that has ended is there until it is fetched, and holds nothing any more.
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? null : { cpuSeconds: ticks / 100, peakMb: Number(kilobytes) / 1024 };
  } catch {
    return null;
  }
}
