import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, modelOf, openApp } from '../../app.ts';
import { loadConfig, type TaskConfig } from '../../config/index.ts';
import { contentHash, type EpochMs, SmallfirstError, systemClock } from '../../core/index.ts';
import { scenarioBill, seedOne } from '../../finops/index.ts';
import { providers } from '../../providers/index.ts';
import { trainStudent } from '../../student/index.ts';
import { demoAsset } from '../assets.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { type DemoDocument, toDocument } from './document.ts';
import {
  ceilingOf,
  type FrozenConfidence,
  freezeModel,
  freezeStudent,
  PRICED_AT,
  runTask,
  type Split,
  type Stage,
  splitSet,
  type TaskOutcome,
} from './experiment.ts';
import { renderDemo } from './render.ts';
import { billsOf, certificateOf, type RoutedTask, routeTask, storedTotal } from './routing.ts';

export interface DemoOptions {
  readonly seed: number;
  readonly json: boolean;
}

const COMPLAINTS_FIT = 500;
const BOOLQ_FIT = 1000;

/** A second frontier to certify against, beside the task's own ceiling. */
const OTHER_FRONTIERS = ['gpt-4.5-preview'];

/**
 * `smallfirst demo`: recorded answers of real models through the same eval, certify, policy, step loop, store and bill that users run.
 * Exit 0 when a certificate was issued, 1 when the floor was missed everywhere. Leaves nothing behind.
 */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<ExitCode> {
  const directory = await mkdtemp(join(tmpdir(), 'smallfirst-demo-'));
  const startedAt = systemClock.monotonic();
  try {
    const document = await runStages(directory, options, io);
    if (options.json) io.json(document);
    else io.out(renderDemo(document, (systemClock.monotonic() - startedAt) / 1000));
    return document.routing.some((task) => task.certificate !== null) ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runStages(directory: string, options: DemoOptions, io: CommandIo): Promise<DemoDocument> {
  const config = await loadConfig(demoAsset('smallfirst.yaml'), { SMALLFIRST_DEMO_STUDENT: join(directory, 'student') }, { providers });
  const app = await openApp(config, join(directory, 'data'));
  const stage: Stage = { app, directory, clock: { ...systemClock, now: (): EpochMs => PRICED_AT }, io };
  try {
    const complaints = taskOf(app, 'classify-complaint');
    const complaintSplit = await splitSet('complaints.set.jsonl', COMPLAINTS_FIT, options.seed);
    const student = await trainOn(complaintSplit, stage, options.seed);
    const classified = await runTask(stage, complaints, complaintSplit, {
      frontiers: [ceilingOf(complaints), ...OTHER_FRONTIERS],
      confidence: new Map([['student/complaints', student.frozen]]),
    });
    const boolq = taskOf(app, 'answer-boolq');
    const boolqSplit = await splitSet('boolq.set.jsonl', BOOLQ_FIT, options.seed);
    const [small = ''] = boolq.ladder;
    const frozen = await freezeModel(stage, boolq, small, boolqSplit, 'token');
    const answered = await runTask(stage, boolq, boolqSplit, { frontiers: [ceilingOf(boolq)], confidence: new Map([[small, frozen]]) });
    const routed = [await route(stage, classified), await route(stage, answered)];
    return toDocument({
      seed: options.seed,
      outcomes: [classified, answered],
      routed,
      bills: billsOf(routed),
      stored: await storedTotal(stage),
      student: student.crossValidation,
      scenario: scenarioBill(seedOne),
    });
  } finally {
    await app.close();
  }
}

async function trainOn(
  split: Split,
  stage: Stage,
  seed: number,
): Promise<{
  readonly frozen: FrozenConfidence;
  readonly crossValidation: { readonly accuracy: number; readonly ece: number; readonly rows: number };
}> {
  const progress = stage.io.progress('  train the student on FIT', null);
  try {
    const { card, heldOut } = await trainStudent({
      rows: split.fit.map((row) => ({ text: row.text, label: row.expected })),
      outDir: join(stage.directory, 'student'),
      seed,
      clock: systemClock,
      signal: stage.io.signal,
    });
    return { frozen: freezeStudent(heldOut), crossValidation: card.crossValidation };
  } finally {
    progress.end();
  }
}

/** Routes a task by the certificate of its ladder's first rung against its ceiling: the pair that was named before the data were seen. */
async function route(stage: Stage, outcome: TaskOutcome): Promise<RoutedTask> {
  const [first] = outcome.pairs;
  const certificate = first ? certificateOf(first, outcome, await pinsOf(stage.app, outcome.task, first)) : null;
  return routeTask(stage, outcome, certificate);
}

/** What voids the certificate when it changes: both models' versions and the prompt. */
async function pinsOf(
  app: App,
  task: TaskConfig,
  pair: { readonly small: string; readonly big: string },
): Promise<Readonly<Record<string, string>>> {
  const versionOf = async (name: string) => (await app.client(modelOf(app.config, name))).version ?? modelOf(app.config, name).model;
  return {
    [pair.small]: await versionOf(pair.small),
    [pair.big]: await versionOf(pair.big),
    prompt: contentHash({ system: task.prompt.system, user: task.prompt.user }),
  };
}

function taskOf(app: App, name: string): TaskConfig {
  const task = app.config.tasks.get(name);
  if (task) return task;
  throw new SmallfirstError('TASK_NOT_FOUND', `The demo's config has no task "${name}".`);
}
