import { SmallfirstError } from '../core/index.ts';

/** Rows that are read together: large enough for a column to be worth decoding, small enough for the memory to stay flat. */
const GROUP = 4_096;

/** Rows of a Parquet file as objects. Throws INPUT_INVALID for a file that is none, and USAGE where hyparquet is not installed. */
export async function* readParquet(path: string): AsyncGenerator<Record<string, unknown>> {
  const parquet = await import('hyparquet').catch((cause: unknown) => {
    throw new SmallfirstError('USAGE', 'Reading Parquet needs the package hyparquet: npm install hyparquet.', { cause });
  });
  const fail = (cause: unknown): never => {
    throw new SmallfirstError('INPUT_INVALID', `the file is not readable Parquet: ${(cause as Error).message}`, {
      position: { file: path },
      cause,
    });
  };
  const file = await parquet.asyncBufferFromFile(path).catch(fail);
  const metadata = await parquet.parquetMetadataAsync(file).catch(fail);
  const rows = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < rows; rowStart += GROUP) {
    const rowEnd = Math.min(rows, rowStart + GROUP);
    const group = await parquet.parquetReadObjects({ file, metadata, rowStart, rowEnd }).catch(fail);
    for (const row of group) yield plain(row);
  }
}

/** Integers of 64 bits as numbers where they fit, else as texts; bytes and dates as texts. */
function plain(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(row, (_, value: unknown) =>
      typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value,
    ),
  ) as Record<string, unknown>;
}
