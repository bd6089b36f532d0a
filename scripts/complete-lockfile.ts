import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Adds the optional packages of other platforms that package-lock.json lacks. npm leaves out what the registry at hand does not serve
 * (a mirror that holds only one platform's binaries), and `npm ci` then refuses the lock everywhere. Their platform is read from their name.
 */
interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const SYSTEMS = ['android', 'darwin', 'freebsd', 'netbsd', 'openbsd', 'sunos', 'aix', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el'];

/** The optional packages that a lock names and does not hold, as the entries that complete it. */
export function missingOptional(lock: Lockfile): Readonly<Record<string, LockedPackage>> {
  const missing: Record<string, LockedPackage> = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock, path, name)) continue;
      const words = name.split(/[/-]/);
      const system = SYSTEMS.find((word) => words.includes(word));
      const processor = PROCESSORS.find((word) => words.includes(word));
      if (system === undefined) throw new Error(`${name} is missing from the lock, and its name does not say for which platform it is`);
      missing[`node_modules/${name}`] = {
        version: version.replace(/^[\^~]/, ''),
        ...(processor ? { cpu: [processor] } : {}),
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
        os: [system],
        ...(words.includes('musl') ? { libc: ['musl'] } : {}),
      };
    }
  }
  return missing;
}

/** Whether a package is found from where it is needed, as Node resolves it: upwards through node_modules. */
function isLocked(lock: Lockfile, from: string, name: string): boolean {
  for (let path = from; ; path = path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/')))) {
    if (lock.packages[`${path === '' ? '' : `${path}/`}node_modules/${name}`]) return true;
    if (path === '') return false;
    if (!path.includes('/node_modules/')) return lock.packages[`node_modules/${name}`] !== undefined;
  }
}

if (process.argv[1]?.endsWith('complete-lockfile.js')) {
  const file = process.argv[2] ?? 'package-lock.json';
  const lock = JSON.parse(readFileSync(file, 'utf8')) as Lockfile;
  const missing = missingOptional(lock);
  const packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  console.log(`${file}: ${Object.keys(missing).length} optional packages of other platforms added`);
}
