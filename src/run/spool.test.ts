import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPosition, segmentPath, writePosition } from './spool-folder.ts';
import { SpoolReader } from './spool-reader.ts';
import { SpoolWriter } from './spool-writer.ts';

let root = '';
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'smallfirst-spool-'));
});
afterAll(() => rmSync(root, { recursive: true }));
const newFolder = () => join(root, String(count++));
const segmentsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.spool'));

/** Reads until nothing more is there. */
function readAll(reader: SpoolReader): { lines: string[]; torn: number } {
  const lines: string[] = [];
  let torn = 0;
  for (let piece = reader.read(); piece; piece = reader.read()) {
    if (piece.kind === 'lines') lines.push(...piece.lines);
    else torn += piece.tornBytes;
    reader.take(piece);
  }
  return { lines, torn };
}

describe('a spool', () => {
  it('gives every line once and in order, however writing, reading, rotating and restarting interleave', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), length: fc.integer({ min: 0, max: 300 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), torn: fc.integer({ min: 0, max: 20 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const folder = newFolder();
        let writer = new SpoolWriter(folder, 500);
        let reader = new SpoolReader(folder, writer.position.segment);
        const written: string[] = [];
        const read: string[] = [];
        for (const current of steps) {
          if (current.do === 'write') {
            const line = `${written.length} ${'é'.repeat(current.length)}`;
            writer.append(`${line}\n`);
            written.push(line);
          } else if (current.do === 'read') read.push(...readAll(reader).lines);
          else if (current.do === 'rotate') writer.rotate();
          else {
            const { segment } = writer.position;
            writer.close(false);
            reader.close();
            appendFileSync(segmentPath(folder, segment), 'x'.repeat(current.torn));
            writer = new SpoolWriter(folder, 500);
            reader = new SpoolReader(folder, writer.position.segment);
          }
        }
        writer.close(false);
        reader.closeLast();
        read.push(...readAll(reader).lines);
        reader.close();
        expect(read).toEqual(written);
        expect(segmentsIn(folder)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('never uses a number again, also when every segment is gone', () => {
    const folder = newFolder();
    let last = 0;
    for (let run = 1; run <= 3; run++) {
      const writer = new SpoolWriter(folder, 500);
      expect(writer.position.segment).toBeGreaterThan(last);
      last = writer.position.segment;
      writer.append('line\n');
      writer.close(true);
      const reader = new SpoolReader(folder, last);
      reader.closeLast();
      expect(readAll(reader)).toEqual({ lines: ['line'], torn: 0 });
      expect(segmentsIn(folder)).toEqual([]);
    }
  });

  it('gives what was read again until it is taken, and what was taken no more', () => {
    const folder = newFolder();
    const writer = new SpoolWriter(folder, 1_000_000);
    writer.append('a\nb\n');
    const reader = new SpoolReader(folder, 1);
    const first = reader.read();
    expect(first).toMatchObject({ kind: 'lines', lines: ['a', 'b'], bytes: 4 });
    expect(reader.read()).toEqual(first);
    reader.take(first!);
    expect(reader.read()).toBeNull();
    writer.append('c\n');
    expect(readAll(new SpoolReader(folder, 1)).lines).toEqual(['c']);
    writer.close(false);
  });

  it('reads lines that are longer than what is read at once', () => {
    const folder = newFolder();
    const writer = new SpoolWriter(folder, 1_000_000);
    const long = 'ü'.repeat(900_000);
    writer.append(`short\n${long}\nshort\n`);
    expect(readAll(new SpoolReader(folder, 1)).lines).toEqual(['short', long, 'short']);
    writer.close(false);
  });

  it('counts what earlier processes left, from where reading had come to', () => {
    const folder = newFolder();
    const old = new SpoolWriter(folder, 10);
    for (let i = 0; i < 5; i++) old.append(`line ${i}\n`);
    old.close(false);
    const writer = new SpoolWriter(folder, 10);
    writer.append('mine\n');
    writePosition(folder, { segment: 1, offset: 7 });
    expect(new SpoolReader(folder, writer.position.segment).countLeft()).toEqual({ rows: 4, bytes: 28 });
    writer.close(false);
  });

  it('starts from the beginning when the place it had come to cannot be read', () => {
    const folder = newFolder();
    const writer = new SpoolWriter(folder, 500);
    writer.append('line\n');
    writer.close(false);
    for (const content of ['', '1', '1 2', 'a b\n', '-1 5\n', '\0'.repeat(41)]) {
      writeFileSync(join(folder, 'position'), content);
      expect(readPosition(folder)).toEqual({ segment: 0, offset: 0 });
    }
    writePosition(folder, { segment: 12, offset: 3_456_789 });
    expect(readPosition(folder)).toEqual({ segment: 12, offset: 3_456_789 });
  });

  it('is readable by its owner only', () => {
    const folder = newFolder();
    const writer = new SpoolWriter(folder, 500);
    writePosition(folder, writer.position);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    writer.close(false);
  });

  it('is not written through a link that somebody has put in its way', () => {
    const folder = newFolder();
    new SpoolWriter(folder, 500).close(false);
    const target = join(root, 'target');
    writeFileSync(target, 'mine');
    symlinkSync(target, segmentPath(folder, 2));
    const writer = new SpoolWriter(folder, 500);
    expect(writer.position.segment).toBe(3);
    writer.close(false);
    expect(statSync(target).size).toBe(4);
  });

  it('goes on in a segment that is too long when the next one cannot be made', () => {
    const folder = newFolder();
    const writer = new SpoolWriter(folder, 5);
    writer.append('first\n');
    writeFileSync(segmentPath(folder, 2), '');
    expect(writer.append('second\n')).toBe(7);
    rmSync(segmentPath(folder, 2));
    writer.append('third\n');
    expect(writer.position).toEqual({ segment: 2, offset: 6 });
    writer.close(false);
    const reader = new SpoolReader(folder, 1);
    reader.closeLast();
    expect(readAll(reader)).toEqual({ lines: ['first', 'second', 'third'], torn: 0 });
  });
});
