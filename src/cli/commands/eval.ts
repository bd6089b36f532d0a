import { resolve } from 'node:path';
import { type App, openApp } from '../../app.ts';
import { type Config, loadConfig, type ModelConfig, suggestion, type TaskConfig } from '../../config/index.ts';
import { nanoUsd, type Pair, SmallfirstError, systemClock, toUsd } from '../../core/index.ts';
import { type EvalDeps, type EvalPlan, type EvalProgress, type EvalReport, evaluate } from '../../eval/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';
import { writeAtomically } from '../../student/index.ts';
import type { CommandIo, ExitCode, Progress } from '../io.ts';
import { counted } from '../table.ts';
import { openEvalJudge } from './eval-judge.ts';
import { renderEval } from './eval-report.ts';

export interface EvalCommandOptions {
  readonly config: string;
  readonly task: string;
  readonly set: string;
  /** Candidates instead of the whole ladder below its ceiling. */
  readonly models?: readonly string[];
  readonly data: string;
  /** Where to write candidate/ceiling pairs for `certify`; takes exactly one candidate. */
  readonly pairs?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly repeats?: number;
  /** US dollars that this run may spend. */
  readonly maxCost?: number;
  readonly json: boolean;
}

/**
 * `smallfirst eval`: a set through a task's candidates and its ceiling. Answers 0 when the candidates that were named with `--models`
 * all PASS, or, without names, when any candidate does; else 1, as when the run was stopped before its end. Throws SmallfirstError
 * for input that is wrong (exit 2), before anything is asked.
 */
export async function runEval(options: EvalCommandOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const plan = planOf(config, options, io);
  if (options.pairs !== undefined && plan.candidates.length !== 1) {
    throw new SmallfirstError(
      'USAGE',
      `--pairs takes one candidate beside the ceiling, and there are ${plan.candidates.length}; name it with --models.`,
    );
  }
  const app = await openApp(config, resolve(io.cwd, options.data), io.env);
  const progress = new EvalProgressLine(`eval ${plan.task.name}`, io);
  try {
    const judge = await openEvalJudge(app, plan.task);
    const deps = evalDeps(app, io, (at) => progress.advance(at));
    const { report, pairs } = await evaluate(plan, judge === null ? deps : { ...deps, judge });
    progress.end();
    const [candidate] = plan.candidates;
    if (options.pairs !== undefined && candidate) await writePairs(resolve(io.cwd, options.pairs), pairs(candidate.name), report, io);
    show(report, options.json, io);
    return exitCode(report, options.models !== undefined);
  } finally {
    progress.end();
    await app.close();
  }
}

/** What an eval needs, of an app at work. */
export function evalDeps(app: App, io: CommandIo, onProgress: EvalDeps['onProgress']): EvalDeps {
  return {
    store: app.store.evals,
    client: (model) => app.client(model),
    price: ({ provider, model }, usage, at) => app.prices.price({ provider, model }, usage, at)?.cost ?? null,
    loadTokenizer,
    clock: systemClock,
    signal: io.signal,
    onProgress,
  };
}

function planOf(config: Config, options: EvalCommandOptions, io: CommandIo): EvalPlan {
  const task = taskOf(config, options.task);
  const ceiling = task.ladder.at(-1) ?? '';
  const names = options.models ?? task.ladder;
  return {
    task,
    candidates: [...new Set(names)].filter((name) => name !== ceiling).map((name) => modelOf(config, name)),
    ceiling: modelOf(config, ceiling),
    set: resolve(io.cwd, options.set),
    limit: options.limit ?? null,
    concurrency: options.concurrency ?? 8,
    repeats: options.repeats ?? 1,
    // Pairs that are written will be certified: then this verdict is the first of several looks at them.
    look: options.pairs === undefined ? undefined : 1,
    maxCost: options.maxCost === undefined ? null : nanoUsd(options.maxCost),
  };
}

function taskOf(config: Config, name: string): TaskConfig {
  const task = config.tasks.get(name);
  if (task) return task;
  throw new SmallfirstError('TASK_NOT_FOUND', `${config.file} has no task "${name}".${suggestion(name, [...config.tasks.keys()])}`);
}

function modelOf(config: Config, name: string): ModelConfig {
  const model = config.models.get(name);
  if (model) return model;
  throw new SmallfirstError('MODEL_NOT_FOUND', `${config.file} has no model "${name}".${suggestion(name, [...config.models.keys()])}`);
}

/** Pairs as `smallfirst certify` reads them, written whole or not at all. */
async function writePairs(path: string, pairs: readonly Pair[], report: EvalReport, io: CommandIo): Promise<void> {
  if (report.stopped) {
    io.note(`The run was stopped, so ${path} is not written: half a set is no sample to certify.`);
    return;
  }
  const side = ({ quality, cost, latencyMs }: Pair['big']) => ({
    quality,
    ...(cost === undefined ? {} : { costUsd: toUsd(cost) }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
  });
  const row = ({ id, small, big, cluster }: Pair) => ({
    id,
    small: { ...side(small), ...(small.confidence === undefined ? {} : { confidence: small.confidence }) },
    big: side(big),
    ...(cluster === undefined ? {} : { cluster }),
    ...(report.judge === null ? {} : { by: `judge:${report.judge.model}` }),
  });
  await writeAtomically(path, pairs.map((pair) => `${JSON.stringify(row(pair))}\n`).join(''));
  io.note(`${counted(pairs.length, 'pair')} in ${path}. The verdict here was look 1 at them: certify them with --look 2.`);
}

function show(report: EvalReport, json: boolean, io: CommandIo): void {
  if (json) {
    for (const note of report.notes) io.note(note);
    io.json(report);
  } else {
    io.out(renderEval(report));
  }
}

function exitCode(report: EvalReport, wereNamed: boolean): ExitCode {
  if (report.stopped) return 1;
  const passed = report.comparisons.filter(({ verdict }) => verdict === 'PASS').length;
  const needed = wereNamed ? report.comparisons.length : Math.min(1, report.comparisons.length);
  return passed >= needed ? 0 : 1;
}

/** The progress line of an eval, drawn once the number of cells is known. */
export class EvalProgressLine {
  readonly #label: string;
  readonly #io: CommandIo;
  #line: Progress | null = null;

  constructor(label: string, io: CommandIo) {
    this.#label = label;
    this.#io = io;
  }

  advance({ done, total, spent, errors }: EvalProgress): void {
    this.#line ??= this.#io.progress(this.#label, total);
    this.#line.advance(done, `$${toUsd(spent).toFixed(4)}${errors === 0 ? '' : ` · ${errors} errors`}`);
  }

  end(): void {
    this.#line?.end();
    this.#line = null;
  }
}
