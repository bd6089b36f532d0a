import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { dataOption, jsonOption, numberIn } from '../options.ts';

/** `smallfirst bill` with its views; what they do is loaded when they run. */
export function addBill(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('bill')
    .description('what was spent, from the recorded calls: per task, step, model, key, team or day; and compared, forecast, exported')
    .option('--from <date>', 'first day, as 2026-10-01 (UTC); default: the first of this month')
    .option('--to <date>', 'day after the last; default: now')
    .option('--by <dimensions>', 'comma-separated: task, step, pipeline, model, provider, tier, purpose, outcome, key, team, day, hour')
    .option('--config <file>', 'configuration file, for its `store:`; smallfirst.yaml where there is one')
    .addOption(
      new Option(
        '--compare <months...>',
        'two months, as 2026-09 2026-10: what changed, by volume or by cost of a request, and prices that did',
      ).conflicts(['from', 'to', 'forecast', 'focus', 'before']),
    )
    .addOption(
      new Option('--before', "beside it what each task's ceiling would have taken for the same answers, at each day's prices").conflicts([
        'forecast',
        'focus',
      ]),
    )
    .addOption(
      new Option('--forecast [months]', 'the end of this month, and of further ones, by day, with a 90 % interval')
        .argParser(numberIn(1, 12, { integer: true }))
        .preset('1')
        .conflicts(['from', 'to', 'by', 'focus']),
    )
    .addOption(
      new Option('--budget <usd>', 'with --forecast: the chance of more than this a month').argParser(
        numberIn(0, Number.POSITIVE_INFINITY),
      ),
    )
    .option('--focus <file>', 'write the span as FOCUS 1.2 (FinOps Open Cost and Usage Specification), CSV')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./bill-views.ts')).runBillView(options, io)));
}
