import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumOf } from '../container/index.ts';
import { SmallfirstError } from '../core/index.ts';
import type { Embedder } from '../providers/index.ts';
import { CARD_FILE, damaged, MODEL_FILE, parseCard } from './card.ts';
import { embeddingStudent } from './embedding-student.ts';
import { localStudent } from './local-student.ts';
import { openModel } from './open-model.ts';
import type { EmbeddingSource, Student, StudentCard } from './types.ts';

/** Makes the client of the endpoint that a student over embeddings was trained with. */
export type EmbedderFor = (source: EmbeddingSource) => Embedder;

/**
 * Loads a student from its folder; one over embeddings answers only where `embedderFor` is given. Throws STUDENT_FILE_INVALID when a file is missing,
 * foreign, damaged or does not belong to the other, and what `embedderFor` throws.
 */
export async function loadStudent(folder: string, embedderFor?: EmbedderFor): Promise<Student> {
  const card = await readCard(folder);
  const bytes = await readPart(folder, MODEL_FILE);
  const model = openModel(card.kind, bytes);
  const checksum = checksumOf(bytes);
  if (card.model.sha256 !== checksum) throw damaged(`${CARD_FILE} and ${MODEL_FILE} in ${folder} do not belong together`);
  const version = `sha256:${checksum}`;
  if (card.embeddings === null) return localStudent({ card, version, model });
  return embeddingStudent({ card, version, model }, embedderFor?.(card.embeddings) ?? null);
}

/** What a student's folder says of it, without loading the model. Throws STUDENT_FILE_INVALID. */
export async function readCard(folder: string): Promise<StudentCard> {
  return parseCard((await readPart(folder, CARD_FILE)).toString('utf8'));
}

async function readPart(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    throw new SmallfirstError('STUDENT_FILE_INVALID', `${folder} holds no readable ${name}`, { cause });
  }
}
