import { resolve } from 'node:path';
import type { App } from '../../app.ts';
import { type Config, type ModelConfig, suggestion, type TaskConfig } from '../../config/index.ts';
import { type Message, type NanoUsd, nanoUsd, SmallfirstError, systemClock, textOf, toUsd, usage } from '../../core/index.ts';
import { type Comparison, type EvalDeps, type EvalReport, evaluate, readSet } from '../../eval/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import type { CommandIo } from '../io.ts';
import { EvalProgressLine, evalDeps } from './eval.ts';

/** A task with its golden set: cases whose answers must not get worse. */
export interface GoldenTask {
  readonly task: TaskConfig;
  /** Absolute path of the set. */
  readonly set: string;
}

/** Two models on one golden set: one that is trusted, and one that may have got worse. */
export interface GoldenPair {
  readonly golden: GoldenTask;
  readonly trusted: ModelConfig;
  readonly suspect: ModelConfig;
}

/** What a golden set says about a model beside the trusted one. */
export interface GoldenVerdict {
  readonly task: string;
  readonly n: number;
  /** The certificate's own test of a swap at the task's floor; a golden set is seldom large enough to pass. */
  readonly verdict: Comparison['verdict'];
  readonly because: string;
  /** `regression` when the loss is surely none of chance (5 %), or the floor is surely missed. */
  readonly alarm: 'regression' | 'none';
  readonly trustedQuality: number | null;
  readonly quality: number | null;
  readonly difference: number | null;
  readonly interval: Comparison['interval'];
  readonly mcnemarP: number | null;
  readonly lost: number;
  readonly gained: number;
  readonly retained: number | null;
  readonly retainedLowerBound: number | null;
  /** What answers are measured against. */
  readonly reference: EvalReport['reference'];
  readonly run: string;
  readonly stopped: EvalReport['stopped'];
  readonly spentUsd: number;
  /** Answers of the trusted model that were there from before. */
  readonly found: number;
  readonly disagreements: Comparison['disagreements'];
}

/** How the golden set is run. */
export interface GoldenRun {
  readonly limit: number | null;
  readonly concurrency: number;
  readonly maxCost: NanoUsd | null;
}

const ALARM = 0.05;

/** The config with further models, and without fallbacks: they would answer in the place of what is to be measured. */
export function measurable(config: Config, ...further: readonly ModelConfig[]): Config {
  const models = [...config.models.values(), ...further];
  return { ...config, models: new Map(models.map((model) => [model.name, { ...model, upstream: { ...model.upstream, fallbacks: [] } }])) };
}

/** Tasks with the model on their ladder and a golden set; or the named one, with `--set` in place of its own. */
export function goldenTasks(
  config: Config,
  model: string,
  options: { readonly task?: string | undefined; readonly set?: string | undefined },
  io: CommandIo,
): readonly [GoldenTask, ...GoldenTask[]] {
  if (options.task !== undefined && !config.tasks.has(options.task)) {
    throw new SmallfirstError(
      'TASK_NOT_FOUND',
      `${config.file} has no task "${options.task}".${suggestion(options.task, [...config.tasks.keys()])}`,
    );
  }
  if (options.set !== undefined && options.task === undefined)
    throw new SmallfirstError('USAGE', '--set needs --task: it says whose set it is.');
  const tasks = [...config.tasks.values()].filter(({ name, ladder }) =>
    options.task === undefined ? ladder.includes(model) : name === options.task,
  );
  const [first, ...rest] = tasks.flatMap((task) => {
    const set = options.set === undefined ? task.golden : resolve(io.cwd, options.set);
    return set === null ? [] : [{ task, set }];
  });
  if (first !== undefined) return [first, ...rest];
  const which = options.task === undefined ? `No task that has "${model}" on its ladder` : `The task "${options.task}"`;
  throw new SmallfirstError('USAGE', `${which} has no golden set: name one as \`golden:\` of the task, or with --task and --set.`);
}

/** About what it costs, in US dollars, to ask models whole sets; null where one has no price. Answers on record cost nothing again. */
export async function estimateGoldens(
  app: Pick<App, 'prices' | 'store'>,
  asked: readonly { readonly golden: GoldenTask; readonly models: readonly ModelConfig[] }[],
  limit: number | null,
): Promise<number | null> {
  let sum = 0;
  for (const { golden, models } of asked) {
    const cost = await estimateGolden(app, golden, models, limit);
    if (cost === null) return null;
    sum += toUsd(cost);
  }
  return sum;
}

async function estimateGolden(
  app: Pick<App, 'prices' | 'store'>,
  { task, set }: GoldenTask,
  models: readonly ModelConfig[],
  limit: number | null,
): Promise<NanoUsd | null> {
  const count = await loadTokenizer();
  const asked = count(`${task.prompt.system ?? ''}\n${task.prompt.user}`);
  let items = 0;
  let input = 0;
  for await (const item of readSet(set, task.output, limit)) {
    items += 1;
    input += asked + count(item.input ?? (item.messages ?? []).map((message: Message) => textOf(message)).join('\n'));
  }
  let total = 0;
  for (const model of models) {
    const used = usage({ freshInput: input, output: items * (await typicalOutput(app, task, model)) });
    const priced = app.prices.price({ provider: model.provider, model: model.model }, used, systemClock.now());
    if (priced === null) return null;
    total += priced.cost;
  }
  return nanoUsd(toUsd(total as NanoUsd));
}

/** Tokens of an answer: the mean of recent ones of the task, else what an answer of its kind usually takes. */
async function typicalOutput({ store }: Pick<App, 'store'>, task: TaskConfig, model: ModelConfig): Promise<number> {
  const calls = await store.calls.list({ task: task.name, model: model.name }, { limit: 200 });
  const sizes = calls.map((call) => call.usage.output).filter((tokens) => tokens > 0);
  if (sizes.length > 0) return Math.ceil(sizes.reduce((sum, tokens) => sum + tokens, 0) / sizes.length);
  return { label: 8, json: 200, text: 400 }[task.output.kind];
}

/** What is left of a cap after some runs. */
export function capLeft(maxCost: number | undefined, verdicts: readonly GoldenVerdict[]): NanoUsd | null {
  if (maxCost === undefined) return null;
  return nanoUsd(
    Math.max(
      0,
      verdicts.reduce((left, { spentUsd }) => left - spentUsd, maxCost),
    ),
  );
}

/** Runs a golden set through both models; what the trusted one answered before is not asked again. */
export async function runGolden(
  { golden, trusted, suspect }: GoldenPair,
  run: GoldenRun,
  deps: { readonly app: App; readonly io: CommandIo; readonly client: EvalDeps['client'] },
): Promise<GoldenVerdict> {
  const progress = new EvalProgressLine(`golden set of ${golden.task.name}`, deps.io);
  try {
    const { report } = await evaluate(
      {
        task: { ...golden.task, ladder: [suspect.name, trusted.name] },
        candidates: [suspect],
        ceiling: trusted,
        set: golden.set,
        limit: run.limit,
        concurrency: run.concurrency,
        repeats: 1,
        maxCost: run.maxCost,
      },
      { ...evalDeps(deps.app, deps.io, (at) => progress.advance(at)), client: deps.client },
    );
    return verdictOf(golden.task.name, report);
  } finally {
    progress.end();
  }
}

function verdictOf(task: string, report: EvalReport): GoldenVerdict {
  const [comparison] = report.comparisons;
  if (comparison === undefined) throw new SmallfirstError('INTERNAL', 'an eval of two models compared none');
  const { n, verdict, because, difference, interval, mcnemarP, lost, gained, retained, retainedLowerBound, disagreements } = comparison;
  const qualityOf = (role: 'candidate' | 'ceiling') => report.models.find((model) => model.role === role)?.quality ?? null;
  return {
    task,
    n,
    verdict,
    because,
    alarm: verdict === 'FAIL' || isWorse(comparison) ? 'regression' : 'none',
    trustedQuality: qualityOf('ceiling'),
    quality: qualityOf('candidate'),
    difference,
    interval,
    mcnemarP,
    lost,
    gained,
    retained,
    retainedLowerBound,
    reference: report.reference,
    run: report.run,
    stopped: report.stopped,
    spentUsd: report.spentUsd,
    found: report.cells.found,
    disagreements,
  };
}

/** Exact McNemar where answers are right or wrong, the paired interval where they are graded. */
function isWorse({ difference, interval, mcnemarP }: Comparison): boolean {
  if (difference === null || difference >= 0) return false;
  return mcnemarP === null ? interval !== null && interval.high < 0 : mcnemarP < ALARM;
}
