import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { systemClock } from '../../core/index.ts';
import {
  evaluateStudent,
  loadPredictionRows,
  loadStudent,
  loadTrainingSet,
  type StudentEvaluation,
  writeAtomically,
} from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { renderEvaluation, renderTraining } from './student-report.ts';
import { runStudentTrain } from './student-train.ts';
import type { TrainOptions } from './train-options.ts';
import { asStudentRows, silenced, type TrainingSource, type TrainWorld } from './train-rows.ts';

/** Of fewer rows none is held out: cross-validation says what it can. */
const FEWEST_ROWS = 50;
/** Of rows without a split, this share is held out: enough to see, little enough to learn from the rest. */
const HELD_OUT_SHARE = 0.2;

/** What `--json` prints. */
interface TrainStudentDocument {
  readonly task: string;
  readonly kind: 'student';
  /** Null where it could take nothing over: nothing was written then. */
  readonly student: string | null;
  readonly source: string;
  readonly rows: { readonly training: number; readonly heldOut: number };
  readonly card: unknown;
  /** On rows that nothing was learnt from; null without such rows. */
  readonly heldOut: Omit<StudentEvaluation, 'predictions'> | null;
  readonly next: readonly string[];
}

/** Trains an embedded student on most rows, shows how it does on the others, and says what certifies it. Exit 1 where it can take nothing over. */
export async function runTrainStudent(
  world: TrainWorld,
  source: TrainingSource,
  { options, io }: { readonly options: TrainOptions; readonly io: CommandIo },
): Promise<ExitCode> {
  const home = join(world.dataDir, 'students');
  const out = options.out === undefined ? join(home, world.task) : resolve(io.cwd, options.out);
  // Read once as it was given, so that what is wrong is told by the user's own file and line.
  if (world.file !== null) await loadTrainingSet(world.file);
  const rows = await writeRows(source, join(home, `${world.task}-rows`));
  let card: unknown = null;
  const code = await runStudentTrain(
    { data: [rows.training], out, mode: options.mode, seed: options.seed, refuse: true, json: true },
    {
      ...silenced(io),
      json: (document) => {
        card = document;
      },
    },
  );
  const written = code === 0;
  const heldOut = written && rows.heldOut !== null ? await evaluate(out, rows.heldOut) : null;
  const next = written
    ? nextSteps(world, { out: relative(io.cwd, out) || out, heldOut: rows.heldOut === null ? null : relative(io.cwd, rows.heldOut) })
    : [];
  if (options.json) {
    const document: TrainStudentDocument = {
      task: world.task,
      kind: 'student',
      student: written ? out : null,
      source: source.name,
      rows: rows.counts,
      card,
      heldOut: heldOut === null ? null : withoutPredictions(heldOut),
      next,
    };
    io.json(document);
    return code;
  }
  // The same words as `student train` says, printed once here.
  io.out(renderTraining(card as Parameters<typeof renderTraining>[0], written ? out : null));
  if (heldOut !== null)
    io.out(
      `\nOn ${counted(rows.counts.heldOut, 'row')} that it has not seen:\n${renderEvaluation(heldOut, (await loadStudent(out)).card)}`,
    );
  if (next.length > 0) io.out(`\nNext:\n${next.map((line) => `  ${line}`).join('\n')}\n`);
  return code;
}

interface WrittenRows {
  readonly training: string;
  readonly heldOut: string | null;
  readonly counts: TrainStudentDocument['rows'];
}

/** Writes the rows beside the student, apart: what was learnt from, and what was held out. */
async function writeRows(source: TrainingSource, folder: string): Promise<WrittenRows> {
  const given = lines(asStudentRows(source, source.training));
  const apart = source.validation === null ? null : lines(asStudentRows(source, source.validation));
  const { training, heldOut } = apart === null || apart.length === 0 ? split(given) : { training: given, heldOut: apart };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = { training: join(folder, 'train.jsonl'), heldOut: join(folder, 'held-out.jsonl') };
  await writeAtomically(files.training, training.map((line) => `${line}\n`).join(''));
  if (heldOut.length > 0) await writeAtomically(files.heldOut, heldOut.map((line) => `${line}\n`).join(''));
  return {
    training: files.training,
    heldOut: heldOut.length > 0 ? files.heldOut : null,
    counts: { training: training.length, heldOut: heldOut.length },
  };
}

function lines(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/** By a hash of the conversation, or of the text: the same rows every time, equal texts on one side. */
function split(rows: readonly string[]): { readonly training: readonly string[]; readonly heldOut: readonly string[] } {
  if (rows.length < FEWEST_ROWS) return { training: rows, heldOut: [] };
  const heldOut: string[] = [];
  const training: string[] = [];
  for (const row of rows) (fraction(row) < HELD_OUT_SHARE ? heldOut : training).push(row);
  return { training, heldOut };
}

function fraction(line: string): number {
  let key = line;
  try {
    const { group, conversation, text } = JSON.parse(line) as Record<string, unknown>;
    const first = [group, conversation, text].find((value) => typeof value === 'string');
    key = typeof first === 'string' ? first : line;
  } catch {
    // The reader of the rows says what is wrong with the line.
  }
  return createHash('sha256').update(`held-out\0${key}`).digest().readUInt32BE(0) / 2 ** 32;
}

async function evaluate(folder: string, file: string): Promise<StudentEvaluation> {
  const student = await loadStudent(folder);
  return evaluateStudent(student, await loadPredictionRows(file, student.card.kind), systemClock);
}

function withoutPredictions({ predictions: _predictions, ...figures }: StudentEvaluation): Omit<StudentEvaluation, 'predictions'> {
  return figures;
}

/** What makes a trained student answer: a place on the ladder, and a certificate from fresh pairs. */
function nextSteps(world: TrainWorld, { out, heldOut }: { readonly out: string; readonly heldOut: string | null }): readonly string[] {
  const { task, declared, config } = world;
  const known = config?.models.has(`student/${task}`) ?? false;
  const onLadder = declared?.ladder.includes(`student/${task}`) ?? false;
  return [
    ...(known ? [] : [`declare it in the config:      students: { ${task}: { path: ${out} } }`]),
    ...(onLadder ? [] : [`put it first on the ladder:    ladder: [student/${task}, …]`]),
    ...(heldOut === null
      ? []
      : [
          `score it on rows it has not seen, with the frontier's answers:  smallfirst student predict --student ${out} --data ${heldOut} --pairs pairs.jsonl`,
        ]),
    `collect fresh pairs, then certify and promote it:  smallfirst models promote student/${task} --task ${task}`,
  ];
}
