import { readFrontier } from './frontier.ts';
import { type RowRecord, readRecords, show } from './row-record.ts';
import { type Fields, type Gold, type PredictionRow, STUDENT_KINDS, type StudentKind, type TrainingRow } from './types.ts';

/** Rows to train from, and what they train. */
export interface TrainingSet {
  readonly kind: StudentKind;
  readonly rows: readonly TrainingRow[];
}

/** The member that holds what is right, by kind. */
export const GOLD_MEMBER = {
  classifier: 'label',
  multilabel: 'labels',
  extractor: 'fields',
  scorer: 'value',
} as const satisfies Record<StudentKind, keyof Gold>;

/**
 * Reads rows to train from; without a kind it is what the rows hold: `label`, `labels`, `fields` or `value`. Throws INPUT_NOT_FOUND, or
 * INPUT_INVALID at the first line that is wrong, or when there are none.
 */
export async function loadTrainingSet(file: string, kind: StudentKind | null = null): Promise<TrainingSet> {
  const records = await readRecords(file);
  const first = records[0]!;
  const settled = kind ?? kindOf(first);
  const member = GOLD_MEMBER[settled];
  const rows = records.map((record): TrainingRow => {
    const text = textOf(record);
    const gold = record.fields[member];
    if (gold === undefined) return record.fail(missing(record, member, first.line));
    if (gold === null && settled === 'extractor') {
      return record.fail('"fields" is null, and an extractor learns nothing from such a row; write {} where there is nothing to extract');
    }
    return { ...idOf(record), text, ...groupOf(record), ...readGold(record, settled), ...readFrontier(record) };
  });
  return { kind: settled, rows };
}

/** Reads rows to train a classifier from. Throws like `loadTrainingSet`. */
export async function loadTrainingRows(file: string): Promise<readonly TrainingRow[]> {
  return (await loadTrainingSet(file, 'classifier')).rows;
}

/**
 * Reads rows to predict for a student of a kind; a gold answer of another kind is not looked at. Throws INPUT_NOT_FOUND, or INPUT_INVALID at
 * the first line that is wrong, or when there are none.
 */
export async function loadPredictionRows(file: string, kind: StudentKind = 'classifier'): Promise<PredictionRow[]> {
  return (await readRecords(file)).map((record) => ({
    ...idOf(record),
    text: textOf(record),
    ...groupOf(record),
    ...(record.fields[GOLD_MEMBER[kind]] === undefined ? {} : readGold(record, kind)),
    ...readFrontier(record),
  }));
}

function kindOf(record: RowRecord): StudentKind {
  const found = STUDENT_KINDS.filter((kind) => record.fields[GOLD_MEMBER[kind]] !== undefined);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) return record.fail('"label" is missing; so are "labels", "fields" and "value": a row needs one of them');
  const members = found.map((kind) => `"${GOLD_MEMBER[kind]}"`).join(' and ');
  return record.fail(`the row has ${members}: say by --kind what is to be learnt (${found.join(' or ')})`);
}

function missing(record: RowRecord, member: string, firstLine: number): string {
  const others = STUDENT_KINDS.map((kind) => GOLD_MEMBER[kind]).filter((name) => record.fields[name] !== undefined);
  if (others.length === 0 || record.line === firstLine) return `"${member}" is missing`;
  return `"${member}" is missing: this row has "${others.join('" and "')}", the row on line ${firstLine} has "${member}"; one file trains one kind`;
}

function readGold(record: RowRecord, kind: StudentKind): Gold {
  const member = GOLD_MEMBER[kind];
  const value = record.fields[member];
  if (value === null) return { [member]: null };
  if (kind === 'classifier') return { label: textMember(record, 'label', value) };
  if (kind === 'multilabel') return { labels: labelsOf(record, value) };
  if (kind === 'extractor') return { fields: fieldsOf(record, value) };
  if (typeof value !== 'number' || !Number.isFinite(value)) return record.fail(`"value" must be a number, not ${show(value)}`);
  return { value };
}

function textMember(record: RowRecord, name: string, value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  return record.fail(`"${name}" must be a text that is not blank, not ${show(value)}`);
}

function labelsOf(record: RowRecord, value: unknown): readonly string[] {
  if (!Array.isArray(value)) return record.fail(`"labels" must be a list of texts, not ${show(value)}`);
  return [...new Set(value.map((label) => textMember(record, 'labels', label)))].sort((a, b) => (a < b ? -1 : 1));
}

/** Named values; one that is null or an empty list is a field that the text does not tell. */
function fieldsOf(record: RowRecord, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return record.fail(`"fields" must be an object of texts, not ${show(value)}`);
  }
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, held] of Object.entries(value)) {
    if (held === null || held === '' || (Array.isArray(held) && held.length === 0)) continue;
    if (typeof held === 'string') fields[name] = held;
    else if (Array.isArray(held) && held.every((item) => typeof item === 'string' && item !== '')) fields[name] = held;
    else record.fail(`"fields.${name}" must be a text or a list of texts, not ${show(held)}`);
  }
  return fields;
}

function textOf({ fields: { text }, fail }: RowRecord): string {
  if (text === undefined) return fail('"text" is missing');
  if (typeof text !== 'string') return fail(`"text" must be a text, not ${show(text)}`);
  return text;
}

function idOf({ fields: { id }, fail }: RowRecord): { readonly id?: string | number } {
  if (id === undefined || id === null) return {};
  if (typeof id !== 'string' && typeof id !== 'number') return fail(`"id" must be a text or a number, not ${show(id)}`);
  return { id };
}

/** The conversation, customer or document that a row belongs to, under any of the names that people give it. */
function groupOf({ fields, fail }: RowRecord): { readonly group?: string } {
  const name = ['group', 'conversation', 'cluster'].find((member) => fields[member] !== undefined && fields[member] !== null);
  if (name === undefined) return {};
  const value = fields[name];
  if (typeof value === 'number') return { group: String(value) };
  if (typeof value !== 'string' || value === '') return fail(`"${name}" must be a text that is not blank, not ${show(value)}`);
  return { group: value };
}
