import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst models history|promote|rollback|retire|prune`; what they do is loaded when they run. */
export function addModelVersions(models: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  for (const add of [addHistory, addPromote, addRollback, addRetire, addPrune]) add(models, io, setExitCode);
}

type SetExitCode = (code: ExitCode) => void;

/** `models` has some of the same options and takes them first, wherever they stand. */
function optionsOf<Options>(command: Command): Options {
  return command.optsWithGlobals() as Options;
}

function addHistory(models: Command, io: CommandIo, setExitCode: SetExitCode): void {
  models
    .command('history [name]')
    .description(
      'every version of the models below the ceilings: lineage, golden set, certificate, stage; of one task or model where named',
    )
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string | undefined, _options, command: Command) =>
      setExitCode(await (await import('./models-history.ts')).runModelsHistory(name, optionsOf(command), io)),
    );
}

function addPromote(models: Command, io: CommandIo, setExitCode: SetExitCode): void {
  models
    .command('promote <model>')
    .description('take a version through the gate: golden set, certificate on fresh pairs, cost, latency; --write lets the canary begin')
    .requiredOption('--task <name>', 'task of the config that has the version on its ladder')
    .option('--write', 'put its certificate into smallfirst.lock, when everything passed')
    .option('--trained-on <file>', 'JSON Lines {"id"?, "text"}: the rows it was trained on; they and their near-duplicates are no evidence')
    .option('--cutoff <time>', 'newest of what it was trained on, where that is before the training; needs --trained-on')
    .option('--look', 'look at the evidence now instead of waiting for the next size: spends the next share of the error')
    .addOption(
      new Option('--max-p95-latency-ratio <x>', "the 95th percentile of latency may be at most x times the ceiling's")
        .argParser(numberIn(0, Number.POSITIVE_INFINITY, { open: true }))
        .default(1.5),
    )
    .addOption(new Option('--max-cost <usd>', 'most that asking the golden set may cost').argParser(numberIn(0, Number.POSITIVE_INFINITY)))
    .addOption(new Option('--concurrency <n>', 'calls in flight').argParser(numberIn(1, 1000, { integer: true })).default(8))
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (model: string, _options, command: Command) =>
      setExitCode(await (await import('./models-promote.ts')).runModelsPromote(model, optionsOf(command), io)),
    );
}

function addRollback(models: Command, io: CommandIo, setExitCode: SetExitCode): void {
  models
    .command('rollback')
    .description(
      'take a task from the version that has it: the one before answers again where its certificate still holds, else the ceiling',
    )
    .requiredOption('--task <name>', 'task of the config')
    .option('--to <model>', 'the version to return to')
    .option('--reason <text>', 'why, for the record')
    .option('--write', 'do it')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (_options, command: Command) =>
      setExitCode(await (await import('./models-rollback.ts')).runModelsRollback(optionsOf(command), io)),
    );
}

function addRetire(models: Command, io: CommandIo, setExitCode: SetExitCode): void {
  models
    .command('retire [names...]')
    .description('versions that may go: idle, superseded twice, void, turned off; exit 1 while there are any')
    .option('--task <name>', 'only this task')
    .option('--write', 'retire them: no gate lets them in again')
    .option('--delete', 'also delete the folders of retired students')
    .addOption(
      new Option('--idle-days <n>', 'a candidate that nobody asked for so long is idle')
        .argParser(numberIn(1, 3_650, { integer: true }))
        .default(30),
    )
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (names: string[], _options, command: Command) =>
      setExitCode(await (await import('./models-retire.ts')).runModelsRetire(names, optionsOf(command), io)),
    );
}

function addPrune(models: Command, io: CommandIo, setExitCode: SetExitCode): void {
  models
    .command('prune <task>')
    .description("texts that stand in all of a task's recorded prompts, and what a model that was trained without them would save")
    .option('--out <file>', 'freeze them as a list, for a training and for `prune:` of the model that comes of it')
    .option('--rows <file>', 'rows of a training, as JSON Lines {"messages": [{"role", "content"}, …]}')
    .option('--rows-out <file>', 'write those rows without the parts')
    .addOption(new Option('--share <share>', 'share of the prompts that a text must stand in').argParser(numberIn(0.5, 1)).default(0.99))
    .addOption(new Option('--days <n>', 'how far to look back').argParser(numberIn(1, 3_650, { integer: true })).default(30))
    .addOption(
      new Option('--limit <n>', 'prompts that are read, the newest').argParser(numberIn(20, 100_000, { integer: true })).default(1_000),
    )
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (task: string, _options, command: Command) =>
      setExitCode(await (await import('./models-prune.ts')).runModelsPrune(task, optionsOf(command), io)),
    );
}
