import { join } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import { dataHashOf } from './data-hash.ts';
import { loadTrainingSet, type TrainingSet } from './rows.ts';
import { readCard } from './student-folder.ts';
import type { StudentCard, StudentKind, TrainingRow } from './types.ts';

/** Rows to train from, earlier ones included, and what they go on from. */
export interface ContinuedSet extends TrainingSet {
  readonly from: NonNullable<StudentCard['from']>;
  /** The student that it goes on from. */
  readonly earlier: StudentCard;
}

/**
 * New rows after those of an earlier student; a new row with the text of an earlier one corrects it. The earlier rows are those that its folder keeps,
 * else the new rows must begin with them, which the card's hash proves: training on the new rows alone would forget the rest. Throws USAGE for
 * another kind or earlier rows that are nowhere, and what reading throws.
 */
export async function continueFrom(folder: string, given: TrainingSet): Promise<ContinuedSet> {
  const earlier = await readCard(folder);
  if (earlier.kind !== given.kind) {
    throw new SmallfirstError('USAGE', `the student in ${folder} is of kind ${earlier.kind}; the rows are for a ${given.kind}`);
  }
  const { before, added } = await parted(folder, earlier, given);
  const newest = new Map(added.map((row) => [row.text, row]));
  const known = new Set(before.map(({ text }) => text));
  const rows = [...before.map((row) => newest.get(row.text) ?? row), ...[...newest.values()].filter(({ text }) => !known.has(text))];
  const replaced = [...newest.keys()].filter((text) => known.has(text)).length;
  return {
    kind: given.kind,
    rows,
    earlier,
    from: {
      version: `sha256:${earlier.model.sha256}`,
      rows: before.length,
      added: newest.size - replaced,
      replaced,
      accuracy: earlier.crossValidation.accuracy,
    },
  };
}

interface Parted {
  readonly before: readonly TrainingRow[];
  readonly added: readonly TrainingRow[];
}

async function parted(folder: string, { rowsFile, rows, dataHash }: StudentCard, { kind, rows: given }: TrainingSet): Promise<Parted> {
  if (startsWith(given, { rows, dataHash }, kind)) return { before: given.slice(0, rows), added: given.slice(rows) };
  if (rowsFile !== null) return { before: (await loadTrainingSet(join(folder, rowsFile), kind)).rows, added: given };
  throw new SmallfirstError(
    'USAGE',
    `the student in ${folder} kept no rows, and --data does not begin with the ${rows} that it was trained from: give them first, then the new ones, or train with --keep-rows`,
  );
}

function startsWith(given: readonly TrainingRow[], { rows, dataHash }: Pick<StudentCard, 'rows' | 'dataHash'>, kind: StudentKind): boolean {
  return given.length >= rows && dataHashOf(given.slice(0, rows), kind) === dataHash;
}
