import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';
import { parseMember } from './run-request.ts';

/** `smallfirst batch`; what it does is loaded when it runs. */
export function addBatch(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('batch')
    .description(
      'run a pipeline over a file of any length, with an estimate first and exact resume; exit 1 where it ended before its last row',
    )
    .argument('<pipeline>', 'its name')
    .requiredOption('--input <path>', 'JSON Lines, CSV, TSV or Parquet with a "text" in each row, also .gz; or a folder, each file a row')
    .requiredOption('--output <file>', 'JSON Lines: one row per input row')
    .option('--errors <file>', 'rows that could not be answered; default: the output’s name with .errors.jsonl')
    .option('--resume', 'go on where an earlier run was broken off; begins anew where there was none', false)
    .option('--ordered', 'write rows in the order of the input', false)
    .addOption(new Option('--max-cost <usd>', 'stop before more than this is spent').argParser(numberIn(0, Number.POSITIVE_INFINITY)))
    .addOption(
      new Option('--concurrency <n>', 'most calls under way for one provider key')
        .argParser(numberIn(1, 2_000, { integer: true }))
        .default(100),
    )
    .addOption(
      new Option('--request <key=value>', 'says something about every request, as customerFacing=true').argParser(parseMember).default({}),
    )
    .addOption(
      new Option('--mode <mode>', 'live: ask now; batch: through the providers’ batch APIs, at half the price and within a day')
        .choices(['live', 'batch'])
        .default('live'),
    )
    .addOption(
      new Option('--batch-size <n>', 'with --mode batch: most requests of one batch')
        .argParser(numberIn(1, 100_000, { integer: true }))
        .default(10_000),
    )
    .addOption(
      new Option('--poll <seconds>', 'with --mode batch: time between two looks at a batch').argParser(numberIn(0.01, 3_600)).default(30),
    )
    .option('--cancel', 'with --mode batch: call off the batches of an unfinished run; what they have answered is kept', false)
    .option('--dry-run', 'check the input, estimate the cost and ask nothing', false)
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
This runs in one process. To share a file among any number of machines, name a PostgreSQL under "store:" in the config, start
\`smallfirst worker --redis redis://HOST:6379\` on each of them, and hand the file over:
  smallfirst jobs submit PIPELINE --input FILE --output FILE`,
    )
    .action(async (pipeline, options) => setExitCode(await (await import('./batch.ts')).runBatchCommand(pipeline, options, io)));
}
