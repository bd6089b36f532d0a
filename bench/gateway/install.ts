import { type ExecFileOptions, execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The version of bifrost-http: a release that Go 1.26 builds. */
const BIFROST = 'v1.6.0';

/** What a peer is installed from, and where: `program` is there once it is. */
interface Installation {
  /** The pinned version. */
  readonly version: string;
  /** The absolute path of what is started. */
  readonly program: string;
  /** Installs it; rejects with what the installer said. */
  readonly install: () => Promise<unknown>;
}

/** Installs a peer unless it is there. Resolves with its program's path and its version; rejects with what kept it from being installed. */
export async function installed(name: 'portkey' | 'litellm' | 'bifrost', root: string): Promise<Omit<Installation, 'install'>> {
  const { version, program, install } = installations[name](root);
  if (!existsSync(program)) await install();
  if (!existsSync(program)) throw new Error(`the install of ${name} left no ${program}`);
  return { version, program };
}

const installations: Readonly<Record<'portkey' | 'litellm' | 'bifrost', (root: string) => Installation>> = {
  portkey: (root) => {
    const folder = join(root, 'bench/peers/portkey');
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly dependencies: Record<string, string> };
    return {
      version: manifest.dependencies['@portkey-ai/gateway'] ?? '',
      program: join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js'),
      install: () => gently('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, timeout: 300_000 }),
    };
  },
  litellm: (root) => {
    const requirements = join(root, 'bench/peers/litellm/requirements.txt');
    const folder = join(root, '.build/peers/litellm');
    return {
      version: /^litellm==(\S+)$/m.exec(readFileSync(requirements, 'utf8'))?.[1] ?? '',
      program: join(folder, 'bin/litellm'),
      install: async () => {
        await gently('python3', ['-m', 'venv', folder], { timeout: 120_000 });
        // Wheels alone: nothing is run while it is installed.
        const args = ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', '-r', requirements];
        await gently(join(folder, 'bin/python'), args, { timeout: 900_000 });
      },
    };
  },
  bifrost: (root) => {
    const folder = join(root, '.build/peers/bifrost');
    return {
      version: BIFROST,
      program: join(folder, 'bin/bifrost-http'),
      install: () => {
        mkdirSync(folder, { recursive: true });
        // -modcacherw: a cache that can be deleted like any folder. The checksum database stays on.
        const env = { ...process.env, GOBIN: join(folder, 'bin'), GOPATH: join(folder, 'path'), GOFLAGS: '-modcacherw' };
        return gently('go', ['install', `github.com/maximhq/bifrost/transports/bifrost-http@${BIFROST}`], { env, timeout: 1_800_000 });
      },
    };
  },
};

/** Runs an installer behind everything else that the machine does. */
function gently(command: string, args: readonly string[], options: ExecFileOptions): Promise<unknown> {
  return run('nice', ['-n', '19', command, ...args], { maxBuffer: 1 << 26, ...options });
}
