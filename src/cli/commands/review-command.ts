import type { Command } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption } from '../options.ts';

/** `smallfirst review`; what it does is loaded when it runs. */
export function addReview(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('review')
    .description('what becomes of every certificate, as a diff of smallfirst.lock; exit 1 where something needs a person')
    .option('--task <name>', 'only this task')
    .option('--write', 'approve: write the lock file')
    .option('--no-look', 'certify nothing anew: report only')
    .option('--html <file>', 'also write a report with curves, as one HTML file')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./review.ts')).runReview(options, io)));
}
