import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption } from '../options.ts';
import { parseMember } from './run-request.ts';

/** `smallfirst run` and `smallfirst pipelines`; what they do is loaded when they run. */
export function addPipelines(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('run')
    .description('run a pipeline of the config on one request')
    .argument('<pipeline>', 'its name')
    .option('--input <text>', 'the text that it is about; - reads standard input')
    .option('--input-file <file>', 'a JSON object: {"text", …}')
    .addOption(
      new Option('--request <key=value>', 'says something about the request, as customerFacing=true').argParser(parseMember).default({}),
    )
    .option('--stream', 'print the answer as it is written, and the steps on standard error', false)
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (pipeline, options) => setExitCode(await (await import('./run.ts')).runRun(pipeline, options, io)));
  const pipelines = program.command('pipelines').description('the pipelines of the config');
  pipelines
    .command('show')
    .description('draw a pipeline: its steps, conditions and ladders')
    .argument('[pipeline]', 'its name; all of them when absent')
    .addOption(new Option('--format <format>', 'how to draw it').choices(['text', 'mermaid', 'svg']).default('text'))
    .option('--out <file>', 'write the drawing to a file')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (pipeline, options) => setExitCode(await (await import('./pipelines-show.ts')).runPipelinesShow(pipeline, options, io)));
}
