import { resolve } from 'node:path';
import { type Explanation, loadStudent, readCard, type StudentCard } from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { percent, renderTable } from '../table.ts';
import { EmbeddingEndpoints, type EmbeddingOptions } from './student-embeddings.ts';
import { renderCard } from './student-report.ts';

/** Options of `student explain`. */
export interface StudentExplainOptions extends EmbeddingOptions {
  readonly student: string;
  readonly text: string;
  readonly count: number;
  readonly json: boolean;
}

/** Prints an answer with what spoke for and against it. */
export async function runStudentExplain(options: StudentExplainOptions, io: CommandIo): Promise<ExitCode> {
  const endpoints = new EmbeddingEndpoints(options, io);
  try {
    const student = await loadStudent(resolve(io.cwd, options.student), endpoints.forStudent);
    const explanation = await student.explain(options.text, options.count);
    if (options.json) io.json({ student: student.version, ...explanation });
    else io.out(renderExplanation(explanation, student.card));
    return 0;
  } finally {
    await endpoints.close();
  }
}

/** Prints what a student's folder says of it. */
export async function runStudentShow(options: { readonly dir: string; readonly json: boolean }, io: CommandIo): Promise<ExitCode> {
  const folder = resolve(io.cwd, options.dir);
  // Loaded, not only read: a folder whose model is damaged is no student.
  const { card, version } = await loadStudent(folder);
  if (options.json) io.json({ student: version, ...(await readCard(folder)) });
  else io.out(renderCard(card, options.dir));
  return 0;
}

function renderExplanation({ prediction, ranked, reasons }: Explanation, card: StudentCard): string {
  const { text, confidence, inScope, outOfScope } = prediction;
  return [
    `${text}  (confidence ${percent(confidence)}, in scope ${percent(inScope)}${outOfScope ? ': OUT OF SCOPE' : ''})`,
    ...(ranked.length === 0
      ? []
      : [
          '',
          renderTable(
            [{ head: 'answer' }, { head: 'P', align: 'right' }],
            ranked.slice(0, 5).map(({ label, probability }) => [label, percent(probability)]),
          ).trimEnd(),
        ]),
    '',
    reasons.length === 0
      ? card.reads === 'embeddings'
        ? 'A student over embeddings reads numbers without names: there are no reasons to show.'
        : 'Nothing in this text is known to the student.'
      : renderTable(
          [{ head: 'part', align: 'right' }, { head: 'reason' }, { head: 'kind' }, { head: 'of' }],
          reasons.map(({ feature, kind, contribution, target }) => [contribution.toFixed(3), feature, kind, target ?? '']),
        ).trimEnd(),
    '',
  ].join('\n');
}
