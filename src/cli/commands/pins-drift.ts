import { resolve } from 'node:path';
import { openApp } from '../../app.ts';
import { type Config, loadConfig, lockPathOf, type ModelConfig, readLock, suggestion } from '../../config/index.ts';
import { type Clock, type Json, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import type { EvalDeps } from '../../eval/index.ts';
import { providers } from '../../providers/index.ts';
import type { TaskEvent } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { capLeft, estimateGoldens, type GoldenPair, type GoldenVerdict, goldenTasks, measurable, runGolden } from './pins-golden.ts';
import { renderVerdicts, servedModelIn } from './pins-verdicts.ts';

export interface PinsDriftOptions {
  readonly config: string;
  readonly data: string;
  readonly task?: string;
  readonly set?: string;
  /** Only this model, instead of those that certificates rest on. */
  readonly model?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly maxCost?: number;
  readonly estimate?: boolean;
  readonly json: boolean;
}

/** A golden set asked again of one model. */
interface Canary extends GoldenPair {
  readonly model: ModelConfig;
}

/**
 * `smallfirst pins drift`: asks the golden sets again of models that should not have changed, and compares with what they answered when
 * they were first asked. The first run of a set is what later ones are compared with. An alarm is recorded as an event of the task
 * (`drift`). Answers 1 for an alarm and for a run that was stopped.
 */
export async function runPinsDrift(options: PinsDriftOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const canaries = await canariesOf(config, options, io);
  const app = await openApp(measurable(config), resolve(io.cwd, options.data), io.env);
  try {
    const estimate = await estimateGoldens(
      app,
      canaries.map(({ golden, model }) => ({ golden, models: [model] })),
      options.limit ?? null,
    );
    io.note(
      estimate === null
        ? 'What it costs is not known: one of the models has no price.'
        : `About $${estimate.toFixed(4)}, and once as much where a set was never asked before.`,
    );
    if (options.estimate) {
      if (options.json) io.json({ estimateUsd: estimate });
      return 0;
    }
    const asked = `drift ${new Date(clock.now()).toISOString()}`;
    // Answers of another version are other cells: so nothing that was answered before stands in for an answer of today.
    const client: EvalDeps['client'] = async (model) => {
      const canary = canaries.find(({ suspect }) => suspect.name === model.name);
      if (canary === undefined) return app.client(model);
      const real = await app.client(canary.model);
      return {
        version: real.version === undefined ? asked : `${real.version} ${asked}`,
        call: (request, context) => real.call(request, context),
      };
    };
    const verdicts: (GoldenVerdict & {
      readonly model: string;
      readonly baseline: 'stored' | 'new';
      readonly servedModel: string | null;
    })[] = [];
    for (const canary of canaries) {
      const run = { limit: options.limit ?? null, concurrency: options.concurrency ?? 8, maxCost: capLeft(options.maxCost, verdicts) };
      const verdict = await runGolden(canary, run, { app, io, client });
      const servedModel = await servedModelIn(app.store.evals, [verdict], canary.suspect.name);
      verdicts.push({ ...verdict, model: canary.model.name, baseline: verdict.found === 0 ? 'new' : 'stored', servedModel });
    }
    const events = verdicts.filter(({ alarm }) => alarm === 'regression').map((verdict) => eventOf(verdict, clock));
    if (events.length > 0) await app.store.events.add(events);
    if (options.json) io.json({ estimateUsd: estimate, tasks: verdicts, events: events.map(({ id }) => id) });
    else io.out(textOf(verdicts));
    return verdicts.some(({ alarm, stopped }) => alarm === 'regression' || stopped !== null) ? 1 : 0;
  } finally {
    await app.close();
  }
}

/** Each golden set with each model that is asked again: the named one, else those of its task's certificate, else its ceiling. */
async function canariesOf(config: Config, options: PinsDriftOptions, io: CommandIo): Promise<readonly Canary[]> {
  const { certificates } = await readLock(lockPathOf(config.file));
  const named = options.model === undefined ? null : (config.models.get(options.model) ?? null);
  if (options.model !== undefined && named === null) {
    throw new SmallfirstError(
      'MODEL_NOT_FOUND',
      `${config.file} has no model "${options.model}".${suggestion(options.model, [...config.models.keys()])}`,
    );
  }
  const all = named === null ? [...config.tasks.values()].filter(({ golden }) => golden !== null) : null;
  const sets =
    all === null || options.task !== undefined
      ? goldenTasks(config, options.model ?? '', options, io)
      : all.map((task) => ({ task, set: task.golden ?? '' }));
  if (sets.length === 0)
    throw new SmallfirstError('USAGE', 'No task has a golden set: name one as `golden:` of a task, or with --task and --set.');
  return sets.flatMap((golden) => {
    const certificate = certificates.get(golden.task.name);
    const names = certificate === undefined ? golden.task.ladder.slice(-1) : [certificate.small, certificate.big];
    const models = named === null ? names.flatMap((name) => config.models.get(name) ?? []) : [named];
    return models
      .filter(({ data, path }) => named !== null || (data === null && path === null))
      .map((model) => ({ golden, model, trusted: model, suspect: { ...model, name: `${model.name} now` } }));
  });
}

function eventOf(
  {
    task,
    model,
    n,
    lost,
    gained,
    mcnemarP,
    trustedQuality,
    quality,
    difference,
    servedModel,
  }: GoldenVerdict & {
    readonly model: string;
    readonly servedModel: string | null;
  },
  clock: Clock,
): TaskEvent {
  const share = (value: number | null) => (value === null ? 'unknown' : `${(value * 100).toFixed(1)} %`);
  const detail: Json = { model, n, lost, gained, mcnemarP, qualityBefore: trustedQuality, quality, difference, servedModel };
  const reason = `${model} answers the golden set worse than before: ${share(quality)} instead of ${share(trustedQuality)} of ${n} cases.`;
  return { id: newId(), task, at: clock.now(), kind: 'drift', certificate: null, reason, detail };
}

function textOf(verdicts: readonly (GoldenVerdict & { readonly model: string; readonly baseline: 'stored' | 'new' })[]): string {
  const rows = verdicts.map((verdict) => ({ ...verdict, task: `${verdict.task}, ${verdict.model}` }));
  const fresh = verdicts.filter(({ baseline }) => baseline === 'new').map(({ task, model }) => `${model} on ${task}`);
  const note = fresh.length === 0 ? '' : `Asked for the first time, so compared with itself: ${fresh.join(', ')}.\n`;
  return `${renderVerdicts(rows, { trusted: 'before', suspect: 'now' })}${note}`;
}
