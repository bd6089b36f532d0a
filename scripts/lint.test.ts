import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const copy = mkdtempSync(join(tmpdir(), 'planted-'));

/** One file per rule, each breaking that rule and nothing else. */
const plants: Record<'biome' | 'oxlint', Record<string, string>> = {
  biome: {
    noExplicitAny: 'export const x: any = 1;\n',
    noDefaultExport: 'export default 1;\n',
    noConsole: "console.log('x');\n",
    noUnusedVariables: 'const x = 1;\n',
    useNodejsImportProtocol: "import { join } from 'path';\n\nexport { join };\n",
    useFilenamingConvention: 'export const x = 1;\n',
  },
  oxlint: {
    'no-floating-promises': 'async function f(): Promise<void> {}\nf();\n',
    'switch-exhaustiveness-check':
      "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n",
    'max-lines-per-function': `export function f(): number {\n  let x = 0;\n${'  x += 1;\n'.repeat(81)}  return x;\n}\n`,
    'max-params': 'export const f = (a: number, b: number, c: number, d: number, e: number, g: number): number => a + b + c + d + e + g;\n',
    eqeqeq: 'export const same = (a: number, b: number): boolean => a == b;\n',
  },
};
const output = { biome: '', oxlint: '' };

function run(program: string, parameters: readonly string[]): { status: number | null; text: string } {
  const result = spawnSync(join(root, 'node_modules', '.bin', program), parameters, { cwd: copy, encoding: 'utf8' });
  return { status: result.status, text: result.stdout + result.stderr };
}

beforeAll(() => {
  for (const name of ['biome.json', '.oxlintrc.json', 'tsconfig.json', 'package.json']) cpSync(join(root, name), join(copy, name));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'src', 'run'), { recursive: true });
  for (const files of Object.values(plants)) {
    for (const [rule, text] of Object.entries(files)) {
      const name = rule === 'useFilenamingConvention' ? 'Not_Kebab.ts' : `${rule.toLowerCase()}.ts`;
      writeFileSync(join(copy, 'src', 'run', name), text);
    }
  }
  for (const [linter, parameters] of [
    ['biome', ['lint', '--max-diagnostics=200', 'src']],
    ['oxlint', ['--type-aware', '--deny-warnings', 'src']],
  ] as const) {
    const result = run(linter, parameters);
    expect(result.status).not.toBe(0);
    output[linter] = result.text;
  }
});
afterAll(() => rmSync(copy, { recursive: true }));

describe.each(['biome', 'oxlint'] as const)('%s', (linter) => {
  it.each(Object.keys(plants[linter]))('refuses %s', (rule) => {
    expect(output[linter]).toContain(rule);
  });
});
