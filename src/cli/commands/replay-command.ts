import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption } from '../options.ts';
import { parseSince } from './replay-since.ts';

/** `smallfirst replay`; what it does is loaded when it runs. */
export function addReplay(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('replay')
    .description('what another policy would have done with recorded traffic, by the rule that answers live; exit 1 where it misses a floor')
    .requiredOption('--policy <file>', 'a lock file, or a config with the lock file beside it')
    .addOption(new Option('--since <span>', 'how far back: 30d, 12h or 2026-10-01').argParser(parseSince).default(parseSince('30d'), '30d'))
    .option('--task <name>', 'only this task')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./replay.ts')).runReplay(options, io)));
}
