import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

type SetExitCode = (code: ExitCode) => void;

const seedOption = (what: string) => new Option('--seed <n>', what).argParser(numberIn(0, 2 ** 31 - 1, { integer: true })).default(1);

/** `smallfirst label`. */
export function addLabel(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('label')
    .description('label recorded requests at the terminal, blind; every label is kept at once, and the next run goes on')
    .requiredOption('--task <name>', 'task of the config')
    .addOption(
      new Option('--sample <order>', 'which requests come first; only a uniform sample says how far a judge can be trusted')
        .choices(['uniform', 'disagreement', 'low-confidence'])
        .default('uniform'),
    )
    .addOption(
      new Option(
        '--next [n]',
        'the n requests (50) whose labels teach most: escalated, disagreed on, least sure of, unlike all labelled; for training only',
      )
        .argParser(numberIn(1, 10_000, { integer: true }))
        .preset(50)
        .conflicts('limit'),
    )
    .option('--name <name>', "under whose name labels are kept; default: the user's")
    .addOption(new Option('--limit <n>', 'at most n requests').argParser(numberIn(1, Number.POSITIVE_INFINITY, { integer: true })))
    .addOption(seedOption('seed of the order of requests and answers'))
    .option('--list', 'print the queue as one JSON document and ask nothing')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(
      new Option(
        '--json',
        'read labels from standard input, a line each: {"id", "a", "b"} scores, {"id", "label"}, or {"id", "skip": true}; print one JSON document',
      ).default(false),
    )
    .action(async (options) => setExitCode(await (await import('./label.ts')).runLabel(options, io)));
}

/** `smallfirst judge report`. */
export function addJudge(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('judge')
    .description('the judge of a text task')
    .command('report')
    .description('scores by model, agreement with people (κ), and with --pairwise how far the order of answers moves the judge')
    .requiredOption('--task <name>', 'task of the config')
    .addOption(new Option('--cut <score>', 'scores from here on pass').argParser(numberIn(0, 1)).default(0.5))
    .addOption(
      new Option('--pairwise <n>', 'have n recorded pairs compared in both orders, which costs two calls each').argParser(
        numberIn(1, 100_000, { integer: true }),
      ),
    )
    .addOption(
      new Option('--max-cost <usd>', 'what comparing may cost').argParser(numberIn(0, Number.POSITIVE_INFINITY, { open: true })).default(1),
    )
    .addOption(seedOption('which pairs are compared'))
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./judge.ts')).runJudgeReport(options, io)));
}
