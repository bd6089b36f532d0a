import type { Part } from '../../core/index.ts';
import type { JsonObject } from './types.ts';

/** The only kind of file that every protocol takes within a request. */
export const PDF = 'application/pdf';

const PREFIX = `data:${PDF};base64,`;

/** A PDF from the file of OpenAI's protocols; null for other kinds of files, and for those that lie elsewhere. */
export function readPdfFile(file: JsonObject): { readonly type: 'pdf'; readonly name: string | null; readonly data: string } | null {
  const { file_data: data, file_id: id, file_url: url, filename } = file;
  const name = filename ?? '';
  if (typeof data !== 'string' || !data.startsWith(PREFIX) || typeof name !== 'string' || (id ?? url ?? null) !== null) return null;
  return { type: 'pdf', name: name === '' ? null : name, data: data.slice(PREFIX.length) };
}

/** The members that tell a PDF to OpenAI's protocols, where a file must have a name. */
export function writePdfFile(pdf: Extract<Part, { type: 'pdf' }>): JsonObject {
  return { filename: pdf.name ?? 'document.pdf', file_data: PREFIX + pdf.data };
}
