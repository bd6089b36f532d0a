import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pinsCheckJsonSchema } from '../src/cli/commands/pins-schema.ts';
import { replayJsonSchema } from '../src/cli/commands/replay-schema.ts';
import { reviewJsonSchema } from '../src/cli/commands/review-schema.ts';
import { errorTable } from '../src/core/index.ts';
import { configPage, configSchemaFile, lockSchemaFile } from './config-page.ts';
import { readmeBlocks } from './readme-blocks.ts';

/**
 * Writes every generated page and every generated block of README.md; with `--check` writes nothing and fails when one is stale.
 * Figures come from bench/results, so that no number in README was typed by hand.
 */
const pages: Readonly<Record<string, () => string>> = {
  'docs/reference/errors.md': errorsPage,
  'docs/reference/config.md': configPage,
  'docs/reference/config.schema.json': configSchemaFile,
  'docs/reference/lock.schema.json': lockSchemaFile,
  'docs/reference/pins-check.schema.json': () => schemaFile(pinsCheckJsonSchema()),
  'docs/reference/replay.schema.json': () => schemaFile(replayJsonSchema()),
  'docs/reference/review.schema.json': () => schemaFile(reviewJsonSchema()),
  'README.md': () => withBlocks(readFileSync('README.md', 'utf8'), readmeBlocks()),
};

function schemaFile(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, row]) => `| \`${code}\` | ${row.http} | ${row.retry ? 'yes' : 'no'} | ${row.hint} |`);
  return [
    '# Errors',
    '',
    'Every error that smallfirst raises on purpose. Generated from `src/core/errors.ts` by `scripts/generate-docs.ts`.',
    '',
    '| code | HTTP | worth a retry | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** Replaces what stands between `<!-- generated:NAME -->` and `<!-- /generated -->` by the block of that name. */
export function withBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  return text.replace(
    /(<!-- generated:([a-z-]+) -->\n)[\s\S]*?(<!-- \/generated -->)/g,
    (_whole, open: string, name: string, close: string) => {
      const block = blocks[name];
      if (block === undefined) throw new Error(`README.md names the generated block "${name}", which no renderer writes`);
      return `${open}${block.trimEnd()}\n${close}`;
    },
  );
}

if (process.argv[1]?.endsWith('generate-docs.js')) {
  const check = process.argv.includes('--check');
  let stale = 0;
  for (const [path, render] of Object.entries(pages)) {
    const text = render();
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    stale += 1;
    if (check) console.error(`${path} is stale: run npm run docs`);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      console.log(`wrote ${path}`);
    }
  }
  if (check && stale > 0) process.exitCode = 1;
}
