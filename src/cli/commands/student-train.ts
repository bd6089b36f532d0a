import { resolve } from 'node:path';
import { SmallfirstError, systemClock } from '../../core/index.ts';
import {
  type Candidate,
  continueFrom,
  DEFAULT_RULE,
  fitThreadFile,
  loadTrainingSet,
  type StudentKind,
  threadFitter,
  trainStudent,
} from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { EmbeddingEndpoints, type EmbeddingOptions } from './student-embeddings.ts';
import { PhaseBars } from './student-phases.ts';
import { renderTraining } from './student-report.ts';

/** Options of `student train`. */
export interface StudentTrainOptions extends EmbeddingOptions {
  /** Files of rows, one after the other. */
  readonly data: readonly string[];
  readonly out: string;
  readonly kind?: StudentKind;
  /** Absent: cross-validation chooses. */
  readonly mode?: Candidate['mode'] | 'auto';
  /** Absent: both where an endpoint is named, and cross-validation chooses. */
  readonly over?: Candidate['reads'];
  readonly seed: number;
  readonly from?: string;
  readonly keepRows?: boolean;
  readonly floor?: number;
  readonly minShare?: number;
  /** Writes the student whatever its outlook. */
  readonly refuse?: boolean;
  readonly json: boolean;
}

/** From so many rows on, a class counts as well shown: below, cross-validation and traffic often differ. */
const FEW_ROWS = 20;

/** Trains a student from rows and writes its folder whole or not at all. Exit 1 where it could take nothing over: then nothing is written. */
export async function runStudentTrain(options: StudentTrainOptions, io: CommandIo): Promise<ExitCode> {
  const out = resolve(io.cwd, options.out);
  const { kind, rows, from, earlier } = await rowsOf(options, io);
  const endpoints = new EmbeddingEndpoints(earlier === null ? options : continued(options, earlier), io);
  const bars = new PhaseBars(io);
  try {
    const embeddings = endpoints.choice();
    const thread = fitThreadFile();
    const { card, isWritten } = await trainStudent({
      rows,
      kind,
      outDir: out,
      seed: options.seed,
      clock: systemClock,
      candidates: candidatesOf(kind, options, embeddings !== null),
      ...(embeddings === null ? {} : { embeddings }),
      rule: { ...DEFAULT_RULE, ...(options.floor === undefined ? {} : { floor: options.floor }), ...minShareOf(options) },
      refuseHopeless: options.refuse === true,
      keepRows: options.keepRows === true || (earlier?.rowsFile ?? null) !== null,
      from,
      ...(options.from === undefined ? {} : { vectorsFrom: resolve(io.cwd, options.from) }),
      ...(thread === null ? {} : { fitter: threadFitter(thread) }),
      signal: io.signal,
      onProgress: (progress) => bars.advance(progress),
    });
    bars.end();
    for (const warning of warningsOf(card.fewestPerClass, kind)) io.note(warning);
    if (options.json) io.json({ student: isWritten ? out : null, ...card });
    else io.out(renderTraining(card, isWritten ? out : null));
    return isWritten ? 0 : 1;
  } finally {
    bars.end();
    await endpoints.close();
  }
}

/** What there is to choose from, the cheapest first: one mode where it was named; embeddings beside the text, which costs nothing. */
function candidatesOf(kind: StudentKind, { mode, over }: StudentTrainOptions, hasEmbeddings: boolean): readonly Candidate[] {
  if (mode === 'quality' && kind !== 'classifier') {
    throw new SmallfirstError('USAGE', `--mode quality is for classifiers; a ${kind} has one mode`);
  }
  if (over === 'embeddings' && !hasEmbeddings)
    throw new SmallfirstError('USAGE', '--over embeddings needs an endpoint: name it with --embeddings');
  if (kind === 'extractor' && hasEmbeddings)
    throw new SmallfirstError('USAGE', 'an extractor reads words in their order; embeddings have none');
  const modes: readonly Candidate['mode'][] =
    kind !== 'classifier' || mode === undefined ? ['default'] : mode === 'auto' ? ['default', 'quality'] : [mode];
  const overText = over === 'embeddings' ? [] : modes.map((one): Candidate => ({ mode: one, reads: 'text' }));
  return hasEmbeddings && over !== 'text' ? [...overText, { mode: 'default', reads: 'embeddings' }] : overText;
}

async function rowsOf({ data, kind, from }: StudentTrainOptions, io: CommandIo) {
  let given = await loadTrainingSet(resolve(io.cwd, data[0]!), kind ?? null);
  for (const file of data.slice(1)) {
    const more = await loadTrainingSet(resolve(io.cwd, file), given.kind);
    given = { kind: given.kind, rows: [...given.rows, ...more.rows] };
  }
  return from === undefined ? { ...given, from: null, earlier: null } : continueFrom(resolve(io.cwd, from), given);
}

/** A student over embeddings goes on over the same ones unless told. */
function continued(options: EmbeddingOptions, { embeddings }: Awaited<ReturnType<typeof continueFrom>>['earlier']): EmbeddingOptions {
  if (embeddings === null || options.embeddings !== undefined) return options;
  const { url, model, apiKeyEnv } = embeddings;
  return { embeddings: url, embeddingModel: model, ...(apiKeyEnv === null ? {} : { embeddingKey: apiKeyEnv }) };
}

function minShareOf({ minShare }: StudentTrainOptions): { readonly minShare?: number } {
  return minShare === undefined ? {} : { minShare };
}

function warningsOf(fewest: number | null, kind: StudentKind): readonly string[] {
  if (fewest === null || fewest >= FEW_ROWS) return [];
  const what = kind === 'extractor' ? 'field' : 'label';
  return [
    `The rarest ${what} has ${fewest} ${fewest === 1 ? 'row' : 'rows'}; below about ${FEW_ROWS} per ${what} a student over embeddings, or more labels, help most. \`smallfirst student curve\` says how much.`,
  ];
}
