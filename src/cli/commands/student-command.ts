import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { jsonOption, numberIn } from '../options.ts';

const KINDS = ['classifier', 'multilabel', 'extractor', 'scorer'] as const;
const ROWS = '{"text", "label"}, {"text", "labels": []}, {"text", "fields": {}} or {"text", "value"}';

const seedOption = () =>
  new Option('--seed <n>', 'seed of folds and solver').argParser(numberIn(0, 2 ** 31 - 1, { integer: true })).default(1);
const kindOption = () => new Option('--kind <kind>', 'what is learnt; what the rows hold when absent').choices(KINDS);
const modeOption = () =>
  new Option(
    '--mode <mode>',
    'quality adds small networks to a classifier, for minutes in place of seconds; auto lets cross-validation choose',
  )
    .choices(['default', 'quality', 'auto'])
    .default('default');

/** Options of the commands that may call an embedding endpoint. */
function withEmbeddings(command: Command, urlHelp: string): Command {
  return command
    .option('--embeddings <url>', urlHelp)
    .option('--embedding-model <name>', 'its model; a student answers with the one that it was trained on')
    .option('--embedding-key <variable>', 'environment variable that holds its key');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `smallfirst student` with its commands; what they do is loaded when they run. */
export function addStudent(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const student = program
    .command('student')
    .description('train and run an embedded model of a task of your own: no GPU, no server, microseconds per answer');
  addTrain(student, io, setExitCode);
  withEmbeddings(
    student
      .command('predict')
      .description('answer texts and, where gold answers are given, score the student')
      .requiredOption('--student <dir>', 'a trained student')
      .requiredOption('--data <file>', `JSON Lines: ${ROWS}, each with an "id" if it has one; the gold answer may be absent or null`)
      .option(
        '--rows <file>',
        'write one {"id"?, "label" (or "labels", "fields", "value"), "confidence", "inScope", "outOfScope"} per input row, in order',
      )
      .option('--pairs <file>', 'write pairs for `certify` from the rows with a recorded frontier answer ("frontier" or "big")')
      .addOption(new Option('--cost-usd <usd>', 'what a call of the student costs, for the pairs').argParser(numberIn(0, 1e6))),
    'another URL that serves the same embedding model',
  )
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./student-predict.ts')).runStudentPredict(options, io)));
  withEmbeddings(
    student
      .command('explain')
      .description('why the student answers a text as it does')
      .requiredOption('--student <dir>', 'a trained student')
      .requiredOption('--text <text>', 'the text')
      .addOption(new Option('--count <n>', 'reasons shown').argParser(numberIn(1, 1000, { integer: true })).default(8)),
    'another URL that serves the same embedding model',
  )
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./student-explain.ts')).runStudentExplain(options, io)));
  student
    .command('curve')
    .description('how much more labels are worth: cross-validated quality by the number of rows')
    .requiredOption('--data <file>', `JSON Lines: ${ROWS}`)
    .addOption(kindOption())
    .addOption(seedOption())
    .option('--svg <file>', 'draw the curve')
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./student-curve.ts')).runStudentCurve(options, io)));
  student
    .command('show <dir>')
    .description('what a trained student is')
    .addOption(jsonOption())
    .action(async (dir: string, options) =>
      setExitCode(await (await import('./student-explain.ts')).runStudentShow({ dir, ...options }, io)),
    );
}

function addTrain(student: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  withEmbeddings(
    student
      .command('train')
      .description('train from rows, cross-validated; exit 1 when the student could take nothing over: then nothing is written')
      .requiredOption(
        '--data <file>',
        `JSON Lines: ${ROWS}; null for what is out of scope. May be given again: the files are one set`,
        collect,
      )
      .requiredOption('--out <dir>', 'where to write the student')
      .addOption(kindOption())
      .addOption(modeOption())
      .addOption(
        new Option('--over <what>', 'read texts or their embeddings; cross-validation chooses when absent').choices(['text', 'embeddings']),
      )
      .addOption(seedOption())
      .option('--from <dir>', 'go on from this student: its rows stay, those of --data are added or correct them')
      .option('--keep-rows', 'keep the rows in the folder, for --from')
      .addOption(new Option('--floor <share>', "share of the frontier's quality that the task must keep").argParser(numberIn(0, 1)))
      .addOption(new Option('--min-share <share>', 'least share of the traffic that is worth a student').argParser(numberIn(0, 1)))
      .option('--refuse', 'write nothing, with exit code 1, where the student could take nothing over'),
    'base URL of an OpenAI-compatible embedding endpoint, as an SDK takes it; needs --embedding-model',
  )
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./student-train.ts')).runStudentTrain(options, io)));
}
