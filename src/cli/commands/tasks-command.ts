import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst tasks` and `smallfirst tasks name`; what they do is loaded when they run. */
export function addTasks(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const tasks = program
    .command('tasks')
    .description('what the recorded traffic consists of: named tasks, and prompt templates that could be one, with volume and cost')
    .option('--config <file>', 'configuration file; smallfirst.yaml where there is one')
    .addOption(new Option('--days <n>', 'how far to look back').argParser(numberIn(1, 3_650, { integer: true })).default(30))
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./tasks.ts')).runTasks(options, io)));
  tasks
    .command('name')
    .description('keep a name for a template, for `smallfirst tasks` and `smallfirst audit`')
    .argument('<hash>', 'id or fingerprint that they show, or its first 8 digits or more')
    .argument('<name>', 'letters, digits and . _ : / -')
    .addOption(dataOption())
    .action(async (hash, name, _, command) =>
      setExitCode(await (await import('./tasks-name.ts')).runTasksName({ hash, name, ...command.optsWithGlobals() }, io)),
    );
}
