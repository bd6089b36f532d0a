import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultOf } from './answers.ts';
import { installed } from './install.ts';
import type { Contender } from './measure.ts';
import { startServer } from './processes.ts';

/** A peer that runs, or why it does not. */
export type Peer = (Contender & { readonly version: string }) | { readonly name: string; readonly skipped: string };

const starters = { portkey: startPortkey, litellm: startLiteLlm, bifrost: startBifrost };
type PeerName = keyof typeof starters;

/** The peers there are, in the order of the table. */
export const peerNames: readonly string[] = Object.keys(starters);

/** Installs a peer without starting it. Resolves with what came of it, in words. */
export async function installPeer(name: string, root: string): Promise<string> {
  if (!isPeer(name)) return `${name} is not known`;
  try {
    const { version, program } = await installed(name, root);
    return `${name} ${version} is installed: ${program}`;
  } catch (error) {
    return `${name} cannot be installed: ${reasonOf(error)}`;
  }
}

/** Starts a peer and holds it to the upstream's answers; what keeps it from running (no registry, no toolchain) is said, not thrown. */
export async function startPeer(name: string, root: string, direct: Contender): Promise<Peer> {
  if (!isPeer(name)) return { name, skipped: `not known; there are ${peerNames.join(', ')}` };
  try {
    const { version, program } = await installed(name, root);
    const contender = await starters[name](program, direct.url);
    const fault = await faultOf(contender, direct);
    if (fault === null) return { ...contender, version };
    await contender.process?.stop();
    return { name, skipped: fault };
  } catch (error) {
    return { name, skipped: reasonOf(error) };
  }
}

function isPeer(name: string): name is PeerName {
  return Object.hasOwn(starters, name);
}

/** The last two lines of an error say why; addresses are left out, as they differ from machine to machine. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error))
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('go: downloading'));
  const said = lines.slice(-2).map((line) => line.trim().replace(/https?:\/\/\S*?(?=:?(\s|$))/g, 'the registry'));
  return (said.join(' ') || 'no reason given').slice(0, 400);
}

async function startPortkey(program: string, upstream: string): Promise<Contender> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [program, `--port=${port}`, '--headless'];
  const env = { NODE_ENV: 'production' };
  const process_ = await startServer({ command: process.execPath, args, url, env, errorsKept: true });
  const headers = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstream}/v1` };
  return { name: 'portkey', url, process: process_, model: 'gpt-4o-mini', headers };
}

/** As its page on production says: one Uvicorn worker, no debug logs, no .env file; no database, and so no spend logs. Access log on. */
async function startLiteLlm(program: string, upstream: string): Promise<Contender> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = join(mkdtempSync(join(tmpdir(), 'smallfirst-litellm-')), 'config.yaml');
  writeFileSync(
    config,
    [
      'model_list:',
      '  - model_name: m',
      `    litellm_params: { model: openai/gpt-4o-mini, api_base: ${upstream}/v1, api_key: sk-upstream }`,
      'litellm_settings: { request_timeout: 600, set_verbose: false, json_logs: true }',
    ].join('\n'),
  );
  const args = ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1', '--telemetry', 'False'];
  // The cost map of the package: the one it fetches at its start differs from day to day.
  const env = { LITELLM_LOG: 'ERROR', LITELLM_MODE: 'PRODUCTION', LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
  const process_ = await startServer({ command: program, args, url, env, timeoutMs: 90_000, errorsKept: true });
  return { name: 'litellm', url, process: process_, model: 'm', headers: {} };
}

/** From a file alone (no store of configuration), with the pool that its documentation names for production; log store as by default. */
async function startBifrost(program: string, upstream: string): Promise<Contender> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const data = mkdtempSync(join(tmpdir(), 'smallfirst-bifrost-'));
  const key = { name: 'bench', value: 'sk-upstream', models: ['*'], weight: 1 };
  const openai = { keys: [key], network_config: { base_url: upstream, allow_private_network: true } };
  const client = { initial_pool_size: 1000, drop_excess_requests: false, enable_logging: true };
  writeFileSync(join(data, 'config.json'), JSON.stringify({ client, providers: { openai }, config_store: { enabled: false } }));
  const args = ['-app-dir', data, '-port', String(port), '-host', '127.0.0.1', '-log-level', 'error'];
  const process_ = await startServer({ command: program, args, url, timeoutMs: 60_000, errorsKept: true });
  return { name: 'bifrost', url, process: process_, model: 'openai/gpt-4o-mini', headers: {} };
}

/** The reference, built with the benches. */
export async function startBare(built: (path: string) => string, upstream: string): Promise<Contender> {
  const process_ = await startServer({ command: process.execPath, args: [built('bench/peers/bare-proxy.js'), upstream] });
  return { name: 'bare', url: process_.url, process: process_, model: 'm', headers: {} };
}

/** Our gateway as people start it, with everything on that is on by default. */
export async function startOurs(built: (path: string) => string, upstream: string): Promise<Contender & { readonly dataDir: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'smallfirst-ours-'));
  const config = join(folder, 'smallfirst.yaml');
  writeFileSync(config, `models:\n  m: { provider: openai, model: gpt-4o-mini, url: "${upstream}/v1", apiKey: sk-upstream }\n`);
  const dataDir = join(folder, 'data');
  const args = [built('src/cli/main.js'), 'serve', '--config', config, '--port', '0', '--data', dataDir];
  const process_ = await startServer({ command: process.execPath, args });
  return { name: 'smallfirst', url: process_.url, process: process_, model: 'm', headers: {}, dataDir };
}

/** The program reads its assets beside its compiled files. */
export function copyAssets(root: string): void {
  const to = join(root, '.build/assets');
  if (existsSync(join(root, 'assets')) && !existsSync(to)) cpSync(join(root, 'assets'), to, { recursive: true });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
