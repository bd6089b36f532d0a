import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findViolations, type Violation } from './boundaries.ts';
import { maxLines } from './layers.ts';

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

/** A tree of source files with one violation planted in it. */
function rulesBrokenBy(files: Record<string, string>): Violation['rule'][] {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  made.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'src', name)), { recursive: true });
    writeFileSync(join(root, 'src', name), text);
  }
  return findViolations(root).map((violation) => violation.rule);
}

describe('boundaries', () => {
  it('finds nothing in this repository', () => {
    expect(findViolations(resolve(import.meta.dirname, '..'))).toEqual([]);
  });

  it('lets an import go down a layer', () => {
    expect(rulesBrokenBy({ 'policy/a.ts': "import { x } from '../core/x.ts';\n", 'core/x.ts': 'export const x = 1;\n' })).toEqual([]);
  });

  it('refuses an import that goes up a layer', () => {
    expect(rulesBrokenBy({ 'core/x.ts': "import { a } from '../policy/index.ts';\n", 'policy/index.ts': 'export const a = 1;\n' })).toEqual(
      ['layer'],
    );
  });

  it('refuses an import between siblings, of types too', () => {
    expect(
      rulesBrokenBy({ 'certify/a.ts': "import type { A } from '../policy/index.ts';\n", 'policy/index.ts': 'export type A = 1;\n' }),
    ).toEqual(['layer']);
  });

  it('refuses an import past the entry of a folder', () => {
    expect(
      rulesBrokenBy({
        'run/a.ts': "import { open } from '../store/sqlite/open.ts';\n",
        'store/sqlite/open.ts': 'export const open = 1;\n',
      }),
    ).toEqual(['entry']);
  });

  it('refuses a cycle', () => {
    expect(
      rulesBrokenBy({ 'run/a.ts': "import { b } from './b.ts';\nexport const a = b;\n", 'run/b.ts': "export { a as b } from './a.ts';\n" }),
    ).toEqual(['cycle']);
  });

  it('refuses a package outside its home, imported lazily too', () => {
    expect(rulesBrokenBy({ 'run/a.ts': "const pg = await import('pg');\n" })).toEqual(['home']);
  });

  it('refuses input and output in a pure folder', () => {
    expect(rulesBrokenBy({ 'certify/a.ts': "import { readFileSync } from 'node:fs';\n" })).toEqual(['pure']);
  });

  it('refuses clocks, randomness and environment in a pure folder', () => {
    expect(
      rulesBrokenBy({ 'policy/a.ts': 'export const now = Date.now();\nexport const r = Math.random();\nexport const e = process.env;\n' }),
    ).toEqual(['impure-global', 'impure-global', 'impure-global']);
  });

  it('refuses a folder without a layer', () => {
    expect(rulesBrokenBy({ 'misc/a.ts': "import { x } from '../core/x.ts';\n", 'core/x.ts': 'export const x = 1;\n' })).toEqual([
      'unknown-folder',
    ]);
  });

  it('refuses a file that is too long', () => {
    expect(rulesBrokenBy({ 'core/a.ts': 'export {};\n'.repeat(maxLines + 1) })).toEqual(['file-length']);
  });

  it('refuses a branch on the name of a vendor outside providers', () => {
    expect(rulesBrokenBy({ 'run/a.ts': "export const is = (p: string) => p === 'openai';\n" })).toEqual(['vendor-branch']);
  });
});
