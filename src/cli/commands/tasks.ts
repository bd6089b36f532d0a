import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Config, loadConfig } from '../../config/index.ts';
import { type Clock, type EpochMs, formatUsd, type NanoUsd, systemClock, toUsd } from '../../core/index.ts';
import { providers } from '../../providers/index.ts';
import type { TemplateUsage } from '../../store/index.ts';
import { openStoreToRead } from '../../store-location.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { count, percent, renderTable } from '../table.ts';
import { nameGiven, readTaskNames, type TaskNames } from './task-names.ts';

export interface TasksOptions {
  readonly data: string;
  /** Absent: smallfirst.yaml where there is one, else none. */
  readonly config?: string;
  readonly days: number;
  readonly json: boolean;
}

/** What was asked under one name, or by one template. */
export interface TaskSums {
  /** Client requests that were closed, and attempts made for them. */
  readonly requests: number;
  readonly attempts: number;
  readonly unpricedAttempts: number;
  readonly costUsd: number;
  readonly costNanoUsd: number;
  /** Of all requests of the span. */
  readonly share: number | null;
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
}

export interface NamedTask extends TaskSums {
  readonly task: string;
  /** False for a name that rows carry and the config (any more) does not; null without a config. */
  readonly declared: boolean | null;
  readonly fingerprints: readonly string[];
}

export interface DiscoveredTask extends TaskSums {
  /** Null for requests without a prompt that can be read: they cannot be named by a template. */
  readonly fingerprint: string | null;
  /** The prompt with its variable parts masked; null where it was not kept. */
  readonly template: string | null;
  /** The name that `smallfirst tasks name` keeps for it; absent where there is none. */
  readonly name?: string;
}

export interface TasksDocument {
  readonly from: string;
  readonly to: string;
  readonly requests: number;
  readonly tasks: readonly NamedTask[];
  readonly discovered: readonly DiscoveredTask[];
}

const DAY_MS = 86_400_000;
const USUAL_FILE = 'smallfirst.yaml';

/** `smallfirst tasks`: what the traffic of a data directory consists of, named or not. A running gateway may own it meanwhile. */
export async function runTasks(options: TasksOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const config = await configOf(options, io);
  const to = clock.now();
  const span = { from: to - options.days * DAY_MS, to: to + 1 };
  const store = await openStoreToRead(resolve(io.cwd, options.data), config?.store);
  try {
    const names = await readTaskNames(resolve(io.cwd, options.data));
    const document = tasksOf(await store.templates.usage(span), span, config, names);
    if (options.json) io.json(document);
    else io.out(tasksText(document, config));
    return 0;
  } finally {
    await store.close();
  }
}

async function configOf(options: TasksOptions, io: CommandIo): Promise<Config | null> {
  const file = options.config ?? (existsSync(resolve(io.cwd, USUAL_FILE)) ? USUAL_FILE : null);
  return file === null ? null : loadConfig(resolve(io.cwd, file), io.env, { providers });
}

/** Rows of use as a document: named tasks by cost, then what could be one. Declared tasks without traffic are in it with 0. */
export function tasksOf(
  usage: readonly TemplateUsage[],
  span: { readonly from: EpochMs; readonly to: EpochMs },
  config: Config | null,
  given: TaskNames = {},
): TasksDocument {
  const total = usage.reduce((sum, row) => sum + row.requests, 0);
  const names = new Set([...(config?.tasks.keys() ?? []), ...usage.flatMap(({ task }) => task ?? [])]);
  const tasks = [...names].map((task): NamedTask => {
    const rows = usage.filter((row) => row.task === task);
    const seen = rows.flatMap(({ fingerprint }) => fingerprint ?? []);
    const listed = config?.tasks.get(task)?.fingerprints ?? [];
    return {
      task,
      declared: config === null ? null : config.tasks.has(task),
      ...sumsOf(rows, total),
      fingerprints: [...new Set([...listed, ...seen])],
    };
  });
  const discovered = usage
    .filter((row) => row.task === null)
    .map((row): DiscoveredTask => {
      const name = row.fingerprint === null ? null : nameGiven([row.fingerprint], given);
      return { fingerprint: row.fingerprint, template: row.masked, ...sumsOf([row], total), ...(name === null ? {} : { name }) };
    });
  return {
    from: new Date(span.from).toISOString(),
    to: new Date(span.to - 1).toISOString(),
    requests: total,
    tasks: tasks.sort(dearestFirst),
    discovered: discovered.sort(dearestFirst),
  };
}

function sumsOf(rows: readonly TemplateUsage[], total: number): TaskSums {
  const sum = (pick: (row: TemplateUsage) => number): number => rows.reduce((all, row) => all + pick(row), 0);
  const cost = sum((row) => row.cost);
  if (!Number.isSafeInteger(cost)) throw new RangeError('the costs are past the range of exact sums; ask for fewer days');
  const requests = sum((row) => row.requests);
  return {
    requests,
    attempts: sum((row) => row.calls),
    unpricedAttempts: sum((row) => row.unpricedCalls),
    costUsd: toUsd(cost as NanoUsd),
    costNanoUsd: cost,
    share: total === 0 ? null : requests / total,
    firstSeen: rows.length === 0 ? null : new Date(Math.min(...rows.map((row) => row.firstAt))).toISOString(),
    lastSeen: rows.length === 0 ? null : new Date(Math.max(...rows.map((row) => row.lastAt))).toISOString(),
  };
}

function dearestFirst(a: TaskSums, b: TaskSums): number {
  return b.costNanoUsd - a.costNanoUsd || b.requests - a.requests;
}

function tasksText(document: TasksDocument, config: Config | null): string {
  const title = `Requests from ${document.from.slice(0, 10)} to ${document.to.slice(0, 10)} (UTC): ${count(document.requests)}\n\n`;
  const nameable = document.discovered.filter(({ fingerprint }) => fingerprint !== null);
  const rows = [
    ...document.tasks.map((task) => [task.task, ...cells(task), task.declared === false ? 'no longer in the config' : '']),
    ...document.discovered.map((found) => [found.name ?? found.fingerprint?.slice(0, 12) ?? '(no prompt)', ...cells(found), shown(found)]),
  ];
  if (rows.length === 0) return `${title}No request was recorded in this span, and no task is declared.\n`;
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = renderTable(
    [{ head: 'task' }, right('requests'), right('share'), right('cost'), { head: 'last seen' }, { head: 'template' }],
    rows,
  );
  return nameable.length === 0 ? title + table : `${title}${table}\n${howToName(nameable[0], config)}`;
}

function cells(sums: TaskSums): readonly string[] {
  const cost = sums.attempts > 0 && sums.unpricedAttempts === sums.attempts ? 'unpriced' : formatUsd(sums.costNanoUsd as NanoUsd);
  return [count(sums.requests), percent(sums.share), cost, sums.lastSeen?.slice(0, 16).replace('T', ' ') ?? 'never'];
}

const SHOWN = 72;

function shown({ fingerprint, template }: DiscoveredTask): string {
  if (fingerprint === null) return '';
  const line = (template ?? '').replace(/\s+/g, ' ').replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  if (line === '') return template === null ? '(not kept)' : '(no instruction that repeats)';
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 1)}…` : line;
}

/** The lines to put into the config, with a ladder that it already knows. */
function howToName(found: DiscoveredTask | undefined, config: Config | null): string {
  const model = [...(config?.models.keys() ?? [])].at(-1) ?? 'MODEL';
  return [
    'Name one in the config; its requests then belong to the task, and client code stays as it is:',
    '',
    'tasks:',
    '  NAME:',
    '    output: { kind: text }',
    `    ladder: [${model}]`,
    `    fingerprints: [${found?.fingerprint ?? ''}]`,
    '',
  ].join('\n');
}
