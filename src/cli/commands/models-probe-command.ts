import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst models probe`; what it does is loaded when it runs. */
export function addModelsProbe(models: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  models
    .command('probe [names...]')
    .description(
      'ask live models a few tiny requests: what really comes beside what is declared; exit 1 where a declared capability is missing',
    )
    .addOption(new Option('--max-cost <usd>', 'stop before spending more').argParser(numberIn(0, Number.POSITIVE_INFINITY)).default(0.25))
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    // `models` has some of the same options and takes them first, wherever they stand.
    .action(async (names: string[], _options, command: Command) =>
      setExitCode(await (await import('./models-probe.ts')).runModelsProbe(names, command.optsWithGlobals(), io)),
    );
}
