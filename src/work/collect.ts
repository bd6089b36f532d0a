import { closeSync, openSync, writeSync } from 'node:fs';
import type { WorkStore } from '../store/index.ts';

/** How many rows of each kind were written. */
export interface Collected {
  readonly done: number;
  readonly failed: number;
}

const PAGE = 1_000;

/** Writes the results of a job in the order of its input: answers to one file, failures to another, which is made only where there are any. */
export async function collectResults(
  store: Pick<WorkStore, 'results'>,
  job: string,
  files: { readonly output: string; readonly errors: string },
  onProgress: (rows: number) => void,
): Promise<Collected> {
  const output = openSync(files.output, 'w', 0o644);
  let errors: number | null = null;
  let done = 0;
  let failed = 0;
  try {
    for (let after = -1; ; ) {
      const rows = await store.results(job, after, PAGE);
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.ordinal;
      const good = rows.filter(({ isError }) => !isError);
      const bad = rows.filter(({ isError }) => isError);
      writeAll(output, good);
      if (bad.length > 0) {
        errors ??= openSync(files.errors, 'w', 0o644);
        writeAll(errors, bad);
      }
      done += good.length;
      failed += bad.length;
      onProgress(done + failed);
    }
  } finally {
    closeSync(output);
    if (errors !== null) closeSync(errors);
  }
  return { done, failed };
}

function writeAll(descriptor: number, rows: readonly { readonly line: string }[]): void {
  const bytes = Buffer.from(rows.map(({ line }) => `${line}\n`).join(''));
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
