import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, list, numberIn } from '../options.ts';
import { parseSince } from './replay-since.ts';

const share = (flags: string, what: string, value: number) => new Option(flags, what).argParser(numberIn(0, 0.9)).default(value);
const whole = (flags: string, what: string) => new Option(flags, what).argParser(numberIn(1, Number.POSITIVE_INFINITY, { integer: true }));
const each = (file: string, before: readonly string[] = []): readonly string[] => [...before, file];

/** `smallfirst dataset` with its commands; what they do is loaded when they run. */
export function addDataset(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const dataset = program
    .command('dataset')
    .description('clean data sets from recorded traces and files, to train students and language models on');
  addBuild(dataset, io, setExitCode);
  dataset
    .command('show [name]')
    .description(
      'what is in a data set: splits, where answers come from, coverage, lengths, private texts, terms; NAME@HASH is an older version',
    )
    .option('--rows <n>', 'show so many rows of each split, too', numberIn(1, 1_000, { integer: true }))
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string | undefined, options) =>
      setExitCode(await (await import('./dataset-show.ts')).runDatasetShow(name, options, io)),
    );
  dataset
    .command('diff <before> <after>')
    .description('rows added, removed, relabelled and moved between two versions, as NAME@HASH or NAME')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (before: string, after: string, options) =>
      setExitCode(await (await import('./dataset-show.ts')).runDatasetDiff([before, after], options, io)),
    );
  dataset
    .command('export <name>')
    .description('write rows as a trainer reads them')
    .addOption(
      new Option(
        '--format <name>',
        'student: {text, label | labels | fields | value}; chat: {"messages"}; completion; dpo (OpenAI); dpo-trl; eval',
      )
        .choices(['student', 'chat', 'completion', 'dpo', 'dpo-trl', 'eval'])
        .default('student'),
    )
    .addOption(
      new Option('--split <name>', 'golden can only be written for `eval`').choices(['train', 'validation', 'golden']).default('train'),
    )
    .option('--without <flags>', 'leave out rows with these flags: long, label-conflict, terms, private', list)
    .requiredOption('--out <file>', 'where to write JSON Lines')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string, options) => setExitCode(await (await import('./dataset-export.ts')).runDatasetExport(name, options, io)));
}

function addBuild(dataset: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  dataset
    .command('build <name>')
    .description('select → filter → relabel → review → scrub → distinct → split → balance; without a source, as it was built last')
    .option('--task <name>', 'task of the config: says what answers are, the prompt, and the golden set')
    .option('--from-record', 'take the recorded requests of the task whose texts were kept')
    .addOption(new Option('--since <when>', 'of the record: 30d, 12h or 2026-10-01').argParser(parseSince))
    .addOption(
      new Option('--only <which>', 'of the record: only what a small answer was escalated for, or was not').choices([
        'escalated',
        'accepted',
      ]),
    )
    .addOption(whole('--limit <n>', 'of the record: at most the n newest'))
    .option(
      '--file <file>',
      'JSON Lines: {"text" | "messages", "label" | "labels" | "fields" | "value" | "output"?, "conversation"?, "at"?}; may be repeated',
      each,
    )
    .option('--teacher <model>', 'the model of the config whose answers the files hold; people’s when absent')
    .option('--labels <names>', 'only rows with these answers', list)
    .option('--answered-by <models>', "only these models' answers and people's; other rows wait for a relabelling or a label", list)
    .option('--match <regexp>', 'only rows whose text it finds something in')
    .addOption(whole('--min-characters <n>', 'shorter texts are left out').default(1))
    .addOption(whole('--max-tokens <n>', 'longer rows are left out'))
    .addOption(whole('--flag-tokens <n>', 'longer rows are flagged').default(8_192))
    .option('--relabel <model>', 'ask a model of the config for answers; people’s are never replaced')
    .addOption(new Option('--relabel-which <which>', 'rows without an answer, or all').choices(['missing', 'all']).default('missing'))
    .addOption(new Option('--max-cost <usd>', 'what relabelling may cost').argParser(numberIn(0, Number.POSITIVE_INFINITY)))
    .addOption(new Option('--concurrency <n>', 'calls in flight').argParser(numberIn(1, 1000, { integer: true })).default(8))
    .option('--estimate', 'say what relabelling would cost at most, and stop')
    .addOption(
      new Option('--private <how>', 'private texts: replace them, only flag the rows, or do not look')
        .choices(['scrub', 'flag', 'keep'])
        .default('scrub'),
    )
    .option('--private-kinds <names>', 'key, email, iban, national-id, card, phone, ip, name; all when absent', list)
    .addOption(
      new Option('--near <share>', 'similarity from which two inputs are near-duplicates').argParser(numberIn(0.3, 1)).default(0.8),
    )
    .addOption(
      new Option('--split-by <what>', 'conversations by hash, or the newest for golden and validation')
        .choices(['conversation', 'time'])
        .default('conversation'),
    )
    .addOption(share('--validation <share>', 'share for validation', 0.1))
    .addOption(share('--golden <share>', 'share for the golden set, of the first build only: then it is frozen', 0.05))
    .addOption(whole('--max-per-label <n>', 'at most so many rows of one answer to train on'))
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string, options) => setExitCode(await (await import('./dataset-build.ts')).runDatasetBuild(name, options, io)));
}
