import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runServe } from '../../src/cli/commands/serve.ts';
import type { CommandIo } from '../../src/cli/io.ts';

const LISTENING = /^smallfirst listening on (http:\/\/\S+)$/m;
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A gateway that was started for a test. */
export interface ServedGateway {
  readonly url: string;
  /** Its data directory; exists until `remove`. */
  readonly dataDir: string;
  /** Everything that it wrote to stdout, stderr and its log so far; the log lags by up to half a second until it stopped. */
  output(): string;
  /** As SIGTERM: requests under way end, records are drained. Resolves with the exit code. */
  stop(): Promise<number>;
  /** Stops, if that was not done, and deletes its files. */
  remove(): Promise<void>;
}

export interface ServeOptions {
  /** The text of smallfirst.yaml; null for a gateway without one. */
  readonly config: string | null;
  readonly env?: Readonly<Record<string, string>>;
  /** A data directory of a gateway before this one; `remove` leaves it alone. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  /** A `node_modules` that the folder of the config is given: packages that the gateway itself does not have. */
  readonly modules?: string;
}

/** Runs the `serve` command in this process. */
export async function serveHere(options: ServeOptions): Promise<ServedGateway> {
  const place = await prepare(options);
  const stopping = new AbortController();
  let written = '';
  let listening: (url: string) => void = () => undefined;
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const out = (text: string) => {
    written += text;
    const found = LISTENING.exec(text)?.[1];
    if (found !== undefined) listening(found);
  };
  const io: CommandIo = {
    out,
    json: (document) => out(`${JSON.stringify(document)}\n`),
    note: (text) => {
      written += `${text}\n`;
    },
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: { ...options.env },
    cwd: place.folder,
    logTo: place.log,
    signal: stopping.signal,
    width: 120,
  };
  const config = place.config === null ? {} : { config: place.config };
  const running = runServe({ ...config, host: '127.0.0.1', port: 0, data: place.dataDir }, io);
  // Whatever comes first: a line that says where, or the reason why there is none.
  const found = await Promise.race([url, running.then((code) => Promise.reject(new Error(`serve ended with ${code}:\n${written}`)))]);
  const stop = () => {
    stopping.abort();
    return running;
  };
  const output = () => written + (existsSync(place.log) ? readFileSync(place.log, 'utf8') : '');
  return { url: found, dataDir: place.dataDir, output, stop, remove: () => removal(stop, place) };
}

/** A gateway in a process of its own, which can be killed. */
export interface ServeProcess extends ServedGateway {
  readonly process: ChildProcess;
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Runs the built `smallfirst serve` as a process. */
export async function serveProcess(options: ServeOptions): Promise<ServeProcess> {
  const place = await prepare(options);
  const config = place.config === null ? [] : ['--config', place.config];
  const child = spawn(process.execPath, [MAIN, 'serve', ...config, '--port', '0', '--data', place.dataDir, ...(options.flags ?? [])], {
    cwd: place.folder,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  const exited = once(child, 'exit');
  const url = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      written += chunk.toString();
      const found = LISTENING.exec(written)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}:\n${written}`)));
  });
  const found = await url;
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) await kill('SIGTERM');
    return child.exitCode ?? -1;
  };
  return { url: found, dataDir: place.dataDir, output: () => written, stop, remove: () => removal(stop, place), process: child, kill };
}

/** Runs a command of the built package and returns what it printed. Rejects when it fails. */
export async function runCommand(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}: ${Buffer.concat(errors).toString()}`);
  return Buffer.concat(chunks).toString();
}

interface Place {
  readonly folder: string;
  readonly log: string;
  readonly config: string | null;
  readonly dataDir: string;
}

async function prepare(options: ServeOptions): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'smallfirst-e2e-'));
  const config = options.config === null ? null : join(folder, 'smallfirst.yaml');
  if (config !== null) await writeFile(config, options.config ?? '');
  if (options.modules !== undefined) await symlink(options.modules, join(folder, 'node_modules'));
  return { folder, log: join(folder, 'serve.log'), config, dataDir: options.dataDir ?? join(folder, 'data') };
}

async function removal(stop: () => Promise<number>, place: Place): Promise<void> {
  await stop();
  await rm(place.folder, { recursive: true, force: true });
}
