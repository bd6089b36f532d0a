import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Config, loadConfig, lockPathOf, NO_LOCK, parseConfig, readLock } from '../../config/index.ts';
import { openGatewayApp, withPublicPassthrough } from '../../gateway-app.ts';
import { version } from '../assets.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { readProbes } from './probe-file.ts';
import { signalWarnings } from './serve-signals.ts';

export interface ServeOptions {
  /** Absent: smallfirst.yaml where there is one, else none. */
  readonly config?: string;
  readonly host: string;
  readonly port: number;
  readonly data: string;
}

const USUAL_FILE = 'smallfirst.yaml';

/** Runs `smallfirst serve` until it is told to stop; then it lets requests under way end and sees that everything is recorded. */
export async function runServe(options: ServeOptions, io: CommandIo): Promise<ExitCode> {
  keepMemoryFlat();
  const config = await configOf(options, io);
  const dataDir = resolve(io.cwd, options.data);
  const app = await openGatewayApp(config, {
    host: options.host,
    port: options.port,
    dataDir,
    environment: io.env,
    version: version(),
    logTo: io.logTo ?? 2,
  });
  await warnOfSignals(config, dataDir, io);
  const onHangup = (): void => void app.reload();
  process.on('SIGHUP', onHangup);
  io.out(`smallfirst listening on ${app.url}\n`);
  if (!io.signal.aborted) await new Promise((done) => io.signal.addEventListener('abort', done, { once: true }));
  process.off('SIGHUP', onHangup);
  await app.close();
  return 0;
}

/** Says which signals may never come. The gateway serves all the same: without a signal the frontier answers. */
async function warnOfSignals(config: Config, dataDir: string, io: CommandIo): Promise<void> {
  if (config.tasks.size === 0) return;
  // A file that cannot be read licenses nothing, and was complained of where it is followed.
  const lock = await readLock(lockPathOf(config.file)).catch(() => NO_LOCK);
  const warnings = signalWarnings(config, lock, await readProbes(dataDir));
  for (const warning of warnings) io.note(`WARNING: ${warning}`);
}

async function configOf(options: ServeOptions, io: CommandIo): Promise<Config> {
  const file = options.config ?? (existsSync(resolve(io.cwd, USUAL_FILE)) ? USUAL_FILE : null);
  if (file !== null) return loadConfig(resolve(io.cwd, file), io.env, knownUpstreams());
  return withPublicPassthrough(parseConfig('', 'no config', io.env));
}

/**
 * Keeps the young generation of the heap small. What a request makes is dead when it is answered, so a young generation that grows
 * with the traffic holds garbage for longer and buys no speed: it only shows as memory that grows.
 */
function keepMemoryFlat(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
