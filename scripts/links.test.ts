import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const pagesIn = (folder: string, recursive: boolean): readonly string[] =>
  readdirSync(join(root, folder), { encoding: 'utf8', recursive })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join(folder, name));
const pages = [...pagesIn('.', false), ...pagesIn('docs', true), ...pagesIn('examples', true)].sort();

/** What a page names that is not there, as `PAGE: NAME`. */
function missing(pattern: RegExp, places: (name: string, page: string) => readonly string[]): readonly string[] {
  return pages.flatMap((page) => {
    const named = [...readFileSync(join(root, page), 'utf8').matchAll(pattern)].map((match) => match[1] ?? '');
    return named.filter((name) => !places(name, page).some((path) => existsSync(join(root, path)))).map((name) => `${page}: ${name}`);
  });
}

describe('the pages of this repository', () => {
  it('link to what is there', () => {
    expect(pages.length).toBeGreaterThan(50);
    const link = /\]\((?![a-z]+:|#)([^)\s#]+)[^)\s]*\)/g;
    expect(missing(link, (name, page) => [join(dirname(page), name)])).toEqual([]);
  });

  it('name files and folders that are there', () => {
    const path = /`((?:src|docs|scripts|bench|test|examples|assets)\/[\w./-]+)`/g;
    expect(missing(path, (name, page) => [name, join(dirname(page), name)])).toEqual([]);
    // As ARCHITECTURE.md says it, from src.
    const source = /`([a-z-]+\/[a-z0-9/-]+\.ts)`/g;
    expect(missing(source, (name) => [name, join('src', name)])).toEqual([]);
  });
});
