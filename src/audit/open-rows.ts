import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { SmallfirstError } from '../core/index.ts';
import { CsvRows } from './csv-rows.ts';
import { JsonDocument } from './json-document.ts';
import { JsonLines } from './json-lines.ts';
import { MAX_ROW_BYTES, type RawRow, type RowSplitter } from './raw-rows.ts';

/** Rows of a chunk are alive together: a small one lets them die young, which is what the collector is good at. */
const CHUNK = 128 * 1024;

/**
 * Reads the rows of a file in batches, from disk as they are asked for: JSON Lines, JSON documents of any size, CSV; gzip by its bytes,
 * not by the file's name. A file that breaks off gives what came before and a problem with its line.
 * Throws INPUT_NOT_FOUND where there is no such file, INPUT_INVALID for one of another kind (Parquet, an archive, an image).
 */
export async function* openRows(path: string): AsyncGenerator<RawRow[]> {
  const start = await firstBytes(path);
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  if (!isGzip) refuse(path, start);
  const bytes = new Bytes(path, isGzip);
  let splitter: RowSplitter | null = null;
  let head: Buffer[] = [];
  let headLength = 0;
  let last = 0;
  for await (const chunk of bytes.read()) {
    if (splitter === null) {
      head.push(chunk);
      headLength += chunk.length;
      if (isGzip && headLength === chunk.length) refuse(path, chunk);
      splitter = splitterFor(Buffer.concat(head), headLength > MAX_ROW_BYTES / 8);
      if (splitter === null) continue;
      const rows = splitter.push(Buffer.concat(head));
      head = [];
      last = rows.at(-1)?.line ?? last;
      if (rows.length > 0) yield rows;
      continue;
    }
    const rows = splitter.push(chunk);
    last = rows.at(-1)?.line ?? last;
    if (rows.length > 0) yield rows;
  }
  splitter ??= splitterFor(Buffer.concat(head), true);
  const rest = splitter === null ? [] : [...splitter.push(Buffer.concat(head)), ...splitter.end()];
  if (bytes.failure !== null) rest.push({ line: (rest.at(-1)?.line ?? last) + 1, value: undefined, problem: bytes.failure });
  if (rest.length > 0) yield rest;
}

/** Bytes of a file, uncompressed; an error while reading ends them and is kept, so that what came before is not lost. */
class Bytes {
  readonly #path: string;
  readonly #isGzip: boolean;
  failure: string | null = null;

  constructor(path: string, isGzip: boolean) {
    this.#path = path;
    this.#isGzip = isGzip;
  }

  async *read(): AsyncGenerator<Buffer> {
    const file = createReadStream(this.#path, { highWaterMark: CHUNK });
    let source: NodeJS.ReadableStream = file;
    if (this.#isGzip) {
      const plain = createGunzip({ chunkSize: CHUNK });
      file.on('error', (error) => plain.destroy(error));
      source = file.pipe(plain);
    }
    try {
      for await (const chunk of source) yield chunk as Buffer;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      this.failure =
        code === 'Z_BUF_ERROR' ? 'the compressed file breaks off' : `the file cannot be read on (${code === '' ? 'unknown' : code})`;
    } finally {
      file.destroy();
    }
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const message = code === 'ENOENT' ? `there is no file ${path}` : `the file cannot be read (${code ?? 'unknown'})`;
    throw new SmallfirstError('INPUT_NOT_FOUND', message, { position: { file: path }, cause });
  }
}

function refuse(path: string, start: Buffer): void {
  const kind = start.subarray(0, 4).toString('latin1') === 'PAR1' ? 'a Parquet file: export it as JSON Lines or CSV' : null;
  const isBinary = start.subarray(0, 512).includes(0);
  if (kind === null && !isBinary) return;
  throw new SmallfirstError('INPUT_INVALID', `this is ${kind ?? 'no log but a binary file'}`, { position: { file: path } });
}

/** What cuts a file that begins like this; null while that cannot be told. */
function splitterFor(head: Buffer, isAll: boolean): RowSplitter | null {
  const text = head.toString('utf8', 0, Math.min(head.length, 4 * 1024 * 1024)).replace(/^\uFEFF/, '');
  const first = text.trimStart()[0];
  if (first === undefined) return isAll ? new JsonLines() : null;
  if (first === '[') return /^\s*\[[^\n]*\]\s*\n\s*\[/.test(text.slice(0, 4096)) ? new JsonLines() : new JsonDocument();
  if (first !== '{') return looksLikeCsv(text) ? new CsvRows() : new JsonLines();
  const lines = text.split('\n', 4).filter((line) => line.trim() !== '');
  const isWhole = text.indexOf('\n') >= 0;
  if (!isWhole && !isAll) return null;
  if (isJson(lines[0] ?? '')) return new JsonLines();
  if (!isWhole) return new JsonDocument();
  // A broken first line is followed by whole ones; the first line of a document is not.
  const isNextWhole = isJson(lines[1] ?? '');
  return isNextWhole && (lines[2] === undefined || lines[2].startsWith('{')) ? new JsonLines() : new JsonDocument();
}

function looksLikeCsv(text: string): boolean {
  const line = text.slice(0, text.indexOf('\n') < 0 ? text.length : text.indexOf('\n'));
  return /[,\t;]/.test(line) && /^[\s"\w.\-,;\t:/ ()]+$/.test(line);
}

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}
