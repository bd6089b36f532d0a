import type { Importer } from './import-types.ts';
import { importers } from './importers/index.ts';
import type { AuditSource } from './types.ts';
import { objectOf } from './values.ts';

/** Names of the formats, for `--format` and its help. */
export const auditFormats: readonly AuditSource[] = [...importers.map((importer) => importer.source), 'smallfirst'];

/** The importer of a format; null for our own store, which is no file of rows. */
export function importerOf(source: AuditSource): Importer | null {
  return importers.find((importer) => importer.source === source) ?? null;
}

/** What the first rows of a file look like: the importer that knows most of them; null where nobody knows one. */
export function detect(rows: readonly unknown[]): Importer | null {
  let best: Importer | null = null;
  let most = 0;
  const records = rows.map(objectOf).filter((row) => row !== null);
  for (const importer of importers) {
    let known = 0;
    for (const record of records) if (importer.matches(record)) known += 1;
    if (known > most) [best, most] = [importer, known];
  }
  return best;
}
