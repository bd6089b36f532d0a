import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Contender } from './measure.ts';
import { startServer } from './processes.ts';

const run = promisify(execFile);

/** A peer that runs, or why it does not. */
export type Peer = Contender | { readonly name: string; readonly skipped: string };

/** Ways to start a peer before an upstream. Each installs what it needs, outside the repository's own dependencies. */
export const peers: Readonly<Record<string, (root: string, upstream: string) => Promise<Contender>>> = {
  portkey: startPortkey,
  litellm: startLiteLlm,
  bifrost: startBifrost,
};

/** Starts a peer; what keeps it from running (no registry, no toolchain) is said, not thrown. */
export async function startPeer(name: string, root: string, upstream: string): Promise<Peer> {
  const start = peers[name];
  if (start === undefined) return { name, skipped: 'not known' };
  try {
    return await start(root, upstream);
  } catch (error) {
    const lines = String(error instanceof Error ? error.message : error)
      .split('\n')
      .filter((line) => line.trim() !== '');
    return { name, skipped: (lines.at(-1) ?? 'no reason given').slice(0, 300) };
  }
}

async function startPortkey(root: string, upstream: string): Promise<Contender> {
  const folder = join(root, 'bench/peers/portkey');
  if (!existsSync(join(folder, 'node_modules'))) {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, timeout: 300_000 });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js'), `--port=${port}`, '--headless'];
  const process_ = await startServer({ command: process.execPath, args, cwd: folder, url, env: { NODE_ENV: 'production' } });
  const headers = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstream}/v1` };
  return { name: 'portkey', url, process: process_, model: 'gpt-4o-mini', headers };
}

async function startLiteLlm(root: string, upstream: string): Promise<Contender> {
  const folder = join(root, '.build/peers/litellm');
  const python = join(folder, 'bin/python');
  if (!existsSync(join(folder, 'bin/litellm'))) {
    await run('python3', ['-m', 'venv', folder], { timeout: 120_000 });
    await run(python, ['-m', 'pip', 'install', '--quiet', 'litellm[proxy]'], { timeout: 600_000 });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = join(mkdtempSync(join(tmpdir(), 'smallfirst-litellm-')), 'config.yaml');
  writeFileSync(
    config,
    `model_list:\n  - model_name: m\n    litellm_params: { model: openai/gpt-4o-mini, api_base: ${upstream}/v1, api_key: sk-upstream }\n`,
  );
  const args = ['--config', config, '--host', '127.0.0.1', '--port', String(port)];
  const process_ = await startServer({ command: join(folder, 'bin/litellm'), args, url, timeoutMs: 90_000, env: { LITELLM_LOG: 'ERROR' } });
  return { name: 'litellm', url, process: process_, model: 'm', headers: {} };
}

async function startBifrost(root: string, upstream: string): Promise<Contender> {
  const folder = join(root, '.build/peers/bifrost');
  const binary = join(folder, 'bifrost-http');
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    await run('go', ['install', 'github.com/maximhq/bifrost/transports/bifrost-http@latest'], {
      env: { ...process.env, GOBIN: folder },
      timeout: 900_000,
      maxBuffer: 1 << 26,
    });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const data = mkdtempSync(join(tmpdir(), 'smallfirst-bifrost-'));
  const key = { name: 'bench', value: 'sk-upstream', models: ['*'], weight: 1 };
  const openai = { keys: [key], network_config: { base_url: upstream, allow_private_network: true } };
  writeFileSync(join(data, 'config.json'), JSON.stringify({ providers: { openai } }));
  const process_ = await startServer({
    command: binary,
    args: ['-app-dir', data, '-port', String(port), '-host', '127.0.0.1', '-log-level', 'error'],
    url,
    timeoutMs: 60_000,
  });
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
