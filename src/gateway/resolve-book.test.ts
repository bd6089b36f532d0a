import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredTemplate } from '../store/types.ts';
import { TemplateBook } from './resolve-book.ts';
import { openTemplateJournal } from './resolve-journal.ts';

function bookOf(put: (templates: readonly StoredTemplate[]) => Promise<number>) {
  const warnings: string[] = [];
  const store = async () => ({ templates: { put } });
  const book = new TemplateBook({ clock: { now: () => 7 }, store, warn: (message) => warnings.push(message) });
  return { book, warnings };
}

describe('TemplateBook', () => {
  it('keeps each template once, cut to what people need', async () => {
    const kept: StoredTemplate[] = [];
    const { book } = bookOf(async (templates) => kept.push(...templates));
    book.met({ hash: 'a', masked: 'x'.repeat(5_000) });
    book.met({ hash: 'a', masked: 'again' });
    book.met({ hash: 'b', masked: '' });
    await book.flush();
    await book.flush();
    expect(kept).toEqual([
      { hash: 'a', masked: 'x'.repeat(2_000), at: 7 },
      { hash: 'b', masked: '', at: 7 },
    ]);
  });

  it('tries again what the store did not take, and says so', async () => {
    let isDown = true;
    const kept: string[] = [];
    const { book, warnings } = bookOf(async (templates) => {
      if (isDown) throw new Error('no disk');
      return kept.push(...templates.map(({ hash }) => hash));
    });
    book.met({ hash: 'a', masked: '' });
    await book.flush();
    book.met({ hash: 'b', masked: '' });
    isDown = false;
    await book.flush();
    expect([kept, warnings]).toEqual([['a', 'b'], ['templates wait for the store: no disk']]);
  });

  it('leaves what waits for the store to the process after it, also when it is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'smallfirst-book-'));
    const file = join(folder, 'templates.jsonl');
    const kept: string[] = [];
    const open = (isDown: boolean) => {
      const put = async (templates: readonly StoredTemplate[]) => {
        if (isDown) throw new Error('no disk');
        return kept.push(...templates.map(({ hash }) => hash));
      };
      const store = async () => ({ templates: { put } });
      return new TemplateBook({ clock: { now: () => 7 }, store, warn: () => undefined, journal: openTemplateJournal(file) });
    };
    const first = open(true);
    first.met({ hash: 'a', masked: 'Sort "this"\n' });
    await first.flush();
    first.met({ hash: 'b', masked: '' });
    // Its last line was cut short.
    await appendFile(file, '{"hash":"c","mas');
    const second = open(false);
    second.met({ hash: 'a', masked: '' });
    await second.flush();
    expect([kept, await readFile(file, 'utf8')]).toEqual([['a', 'b'], '']);
    await open(false).flush();
    expect(kept).toEqual(['a', 'b']);
    await rm(folder, { recursive: true });
  });

  it('has room for so many and no more', async () => {
    const kept: string[] = [];
    const { book } = bookOf(async (templates) => kept.push(...templates.map(({ hash }) => hash)));
    for (let i = 0; i < 30_000; i += 1) {
      book.met({ hash: String(i), masked: '' });
      if (i % 400 === 0) await book.flush();
    }
    await book.flush();
    expect(kept.length).toBe(10_000);
  });
});
