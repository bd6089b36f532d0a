import { resolve } from 'node:path';
import { type Config, loadConfig, suggestion, type TaskConfig } from '../../config/index.ts';
import { type Clock, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import { agreementIn, asScoredBy, chooseJudge, type LabelAgreement, labelAgreement, labelsOf } from '../../judge/index.ts';
import type { JudgeAgreement } from '../../metrics/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { chooseToLabel } from './label-active.ts';
import { keysOf } from './label-keys.ts';
import { readLabelLines } from './label-lines.ts';
import { type LabelItem, type LabelSample, labelQueue } from './label-queue.ts';
import { labelScreen, letter } from './label-screen.ts';
import { type LabelRowMembers, LabelSession, type SessionOptions } from './label-session.ts';
import { type LabelStore, openStoreToLabel } from './label-store.ts';

export interface LabelOptions {
  readonly config: string;
  readonly data: string;
  readonly task: string;
  readonly sample: LabelSample;
  readonly seed: number;
  /** So many requests whose labels teach most, instead of a sample. */
  readonly next?: number;
  /** Under whose name the labels are kept; the user's when absent. */
  readonly name?: string;
  /** At most so many requests. */
  readonly limit?: number;
  /** Print the queue instead of asking. */
  readonly list?: boolean;
  /** Read label lines from standard input, and answer with one JSON document. */
  readonly json: boolean;
}

/** What `--json` prints. */
export interface LabelDocument {
  readonly task: string;
  readonly by: string;
  readonly sample: LabelSample;
  readonly written: number;
  readonly skipped: number;
  readonly remaining: number;
  /** Judge–human agreement on this task, with everybody's labels; null without a judge, or without labels. */
  readonly judge: string | null;
  readonly agreement: JudgeAgreement | null;
  /** For a label task: how far the ceiling's labels are those of people. */
  readonly ceiling: LabelAgreement | null;
}

/** A queue with what it is of. */
interface Opened {
  readonly task: TaskConfig;
  readonly store: LabelStore;
  readonly items: readonly LabelItem[];
  readonly options: SessionOptions;
  readonly judge: string | null;
  readonly chosen: ReadonlyMap<string, string> | null;
  readonly write: (rows: readonly LabelRowMembers[]) => Promise<void>;
}

/**
 * `smallfirst label`: a queue of recorded requests for a person to label, blind. Each label is kept at once, so nothing that was given is
 * lost however it ends, and the next run goes on. Throws USAGE without a terminal and without --json.
 */
export async function runLabel(options: LabelOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const task = config.tasks.get(options.task);
  if (task === undefined) {
    throw new SmallfirstError(
      'TASK_NOT_FOUND',
      `${config.file} has no task "${options.task}".${suggestion(options.task, [...config.tasks.keys()])}`,
    );
  }
  if (!options.json && !options.list && io.stdin?.isTTY !== true) {
    throw new SmallfirstError(
      'USAGE',
      'Labelling needs a terminal. Scripts give labels as lines of JSON with --json, for what --list shows.',
    );
  }
  const store = await openStoreToLabel(resolve(io.cwd, options.data), config.store);
  try {
    const opened = await open({ config, task, store }, options, { io, clock });
    if (options.list) list(opened, options, io);
    else if (options.json) await fromLines(opened, options, io);
    else await atTerminal(opened, io);
    return 0;
  } finally {
    await store.close();
  }
}

async function open(
  { config, task, store }: { readonly config: Config; readonly task: TaskConfig; readonly store: LabelStore },
  options: LabelOptions,
  { io, clock }: { readonly io: CommandIo; readonly clock: Clock },
): Promise<Opened> {
  const by = nameOf(options.name ?? io.env.USER ?? io.env.LOGNAME ?? 'me');
  const { kind } = task.output;
  const { seed } = options;
  const sample = options.next === undefined ? options.sample : 'active';
  const pairs = await store.pairs.list({ task: task.name });
  const labels = await labelsOf(store);
  const chosen = options.next === undefined ? null : await chooseToLabel(store, { pairs, labels, by, count: options.next });
  const queue = labelQueue(pairs, labels, { kind, sample, seed, by, ...(chosen === null ? {} : { chosen }) });
  if (queue.items.length === 0) io.note(nothingToLabel(task, queue));
  return {
    task,
    store,
    items: queue.items.slice(0, options.limit),
    options: { kind, labels: task.output.kind === 'label' ? task.output.labels : [], by, sample },
    judge: task.judge === null ? null : chooseJudge(task, config.models).model.name,
    chosen,
    write: async (rows) => {
      if (rows.length > 0) await store.feedback.append(rows.map((row) => ({ ...row, id: newId(), at: clock.now() })));
    },
  };
}

function nameOf(name: string): string {
  if (/^[^\x00-\x1f\x7f]{1,100}$/.test(name) && name.trim() !== '') return name.trim();
  throw new SmallfirstError('USAGE', 'The --name of who labels takes 1 to 100 characters.');
}

function nothingToLabel(
  { name, output }: TaskConfig,
  { done, withoutTexts }: { readonly done: number; readonly withoutTexts: number },
): string {
  if (withoutTexts > 0) {
    const how = output.kind === 'label' ? 'requests' : 'requests and answers';
    return `The texts of ${counted(withoutTexts, 'pair')} of ${name} were not kept. Keep ${how} with "capture:" in the config; shadow calls then make pairs that can be labelled.`;
  }
  if (done > 0) return `${done === 1 ? 'The one request of this sample is' : `All ${done} requests of this sample are`} labelled.`;
  return `There are no pairs of ${name} yet: shadow calls and audits make them ("shadow:" in the config).`;
}

/** The queue as scripts read it. Answers go by letters, so that whoever labels from it is as blind as at the terminal. */
function list({ task, items, options }: Opened, { seed }: LabelOptions, io: CommandIo): void {
  io.json({
    task: task.name,
    kind: options.kind,
    sample: options.sample,
    seed,
    rubric: task.judge?.rubric ?? null,
    labels: options.kind === 'label' ? options.labels : null,
    items: items.map(({ requestId, input, answers, why }) => ({
      id: requestId,
      input,
      ...(why === null ? {} : { why }),
      ...Object.fromEntries(answers.map(({ text }, i) => [letter(i).toLowerCase(), text])),
    })),
  });
}

async function fromLines(opened: Opened, options: LabelOptions, io: CommandIo): Promise<void> {
  const { task, items, write, judge } = opened;
  const read = await readLabelLines(texts(io.stdin), items, { options: opened.options, write });
  const agreement = judge === null ? null : await agreementIn(opened.store, { task: task.name, judge });
  const after = labelQueue(await opened.store.pairs.list({ task: task.name }), await labelsOf(opened.store), {
    kind: opened.options.kind,
    sample: opened.options.sample,
    seed: options.seed,
    by: opened.options.by,
    ...(opened.chosen === null ? {} : { chosen: opened.chosen }),
  });
  const { by, sample } = opened.options;
  const ceiling = await ceilingAgreement(opened);
  const document: LabelDocument = { task: task.name, by, sample, ...read, remaining: after.items.length, judge, agreement, ceiling };
  io.json(document);
}

async function* texts(source: NodeJS.ReadableStream | undefined): AsyncGenerator<string> {
  if (source === undefined) return;
  source.setEncoding('utf8');
  for await (const chunk of source) yield chunk.toString();
}

async function atTerminal(opened: Opened, io: CommandIo): Promise<void> {
  const { task, store, items, options, judge, write } = opened;
  const { stdin } = io;
  if (stdin === undefined || items.length === 0) return;
  const session = new LabelSession(items, options);
  const frame = { task: task.name, rubric: task.judge?.rubric ?? null, width: io.width };
  io.out(labelScreen(session, frame));
  for await (const key of keysOf(stdin, io.signal)) {
    const pressed = session.press(key);
    // Written before the next key is looked at: what the screen counts is kept.
    await write(pressed.write);
    if (pressed.quit) break;
    io.out(labelScreen(session, frame));
  }
  io.out(
    `\n${counted(session.labelled, `label by ${options.by} is`, `labels by ${options.by} are`)} kept. The same command goes on where this stopped.\n`,
  );
  if (judge !== null) io.out(`${task.name}: ${asScoredBy(judge, await agreementIn(store, { task: task.name, judge }))}\n`);
  const ceiling = await ceilingAgreement(opened);
  if (ceiling !== null) io.out(`${task.name}: ${ceilingText(ceiling)}\n`);
}

async function ceilingAgreement({ task, store }: Opened): Promise<LabelAgreement | null> {
  if (task.output.kind !== 'label') return null;
  return labelAgreement(await store.pairs.list({ task: task.name }), await labelsOf(store), task.output.labels);
}

function ceilingText({ model, n, observed, kappa, interval }: LabelAgreement): string {
  const range = interval === null ? '' : ` (${interval.low.toFixed(2)} to ${interval.high.toFixed(2)})`;
  return `people say what ${model} says on ${Math.round(observed * n)} of ${n}, κ ${kappa === null ? 'undefined' : `= ${kappa.toFixed(2)}`}${range}`;
}
