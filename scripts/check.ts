import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findViolations } from './boundaries.ts';

/** The gate that people and CI run alike: every step is tried in order, and the first failure ends it. Tests come last, so their counts close it. */
const steps: readonly { readonly name: string; readonly run: () => boolean }[] = [
  { name: 'format and lint', run: () => command('npx', ['biome', 'check', '.']) },
  { name: 'lint with types', run: () => command('npx', ['oxlint', '--type-aware', '--deny-warnings']) },
  { name: 'types', run: () => command('npx', ['tsc', '-p', 'tsconfig.json']) },
  { name: 'boundaries', run: boundaries },
  { name: 'dead code', run: () => command('npx', ['knip']) },
  { name: 'build', run: () => command('npm', ['run', '--silent', 'build']) },
  { name: 'package', run: packageCheck },
  { name: 'generated docs', run: () => command(process.execPath, ['.build/scripts/generate-docs.js', '--check']) },
  { name: 'tests', run: () => command('npx', ['vitest', 'run']) },
];

function command(program: string, parameters: readonly string[]): boolean {
  return spawnSync(program, parameters, { stdio: 'inherit' }).status === 0;
}

function boundaries(): boolean {
  const violations = findViolations(process.cwd());
  for (const violation of violations) console.error(`${violation.file}:${violation.line}: ${violation.rule}: ${violation.message}`);
  return violations.length === 0;
}

/** Packs the package as it would be published and checks the tarball, not the work tree. */
function packageCheck(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'smallfirst-pack-'));
  try {
    const packed = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], { encoding: 'utf8' });
    const name = packed.stdout.trim().split('\n').at(-1);
    if (packed.status !== 0 || !name) {
      console.error(packed.stderr);
      return false;
    }
    return command('npx', ['publint', 'run', join(directory, name), '--strict']);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const step of steps) {
  const startedAt = performance.now();
  console.log(`── ${step.name}`);
  if (!step.run()) {
    console.error(`check failed at: ${step.name}`);
    process.exit(1);
  }
  // Nothing after the tests: their closing line is the last word.
  if (step !== steps.at(-1)) console.log(`   ${step.name}: ok, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
