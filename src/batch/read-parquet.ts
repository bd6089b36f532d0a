import { SmallfirstError } from '../core/index.ts';
import type { RawRow } from './types.ts';

/** Rows that are read together: large enough for a column to be worth decoding, small enough for the memory to stay flat. */
const GROUP = 4_096;

/** Rows of a Parquet file as objects. Throws INPUT_INVALID for a file that is none, and USAGE where hyparquet is not installed. */
export async function* parquetRows(path: string): AsyncGenerator<readonly RawRow[]> {
  const { parquet, file, metadata } = await open(path);
  const rows = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < rows; rowStart += GROUP) {
    const rowEnd = Math.min(rows, rowStart + GROUP);
    const group = await parquet.parquetReadObjects({ file, metadata, rowStart, rowEnd }).catch((cause: unknown) => refuse(path, cause));
    yield group.map((row) => ({ line: null, value: plain(row), problem: null }));
  }
}

/** How many rows a Parquet file says it has. Throws like `parquetRows`. */
export async function parquetRowCount(path: string): Promise<number> {
  return Number((await open(path)).metadata.num_rows);
}

async function open(path: string) {
  const parquet = await import('hyparquet').catch((cause: unknown) => {
    throw new SmallfirstError('USAGE', 'Reading Parquet needs the package hyparquet: npm install hyparquet.', { cause });
  });
  const file = await parquet.asyncBufferFromFile(path).catch((cause: unknown) => refuse(path, cause));
  const metadata = await parquet.parquetMetadataAsync(file).catch((cause: unknown) => refuse(path, cause));
  return { parquet, file, metadata };
}

function refuse(path: string, cause: unknown): never {
  throw new SmallfirstError('INPUT_INVALID', `the file is not readable Parquet: ${(cause as Error).message}`, {
    position: { file: path },
    cause,
  });
}

/** Integers of 64 bits as numbers where they fit, else as texts; bytes and dates as texts. */
function plain(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(row, (_, value: unknown) =>
      typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value,
    ),
  ) as Record<string, unknown>;
}
