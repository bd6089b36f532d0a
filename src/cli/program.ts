import { Command, Option } from 'commander';
import { version } from './assets.ts';
import { addAudit } from './commands/audit-command.ts';
import { addBatch } from './commands/batch-command.ts';
import { addBill } from './commands/bill-command.ts';
import { addBreakeven } from './commands/breakeven-command.ts';
import { addDataset } from './commands/dataset-command.ts';
import { addJudge, addLabel } from './commands/judge-command.ts';
import { addModelsProbe } from './commands/models-probe-command.ts';
import { addModelVersions } from './commands/models-versions-command.ts';
import { addPins } from './commands/pins-command.ts';
import { addReplay } from './commands/replay-command.ts';
import { addReview } from './commands/review-command.ts';
import { addPipelines } from './commands/run-command.ts';
import { addShadow } from './commands/shadow-command.ts';
import { addStudent } from './commands/student-command.ts';
import { addTasks } from './commands/tasks-command.ts';
import { addTrain } from './commands/train-command.ts';
import { addWork } from './commands/work-command.ts';
import type { CommandIo, ExitCode } from './io.ts';
import { configOption, dataOption, jsonOption, list, numberIn } from './options.ts';

type SetExitCode = (code: ExitCode) => void;

/** The command tree. Only names, options and help live here; what a command does is loaded when it runs, so `--help` stays fast. */
export function buildProgram(io: CommandIo, setExitCode: SetExitCode): Command {
  const program = new Command('smallfirst')
    .description('Push every LLM step to the smallest model that provably still passes; keep the frontier model for the last mile.')
    .version(version(), '-V, --version')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.note(text.trimEnd()) })
    .showHelpAfterError('(add --help for more)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the floor was missed, 2 usage or input error.\nStart with `smallfirst demo`: no key, no server, about a minute.',
    );
  for (const add of [
    addDemo,
    addServe,
    addEval,
    addCertify,
    addBill,
    addBreakeven,
    addTasks,
    addAudit,
    addModels,
    addStudent,
    addDataset,
    addTrain,
    addPipelines,
    addBatch,
    addWork,
    addTriage,
    addLabel,
    addJudge,
    addPins,
    addReview,
    addReplay,
    addShadow,
  ])
    add(program, io, setExitCode);
  inheritSettings(program);
  return program;
}

/** Subcommands report usage errors the same way as the root. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritSettings(child);
  }
}

function addDemo(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('demo')
    .description('real recorded answers, certified and routed: certificate and bill before and after, in about a minute')
    .addOption(
      new Option('--seed <n>', 'seed of the split into FIT and CERTIFY').argParser(numberIn(0, 2 ** 31 - 1, { integer: true })).default(7),
    )
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./demo/index.ts')).runDemo(options, io)));
}

function addServe(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('serve')
    .description('a gateway for OpenAI and Anthropic clients: change one base URL, nothing else changes, every call is recorded')
    .option('--config <file>', "configuration file; without one, both vendors' own services with the client's credentials")
    .option('--host <address>', 'where to listen; other machines are let in with client keys only', '127.0.0.1')
    .addOption(new Option('--port <n>', 'port; 0 takes one that is free').argParser(numberIn(0, 65_535, { integer: true })).default(4000))
    .addOption(dataOption())
    .action(async (options) => setExitCode(await (await import('./commands/serve.ts')).runServe(options, io)));
}

function addEval(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('eval')
    .description("run a set through a task's candidate models, side by side with the ceiling; finished cells are kept, so it resumes")
    .addOption(configOption())
    .requiredOption('--task <name>', 'task of the config')
    .requiredOption('--set <file>', 'JSON Lines: {"id"?, "text" | "messages", "expected"?, "cluster"?}')
    .option('--models <names>', "comma-separated models instead of the task's whole ladder", list)
    .option('--pairs <file>', 'write candidate/ceiling pairs, ready for `smallfirst certify`')
    .addOption(new Option('--limit <n>', 'only the first n items').argParser(numberIn(1, Number.POSITIVE_INFINITY, { integer: true })))
    .addOption(new Option('--concurrency <n>', 'calls in flight').argParser(numberIn(1, 1000, { integer: true })).default(8))
    .addOption(new Option('--repeats <n>', 'independent answers per item').argParser(numberIn(1, 100, { integer: true })).default(1))
    .addOption(new Option('--max-cost <usd>', 'stop before spending more').argParser(numberIn(0, Number.POSITIVE_INFINITY)))
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./commands/eval.ts')).runEval(options, io)));
}

function addCertify(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  program
    .command('certify')
    .description('decide from recorded pairs whether a small model may answer: swap, cascade, or the frontier stays')
    .option(
      '--pairs <file>',
      'JSON Lines: {"id", "small": {"quality", "confidence"? | "signals"?, "costUsd"?, "latencyMs"?}, "big": {"quality", …}, "cluster"?, "skip"?}',
    )
    .option(
      '--tiers [file]',
      'certify a whole ladder; rows: {"id", "models": {"<cheapest>": {"quality", "confidence"?, "costUsd"?, …}, …, "<ceiling>": {…}}, "cluster"?}',
    )
    .addOption(
      new Option(
        '--max-p95-latency-ratio <x>',
        "with --tiers: the 95th percentile of latency may be at most x times the ceiling's",
      ).argParser(numberIn(0, Number.POSITIVE_INFINITY, { open: true })),
    )
    .addOption(new Option('--floor <share>', "share of the frontier's quality to keep").argParser(numberIn(0.5, 1)).default(0.98))
    .addOption(new Option('--level <share>', 'confidence level of the promise').argParser(numberIn(0.5, 1, { open: true })).default(0.95))
    .addOption(new Option('--method <name>', 'how to weigh the evidence').choices(['score', 'evalue', 'clopper-pearson']).default('score'))
    .addOption(
      new Option('--look <k>', 'this is the k-th look at a growing sample: it spends its own share of the error').argParser(
        numberIn(1, 50, { integer: true }),
      ),
    )
    .option('--signal <name>', 'which of several signals is the confidence; choose it without looking at this file')
    .addOption(
      new Option('--seed <n>', 'accepted for scripts; nothing in certify is random').argParser(numberIn(0, 2 ** 31 - 1, { integer: true })),
    )
    .option('--write', 'put the certificate into smallfirst.lock beside the config; needs --task and --small')
    .option('--task <name>', 'the task that the pairs are about')
    .option('--small <model>', 'the model of its ladder that answered first')
    .addOption(configOption())
    .option('--data <dir>', 'keep the certificate in this store, too')
    .option('--calibrator <file>', 'JSON of the calibrator that the confidences went through; absent: they are the signal itself')
    .addOption(
      new Option('--gate <tokens>', 'the confidences are those of the first tokens: streamed texts go out when they are in').argParser(
        numberIn(1, 10_000, { integer: true }),
      ),
    )
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./commands/certify.ts')).runCertify(options, io)));
}

function addModels(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  const models = program
    .command('models')
    .description('models with their prices, the date and source of each price, and what has none')
    .option('--config <file>', 'list the models of this config')
    .option('--filter <text>', 'search the bundled price list')
    .option('--provider <name>', 'only this provider')
    .option('--at <date>', 'prices in force on this day, as 2026-10-01')
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./commands/models.ts')).runModels(options, io)));
  addModelsProbe(models, io, setExitCode);
  addModelVersions(models, io, setExitCode);
}

function addTriage(program: Command, io: CommandIo, setExitCode: SetExitCode): void {
  const triage = program
    .command('triage')
    .description('train and run a router that says, before any call, which requests need the big model');
  triage
    .command('train')
    .description('train from pairs, cross-validated; exit 1 when the router is refused')
    .requiredOption(
      '--pairs <file>',
      'JSON Lines: {"id", "text", "task"?, "category"?, "small": {"quality"}, "big": {"quality"}, "cluster"?}, as for `certify`',
    )
    .requiredOption('--out <dir>', 'where to write the router')
    .option('--task <name>', "only this task's rows; default: one router across all tasks")
    .addOption(new Option('--seed <n>', 'seed of folds and bootstrap').argParser(numberIn(0, 2 ** 31 - 1, { integer: true })).default(1))
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./commands/triage.ts')).runTriageTrain(options, io)));
  triage
    .command('predict')
    .description('predict gain and tier of requests')
    .requiredOption('--model <dir>', 'a trained router')
    .requiredOption('--data <file>', 'JSON Lines: {"id", "text", "task"?, "category"?}')
    .option('--rows <file>', 'write one {"id", "gain", "tier"} per input row, in order')
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./commands/triage.ts')).runTriagePredict(options, io)));
}
