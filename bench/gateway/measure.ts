import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { built, type ServerProcess } from './processes.ts';

const run = promisify(execFile);

/** A way to the upstream. */
export interface Contender {
  readonly name: string;
  readonly url: string;
  /** Null for the upstream itself. */
  readonly process: ServerProcess | null;
  /** The model's name there. */
  readonly model: string;
  /** Headers that it needs beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One run of load at full speed. */
export interface Burst {
  /** Answers without an error status in a second: an error, however fast, is none. */
  readonly rps: number;
  readonly cpuUsPerRequest: number | null;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Answers with a status of 400 or above, and connections that failed or timed out. */
  readonly failed: number;
}

/** Whether wrk is there: it costs a tenth of what a generator in Node does, and so leaves the machine to what is measured. */
export function hasWrk(): boolean {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // It says its version and exits with 1.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

const folder = mkdtempSync(join(tmpdir(), 'smallfirst-bench-'));
const BODY = (model: string) =>
  JSON.stringify({
    model,
    messages: [
      { role: 'system', content: 'You are a helpful assistant that classifies support messages into one of four labels.' },
      { role: 'user', content: 'My invoice of last month shows two charges for the same order; please refund one of them.' },
    ],
    temperature: 0,
    max_tokens: 200,
  });

/** Full speed for so many seconds, by wrk. */
export async function burst(contender: Contender, connections: number, seconds: number): Promise<Burst> {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-client-0123456789', ...contender.headers };
  const script = join(folder, 'request.lua');
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`);
  writeFileSync(
    script,
    [
      'wrk.method = "POST"',
      `wrk.body = [[${BODY(contender.model)}]]`,
      ...lines,
      'done = function(s, l, r)',
      '  local e = s.errors',
      '  io.write(string.format("RESULT %d %d %f %f %d %d\\n", s.requests - e.status, s.duration, l:percentile(50), l:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))',
      'end',
    ].join('\n'),
  );
  const before = contender.process?.cpuUs() ?? null;
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-s',
    script,
    `${contender.url}/v1/chat/completions`,
  ]);
  const after = contender.process?.cpuUs() ?? null;
  const [, good = '0', duration = '1', p50 = '0', p99 = '0', refused = '0', broken = '0'] =
    /RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+) (\d+)/.exec(stdout) ?? [];
  const answered = Number(good);
  const cpu = before === null || after === null || answered === 0 ? null : (after - before) / answered;
  return {
    rps: answered / (Number(duration) / 1e6),
    cpuUsPerRequest: cpu,
    p50Us: Number(p50),
    p99Us: Number(p99),
    failed: Number(refused) + Number(broken),
  };
}

export interface PlainLoad {
  readonly answered: number;
  readonly failed: number;
  readonly us: Quantiles;
}

export interface StreamLoad {
  readonly whole: number;
  readonly lost: number;
  readonly failed: number;
  readonly mostOpen: number;
  readonly firstFrameUs: Quantiles;
  readonly frameUs: Quantiles;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly n: number;
}

/** So many plain requests, each of them counted. */
export async function plainLoad(contender: Contender, total: number, concurrency: number): Promise<PlainLoad> {
  return (await load(contender, ['plain', contender.url, contender.model, String(total), String(concurrency)])) as PlainLoad;
}

/** So many streams, so many of them at once. */
export async function streamLoad(
  contender: Contender,
  streams: { readonly count: number; readonly frames: number; readonly gapMs: number; readonly concurrency: number },
): Promise<StreamLoad> {
  const { count, frames, gapMs, concurrency } = streams;
  const numbers = [count, frames, gapMs, concurrency].map(String);
  return (await load(contender, ['streams', contender.url, contender.model, ...numbers])) as StreamLoad;
}

async function load(contender: Contender, parameters: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [built('bench/gateway/load.js'), ...parameters], {
    env: { ...process.env, BENCH_HEADERS: JSON.stringify(contender.headers) },
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
