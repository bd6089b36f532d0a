import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst audit`; what it does is loaded when it runs. */
export function addAudit(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('audit')
    .description(
      'what logs that you already have consist of: tasks by spend, what could move to a smaller model, tested or projected; offline',
    )
    .argument('<files...>', 'exports, logs or folders of them, .gz too; each is recognised by its first rows')
    .option('--format <name>', 'what all files are, instead of recognising them')
    .option('--invoice <file>', "the provider's own report of costs, JSON or CSV, to hold the sums against")
    .option('--assignments <file>', 'write one {"callId", "taskId"} per call as JSON Lines')
    .option('--html <file>', 'also write the report as one HTML file, ready to print')
    .option('--csv <file>', 'also write the tasks as CSV')
    .option('--write-config <file>', 'write a smallfirst.yaml with the dearest tasks; it must not be there yet')
    .addOption(new Option('--top <n>', 'tasks in that config').argParser(numberIn(1, 1000, { integer: true })).default(10))
    .option('--replay <model>', "ask this model of the config some of the log's own prompts and compare; needs --config and --max-cost")
    .addOption(
      new Option('--replay-calls <n>', 'prompts of each task to ask').argParser(numberIn(1, 10_000, { integer: true })).default(50),
    )
    .addOption(new Option('--max-cost <usd>', 'US dollars that the replay may cost').argParser(numberIn(0, 1_000_000)))
    .option('--config <file>', 'take prices of your own, and the model to replay on, from this config')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (files, options) => setExitCode(await (await import('./audit.ts')).runAudit(files, options, io)));
}
