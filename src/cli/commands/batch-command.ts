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
    .option('--dry-run', 'check the input, estimate the cost and ask nothing', false)
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (pipeline, options) => setExitCode(await (await import('./batch.ts')).runBatchCommand(pipeline, options, io)));
}
