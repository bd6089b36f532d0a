import { SmallfirstError } from '../core/index.ts';
import { STUDENT_KINDS, type StudentCard } from './types.ts';

export const CARD_FILE = 'student.json';
export const MODEL_FILE = 'model.bin';

/** Reads a card. Throws STUDENT_FILE_INVALID for what is none, or of another version. */
export function parseCard(text: string): StudentCard {
  let card: Partial<StudentCard> | null = null;
  try {
    card = JSON.parse(text) as Partial<StudentCard> | null;
  } catch {
    throw damaged(`${CARD_FILE} is not JSON`);
  }
  if (card?.format !== 'smallfirst-student') throw damaged(`${CARD_FILE} is not the card of a student`);
  if (card.version !== 2) throw damaged(`${CARD_FILE} has version ${String(card.version)}; this smallfirst reads 2`);
  if (!STUDENT_KINDS.some((kind) => kind === card?.kind)) {
    throw damaged(`this student is of kind ${String(card.kind)}; this smallfirst reads ${STUDENT_KINDS.join(', ')}`);
  }
  if (typeof card.model?.sha256 !== 'string') throw damaged(`${CARD_FILE} names no model`);
  return card as StudentCard;
}

/** The error of a folder that is no student, or was changed. */
export function damaged(message: string): SmallfirstError {
  return new SmallfirstError('STUDENT_FILE_INVALID', message);
}
