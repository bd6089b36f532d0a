import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Json } from '../src/core/index.ts';

/**
 * Writes a bench's figures to bench/results/<name>.json with what one needs to judge them: date, commit, Node and processor.
 * Returns the file's path. README and docs quote these files, and a test holds them to it.
 */
export function writeResult(name: string, figures: Json): string {
  const root = packageRoot();
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  const processors = cpus();
  const document = {
    bench: name,
    date: new Date().toISOString(),
    commit: commitOf(root),
    node: process.version,
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    figures,
  };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  return path;
}

/** The folder of package.json, wherever the compiled bench lies below it. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the bench is not inside its package');
    folder = parent;
  }
  return folder;
}

/** The commit that was measured, marked when files differ from it; null outside a git checkout. */
function commitOf(root: string): string | null {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bench/*.ts') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? ' with changes' : ''}`;
  } catch {
    return null;
  }
}
