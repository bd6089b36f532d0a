import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { jsonOption, numberIn } from '../options.ts';

const MANY = Number.POSITIVE_INFINITY;

/** `smallfirst breakeven`: hosted small, hosted open or hosts of one's own; what it does is loaded when it runs. */
export function addBreakeven(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const whole = (low: number, high = MANY) => numberIn(low, high, { integer: true });
  program
    .command('breakeven')
    .description(
      'what the same calls cost with hosted small models, hosted open ones and hosts of your own, and from which volume; asks no model',
    )
    .addOption(new Option('--volume <n>', 'calls a month').argParser(whole(1, 1e10)).makeOptionMandatory())
    .addOption(
      new Option('--input-tokens <n>', 'tokens of one prompt, cached ones included').argParser(whole(0, 1e8)).makeOptionMandatory(),
    )
    .addOption(new Option('--output-tokens <n>', 'tokens of one answer').argParser(whole(0, 1e8)).makeOptionMandatory())
    .addOption(new Option('--cached-tokens <n>', 'the part of the prompt that is read from a cache').argParser(whole(0, 1e8)).default(0))
    .option('--baseline <model>', 'what is paid now: provider/model, a bare name, or a model of --config', 'anthropic/claude-opus-5')
    .option('--gpu <name>', 'only this GPU of the list; default: every one with a benchmark')
    .option('--gpus <file>', 'your own $/hour and tokens/s (YAML or JSON); its rows win over the bundled ones')
    .option('--prices <file>', 'your own prices, as `prices:` in the config takes them')
    .option('--config <file>', 'take model names, prices and the hosts that --measure may ask from this config')
    .addOption(
      new Option('--utilisation <share>', 'busy share of its hours that a host is planned for').argParser(numberIn(0.001, 1)).default(0.5),
    )
    .addOption(new Option('--spare-hosts <n>', 'hosts beyond those that the load needs: 1 is N+1').argParser(whole(0, 1000)).default(1))
    .addOption(
      new Option('--ops-hours <n>', 'hours of people a month that hosts of your own take').argParser(numberIn(0, 10_000)).default(10),
    )
    .addOption(new Option('--ops-usd <usd>', 'what one of those hours costs').argParser(numberIn(0, 10_000)).default(75))
    .addOption(new Option('--other-usd <usd>', 'storage, egress and others, dollars a month').argParser(numberIn(0, 1e9)).default(0))
    .addOption(
      new Option('--peak <x>', 'calls of the busiest hour over those of the average one').argParser(numberIn(1, 1000)).default(1.5),
    )
    .addOption(new Option('--tune-usd <usd>', 'add a fine-tuned open model: what it costs once').argParser(numberIn(0, 1e9)))
    .addOption(new Option('--endpoint-usd <usd>', 'its dedicated endpoint, dollars a month').argParser(numberIn(0, 1e9)).default(0))
    .addOption(new Option('--endpoint-tasks <n>', 'tasks that share the endpoint').argParser(whole(1, 10_000)).default(1))
    .addOption(new Option('--tune-months <n>', 'months in which it must come back').argParser(whole(1, 120)).default(12))
    .option('--measure <url>', 'measure this OpenAI-compatible endpoint (loopback, or a host of --config) and use its tokens/s for --gpu')
    .option('--measure-model <name>', 'model to measure; default: the first that the endpoint lists')
    .option('--measure-key-env <name>', 'environment variable that holds the key of the endpoint')
    .addOption(
      new Option('--measure-concurrency <n>', 'measure at 1, 2, 4 … up to n requests in flight').argParser(whole(1, 256)).default(8),
    )
    .addOption(new Option('--measure-requests <n>', 'most requests in all').argParser(whole(3, 10_000)).default(64))
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./breakeven.ts')).runBreakeven(options, io)));
}
