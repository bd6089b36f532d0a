import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

const daysOption = () =>
  new Option('--days <n>', 'how far back answers are looked at').argParser(numberIn(1, 3_650, { integer: true })).default(30);

/** Options of the commands that ask a golden set. */
function withGoldenOptions(command: Command): Command {
  return command
    .option('--task <name>', "only this task's golden set")
    .option('--set <file>', "this set instead of the task's own, as `eval` reads it; needs --task")
    .addOption(new Option('--limit <n>', 'only the first n cases').argParser(numberIn(1, Number.POSITIVE_INFINITY, { integer: true })))
    .addOption(new Option('--concurrency <n>', 'calls in flight').argParser(numberIn(1, 1000, { integer: true })).default(8))
    .addOption(new Option('--max-cost <usd>', 'stop before spending more').argParser(numberIn(0, Number.POSITIVE_INFINITY)))
    .option('--estimate', 'say what it would cost, and stop')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption());
}

/** `smallfirst pins` with its commands; what they do is loaded when they run. */
export function addPins(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const pins = program.command('pins').description('which model stands behind each name, whether it still does, and when it is turned off');
  pins
    .command('check')
    .description('what answers beside what was pinned, names that move, shutdowns ahead; exit 1 where something needs a person')
    .addOption(daysOption())
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./pins.ts')).runPinsCheck(options, io)));
  pins
    .command('update')
    .description('what smallfirst.lock would pin now; exit 1 while changes wait to be written')
    .option('--write', 'write it; certificates on a model that is another one now are taken out')
    .addOption(daysOption())
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./pins.ts')).runPinsUpdate(options, io)));
  withGoldenOptions(
    pins
      .command('migrate <old> <new>')
      .description('the golden sets through a model and its replacement; exit 1 where the replacement is worse')
      .option('--write', 'pin the replacement and void the certificates on the old model, unless a set alarms'),
  ).action(async (old: string, replacement: string, options) =>
    setExitCode(await (await import('./pins-migrate.ts')).runPinsMigrate([old, replacement], options, io)),
  );
  withGoldenOptions(
    pins
      .command('drift')
      .description('the golden sets asked again of models that should not have changed; exit 1 where one answers worse than before')
      .option('--model <name>', "only this model, instead of those of the task's certificate"),
  ).action(async (options) => setExitCode(await (await import('./pins-drift.ts')).runPinsDrift(options, io)));
}
