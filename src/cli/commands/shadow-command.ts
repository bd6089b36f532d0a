import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst shadow` with its commands; what they do is loaded when they run. */
export function addShadow(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const shadow = program
    .command('shadow')
    .description('pairs from traffic: what asking candidates in the background brings and costs, and how far the evidence is');
  const withOptions = (command: Command): Command =>
    command
      .addOption(new Option('--days <n>', 'how far back traffic is averaged').argParser(numberIn(1, 90, { integer: true })).default(7))
      .addOption(configOption())
      .addOption(dataOption())
      .addOption(jsonOption());
  withOptions(
    shadow
      .command('estimate')
      .description('before it starts: pairs and dollars a day, days to the next look and to a likely certificate; asks no model')
      .addOption(new Option('--share <share>', "instead of each task's own share").argParser(numberIn(0, 1, { open: false }))),
  ).action(async (options) => setExitCode(await (await import('./shadow.ts')).runShadowEstimate(options, io)));
  withOptions(
    shadow.command('status').description('pairs by use, what was left out and why, looks so far and the next one; looks at nothing itself'),
  ).action(async (options) => setExitCode(await (await import('./shadow.ts')).runShadowStatus(options, io)));
}
