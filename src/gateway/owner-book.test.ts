import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OwnerBook } from './owner-book.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'smallfirst-owners-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const owner = (key: string, upstream = 'gpt') => ({ key, upstream });

describe('OwnerBook', () => {
  it('knows every owner although memory holds only a few, also after it was opened again', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^(file|resp|batch)[-_][A-Za-z0-9é]{1,6}$/), { maxLength: 60 });
    fc.assert(
      fc.property(ids, ids, fc.boolean(), (made, others, reopens) => {
        const folder = mkdtempSync(join(home, 'book-'));
        let book = new OwnerBook(folder, 3);
        for (const id of made) book.add(id, owner(`key of ${id}`));
        if (reopens) book = new OwnerBook(folder, 3);
        expect(made.map((id) => book.get(id))).toEqual(made.map((id) => owner(`key of ${id}`)));
        for (const id of others) if (!made.includes(id)) expect(book.get(id)).toBeUndefined();
        expect(book.isEmpty).toBe(made.length === 0);
      }),
      { numRuns: 40 },
    );
  });

  it('does not take part of an id, or a key, for an id', () => {
    const folder = join(home, 'book');
    const book = new OwnerBook(folder, 0);
    book.add('file-abc', owner('resp_1'));
    for (const id of ['file-ab', 'ile-abc', 'abc', 'resp_1', 'gpt', 'file-abc\t', '']) expect(book.get(id)).toBeUndefined();
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('takes over the file of older versions, and what a crash left of that', () => {
    const folder = join(home, 'owners');
    writeFileSync(`${folder}.tsv`, 'file-1\talice\n\nfile-2\tbob\tgpt\nfile-1\teve\tgpt\nhalf a line');
    expect(new OwnerBook(folder).get('file-2')).toEqual(owner('bob'));
    expect(existsSync(`${folder}.tsv`)).toBe(false);
    // As after a crash before the old file was removed.
    writeFileSync(`${folder}.tsv`, 'file-1\tmallory\tgpt\nfile-3\tcarol\tgpt\n');
    const book = new OwnerBook(folder, 1);
    expect(['file-1', 'file-2', 'file-3'].map((id) => book.get(id))).toEqual([owner('alice', ''), owner('bob'), owner('carol')]);
  });

  it('begins a new line after one that a crash cut short', () => {
    const folder = join(home, 'owners');
    new OwnerBook(folder).add('file-1', owner('alice'));
    const [name] = readdirSync(folder);
    const file = join(folder, name as string);
    writeFileSync(file, `${readFileSync(file, 'utf8')}file-cut\tali`);
    new OwnerBook(folder).add('file-1b', owner('bob'));
    const book = new OwnerBook(folder, 0);
    expect([book.get('file-1'), book.get('file-1b')]).toEqual([owner('alice'), owner('bob')]);
    expect(readFileSync(file, 'utf8')).toContain('file-cut\tali\n');
  });

  it('in memory holds everything', () => {
    const book = new OwnerBook(null);
    for (let n = 0; n < 20_000; n += 1) book.add(`file-${n}`, owner('alice'));
    expect([book.get('file-0'), book.get('file-19999'), book.get('file-x')]).toEqual([owner('alice'), owner('alice'), undefined]);
  });
});
