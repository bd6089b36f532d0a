import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory, found upwards from this file, so that it is the same from source and from the build. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('package.json of smallfirst not found');
    directory = parent;
  }
  return directory;
}

/** The installed version of smallfirst. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/** A file of the demo's data, shipped in the package. */
export function demoAsset(name: string): string {
  return join(packageRoot(), 'assets', 'demo', name);
}
