import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withBlocks } from './generate-docs.ts';
import { readmeBlocks } from './readme-blocks.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('README', () => {
  it('quotes the benches and the demo as they were last run', () => {
    expect(withBlocks(readme, readmeBlocks(root))).toBe(readme);
  });

  it('holds no figure outside the generated blocks but the promise and the prevalence it starts from', () => {
    const prose = readme.replace(/<!-- generated:[\s\S]*?<!-- \/generated -->/g, '');
    const figures = prose.match(/\$?\d[\d.,]*\s?(?:%|ms\b|µs\b|s\b|MB\b|×|x\b|rows\/s)|\$\d[\d.,]*/g) ?? [];
    expect(figures.filter((figure) => !['98 %', '95 %', '80 %'].includes(figure))).toEqual([]);
  });

  it('shows both commands and their output in its first screen', () => {
    const first = readme.split('\n').slice(0, 40).join('\n');
    for (const part of ['npm ci && npm run demo', 'npm ci && npm test', 'small first', 'passed']) expect(first).toContain(part);
  });
});
