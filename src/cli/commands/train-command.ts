import { type Command, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption, numberIn } from '../options.ts';

const whole = (flags: string, what: string, low = 1) =>
  new Option(flags, what).argParser(numberIn(low, Number.MAX_SAFE_INTEGER, { integer: true }));
const usd = (flags: string, what: string) => new Option(flags, what).argParser(numberIn(0, 1e6));

/** `smallfirst train` with its commands; what they do is loaded when they run. */
export function addTrain(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const train = program
    .command('train')
    .argument('[task]', 'task to train a model for')
    .description(
      "train the model that takes a task over: an embedded student for labels and fields, in seconds; a language model at a provider or on a machine of one's own for text",
    )
    .option('--data <path>', 'rows to train from, as JSON Lines; or the directory that keeps state', '.smallfirst')
    .option(
      '--dataset <name>',
      'a data set of `smallfirst dataset build`, as NAME or NAME@HASH; default: the one named as the task, else the record',
    )
    .option('--validation <file>', 'rows to watch training by; default: the validation split, else a tenth of the rows')
    .option('--out <dir>', 'where the student is written; default: students/TASK in the directory that keeps state')
    .addOption(
      new Option('--mode <name>', 'of a student: the quick one, or the larger one').choices(['default', 'quality']).default('default'),
    )
    .option('--provider <name>', 'who trains a language model: together, fireworks, mistral, openai, or local')
    .option('--base <model>', 'the base model, in the words of the provider')
    .addOption(
      new Option('--method <name>', 'sft: right answers; dpo: pairs of a better and a worse one; classifier: labels (Mistral)')
        .choices(['sft', 'dpo', 'classifier'])
        .default('sft'),
    );
  addHow(train);
  addMoney(train);
  addReach(train);
  train
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (task: string | undefined, options) => setExitCode(await (await import('./train.ts')).runTrain(task, options, io)));
  addJobs(train, io, setExitCode);
}

/** How a language model is trained. */
function addHow(train: Command): void {
  train
    .addOption(new Option('--epochs <n>', 'times that every row is learnt from').argParser(numberIn(0, 100, { open: true })).default(3))
    .addOption(new Option('--learning-rate <x>', "default: the provider's").argParser(numberIn(0, 10, { open: true })))
    .addOption(whole('--batch-size <n>', "default: the provider's"))
    .addOption(whole('--lora-rank <n>', 'rank of the adapter; default: 16 where the provider does not choose'))
    .option('--full', 'train every weight instead of an adapter')
    .addOption(new Option('--beta <x>', 'of dpo: how close it stays to the base model').argParser(numberIn(0, 10, { open: true })))
    .addOption(whole('--max-tokens <n>', 'longest row'))
    .addOption(whole('--seed <n>', 'seed of what is drawn', 0).default(1))
    .option('--tokenizer <path>', "folder or file that holds the base model's chat template, to record it")
    .option('--chat-template <file>', 'a Jinja template to train with, where the tokenizer has none')
    .addOption(new Option('--tool <name>', 'with --provider local: run it here with this').choices(['axolotl', 'trl', 'unsloth']));
}

/** What it may cost, and what it is worth. */
function addMoney(train: Command): void {
  train
    .option('--estimate', 'say what it would cost and when it has paid for itself, and stop')
    .option('--yes', 'do not ask before money is spent')
    .addOption(usd('--max-cost <usd>', 'never start a job that costs more, or whose price is not known'))
    .addOption(usd('--price <usd>', 'price of a million training tokens, where yours is another than the bundled one'))
    .addOption(usd('--endpoint-price <usd>', 'price of an hour of the endpoint that serves the trained model'))
    .addOption(usd('--call-cost <usd>', 'what a call of the task costs now; default: the mean of its recorded calls'))
    .addOption(usd('--call-cost-after <usd>', 'what a call of the trained model will cost').default(0))
    .addOption(whole('--calls-per-month <n>', 'traffic of the task; default: as recorded'));
}

/** How the provider is reached. */
function addReach(train: Command): void {
  train
    .option('--no-wait', 'return once the job is started; `train resume` goes on')
    .option('--url <base>', "the provider's API elsewhere: a proxy; needs --key-env")
    .option('--key-env <name>', 'environment variable that holds the key; default: the customary one of the provider')
    .option('--account <name>', 'account at Fireworks AI; default: FIREWORKS_ACCOUNT_ID');
}

function addJobs(train: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  const job = (name: string, what: string) =>
    train.command(`${name} <job>`).description(what).addOption(dataOption()).addOption(jsonOption());
  const jobs = () => import('./train-jobs.ts');
  // `train` has options of the same names and takes them first, wherever they stand.
  train
    .command('list')
    .description('fine-tuning jobs, newest first')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (_options, command: Command) => setExitCode(await (await jobs()).runTrainList(command.optsWithGlobals(), io)));
  job('show', 'all about a job: its estimate, states, model, lineage and chat template').action(
    async (id: string, _options, command: Command) => setExitCode(await (await jobs()).runTrainShow(id, command.optsWithGlobals(), io)),
  );
  job('poll', 'look once where a job is').action(async (id: string, _options, command: Command) =>
    setExitCode(await (await jobs()).runTrainPoll(id, command.optsWithGlobals(), io)),
  );
  job('resume', 'go on with a job from wherever it is, and wait for its end')
    .option('--yes', 'do not ask before money is spent')
    .addOption(usd('--max-cost <usd>', 'never start a job that costs more, or whose price is not known'))
    .option('--no-wait', 'return once it is started')
    .action(async (id: string, _options, command: Command) =>
      setExitCode(await (await jobs()).runTrainResume(id, command.optsWithGlobals(), io)),
    );
  job('cancel', 'call a job off').action(async (id: string, _options, command: Command) =>
    setExitCode(await (await jobs()).runTrainCancel(id, command.optsWithGlobals(), io)),
  );
  job('logs', "a job's log").action(async (id: string, _options, command: Command) =>
    setExitCode(await (await jobs()).runTrainLogs(id, command.optsWithGlobals(), io)),
  );
  job('check', 'compare the chat template of the training with that of the endpoint that serves the model; exit 1 where they differ')
    .addOption(new Option('--engine <name>', 'what serves it').choices(['llama-server', 'vllm', 'ollama', 'hosted']).makeOptionMandatory())
    .option('--endpoint <url>', 'origin of the server, as http://127.0.0.1:8080', 'http://127.0.0.1:8080')
    .option('--model <name>', "the model's name there; default: the trained model's")
    .option('--endpoint-key-env <name>', "environment variable that holds the endpoint's key")
    .action(async (id: string, _options, command: Command) =>
      setExitCode(await (await jobs()).runTrainCheck(id, command.optsWithGlobals(), io)),
    );
}
