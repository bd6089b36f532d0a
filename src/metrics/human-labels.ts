/** A row of feedback, as the store keeps it: the part that labels are read from. */
export interface LabelRow {
  /** Sorts by time of creation: of two labels the later id is the newer one. */
  readonly id: string;
  readonly requestId: string;
  readonly key: string | null;
  readonly label: string | null;
  readonly score: number | null;
  readonly comment: string | null;
}

/** What a person said of a request in a labelling queue. */
export interface HumanLabel {
  readonly requestId: string;
  /** The person's name. */
  readonly by: string;
  /** Model whose answer the score is of; null for the right answer itself (`label`), and for a request that was skipped. */
  readonly answer: string | null;
  /** 0..1 by the task's rubric. */
  readonly score: number | null;
  readonly label: string | null;
  /** How the request was drawn: only `uniform` ones say something about all. */
  readonly sample: string;
  readonly skipped: boolean;
}

/** Keys of feedback that begin so were given in a labelling queue, by the person whose name follows. */
const LABELLER = 'label:';

/** What the members of feedback are for a label; `null` label and score with `state` take back or skip. */
export function labelMembers(
  label: Omit<HumanLabel, 'skipped'> & { readonly state?: 'skipped' | 'withdrawn' },
): Pick<LabelRow, 'requestId' | 'key' | 'label' | 'score' | 'comment'> {
  const { requestId, by, answer, score, sample, state } = label;
  const note = { ...(answer === null ? {} : { answer }), sample, ...(state === undefined ? {} : { state }) };
  return { requestId, key: `${LABELLER}${by}`, label: label.label, score, comment: JSON.stringify(note) };
}

/**
 * The labels that stand: of each person, request and answer the newest one, unless it was taken back. Rows of clients, and rows of a
 * labelling queue whose note cannot be read, are left out.
 */
export function standingLabels(rows: readonly LabelRow[]): readonly HumanLabel[] {
  const newest = new Map<string, { readonly id: string; readonly label: HumanLabel | null }>();
  for (const row of rows) {
    const read = readLabel(row);
    if (read === null) continue;
    const place = JSON.stringify([read.label.by, row.requestId, read.label.answer]);
    const before = newest.get(place);
    if (before === undefined || before.id < row.id) newest.set(place, { id: row.id, label: read.isWithdrawn ? null : read.label });
  }
  return [...newest.values()].flatMap(({ label }) => label ?? []);
}

function readLabel(row: LabelRow): { readonly label: HumanLabel; readonly isWithdrawn: boolean } | null {
  if (!row.key?.startsWith(LABELLER) || row.comment === null) return null;
  const note = parse(row.comment);
  if (note === null || typeof note.sample !== 'string') return null;
  const label: HumanLabel = {
    requestId: row.requestId,
    by: row.key.slice(LABELLER.length),
    answer: typeof note.answer === 'string' ? note.answer : null,
    score: row.score,
    label: row.label,
    sample: note.sample,
    skipped: note.state === 'skipped',
  };
  return { label, isWithdrawn: note.state === 'withdrawn' };
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
