import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, jsonOption, numberIn } from '../options.ts';
import { parseMember } from './run-request.ts';

const whole = (low: number, high: number) => numberIn(low, high, { integer: true });
const cellRowsOption = () => new Option('--cell-rows <n>', 'rows that a worker takes together').argParser(whole(1, 5_000)).default(50);
const maxCostOption = (what: string) => new Option('--max-cost <usd>', what).argParser(numberIn(0, Number.POSITIVE_INFINITY));
const errorsOption = () => new Option('--errors <file>', 'rows that failed; default: the output’s name with .errors.jsonl');

/** `smallfirst worker` and `smallfirst jobs`; what they do is loaded when they run. */
export function addWork(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('worker')
    .description('work on the rows of submitted jobs, on any number of machines; state is in PostgreSQL (`store:` of the config)')
    .addOption(new Option('--redis <url>', 'Redis or Valkey, as redis://host:6379').env('REDIS_URL').makeOptionMandatory())
    .option('--data <dir>', 'directory of this worker alone; default: the first free one under .smallfirst/workers')
    .addOption(new Option('--cells <n>', 'cells under way together').argParser(whole(1, 200)).default(4))
    .addOption(
      new Option('--concurrency <n>', 'most calls of this worker under way for one provider key').argParser(whole(1, 2_000)).default(100),
    )
    .addOption(
      new Option('--stalled-after <seconds>', 'a worker that is silent for so long loses its cells to others')
        .argParser(numberIn(0.5, 3_600))
        .default(30),
    )
    .addOption(
      new Option('--queue-cells <n>', 'cells that may wait in Redis; the others wait in PostgreSQL')
        .argParser(whole(1, 10_000))
        .default(200),
    )
    .option('--until-done', 'end when no job of these pipelines has anything left to do', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./work-worker.ts')).runWorker(options, io)));
  const jobs = program.command('jobs').description('jobs that workers share: submit, list, show, pause, resume, retry, cancel, collect');
  jobs
    .command('submit')
    .description('hand a file over to the workers; with --output it waits for them and collects; exit 1 where rows are left or failed')
    .argument('<pipeline>', 'its name')
    .requiredOption('--input <path>', 'JSON Lines, CSV, TSV or Parquet with a "text" in each row, also .gz; or a folder, each file a row')
    .option('--output <file>', 'wait until it is done, and write one row per input row, in the order of the input')
    .addOption(errorsOption())
    .option('--resume <job>', 'go on with a submission that was broken off')
    .addOption(cellRowsOption())
    .addOption(
      new Option('--ahead <n>', 'cells that may be left to do; more of the input waits').argParser(whole(2, 100_000)).default(1_000),
    )
    .addOption(new Option('--concurrency <n>', 'most calls of the job under way, over all workers').argParser(whole(1, 10_000)))
    .addOption(maxCostOption('pause before more than this is spent, over all workers'))
    .addOption(
      new Option('--request <key=value>', 'says something about every request, as customerFacing=true').argParser(parseMember).default({}),
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (pipeline, options) => setExitCode(await (await import('./work-submit.ts')).runSubmit(pipeline, options, io)));
  const add = (name: 'list' | 'show' | 'pause' | 'resume' | 'retry' | 'cancel', description: string): Command => {
    const command = jobs.command(name).description(description).addOption(configOption()).addOption(jsonOption());
    if (name !== 'list') command.argument('<job>', 'its id, or the end or the beginning of it');
    return command;
  };
  const orders = () => import('./work-jobs.ts');
  add('list', 'jobs, newest first')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(whole(1, 1_000)).default(20))
    .action(async (options) => setExitCode(await (await orders()).runList(options, io)));
  add('show', 'how a job stands').action(async (job, options) => setExitCode(await (await orders()).runShow(job, options, io)));
  add('pause', 'hand out no more of its cells; rows under way end').action(async (job, options) =>
    setExitCode(await (await orders()).runOrder('pause', job, options, io)),
  );
  add('resume', 'go on with a paused job')
    .addOption(maxCostOption('another cap from now on'))
    .action(async (job, options) => setExitCode(await (await orders()).runOrder('resume', job, options, io)));
  add('retry', 'ask its failed rows again')
    .addOption(cellRowsOption())
    .action(async (job, options) => setExitCode(await (await orders()).runOrder('retry', job, options, io)));
  add('cancel', 'give up what is left of a job; what is done stays').action(async (job, options) =>
    setExitCode(await (await orders()).runOrder('cancel', job, options, io)),
  );
  jobs
    .command('collect')
    .description('write what a job has done, in the order of its input; exit 1 where rows are left or failed')
    .argument('<job>', 'its id, or the end or the beginning of it')
    .requiredOption('--output <file>', 'JSON Lines: one row per answered row')
    .addOption(errorsOption())
    .option('--wait', 'wait until it is done', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (job, options) => setExitCode(await (await import('./work-collect.ts')).runCollect(job, options, io)));
}
