import { resolve } from 'node:path';
import { type LockedCertificate, loadConfig, lockPathOf, readLock, suggestion, type TaskConfig } from '../../config/index.ts';
import { type Clock, type EpochMs, formatUsd, nanoUsd, SmallfirstError, systemClock, toUsd } from '../../core/index.ts';
import { replayTraffic, type Traffic, type TrafficPolicy } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import type { RecordedRequest, Store } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { percent, renderTable } from '../table.ts';
import { policyOf, readPolicy } from './replay-policies.ts';
import type { ReplayDocument } from './replay-schema.ts';
import type { Since } from './replay-since.ts';

export interface ReplayOptions {
  readonly policy: string;
  readonly since: Since;
  readonly task?: string;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

type ReplayedTask = ReplayDocument['tasks'][number];

const PAGE = 1_000;

/**
 * `smallfirst replay`: what another policy would have called, answered and paid for the recorded requests, and what it retains where pairs
 * tell. Answers 1 where the interval of what it retains lies below a floor. Reads only; a gateway may be running.
 */
export async function runReplay(options: ReplayOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const own = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const recordedBy = (await readLock(lockPathOf(own.file))).certificates;
  const file = await readPolicy(resolve(io.cwd, options.policy), own, io.env);
  const now = clock.now();
  const since = 'at' in options.since ? options.since.at : now - options.since.agoMs;
  const store = await openRecord(options, io);
  const tasks: ReplayedTask[] = [];
  try {
    for (const task of tasksOf(file.config.tasks, options.task)) {
      const traffic = await trafficOf(store, { task: task.name, since, recordedBy: recordedBy.get(task.name) ?? null });
      tasks.push(replayed(task, traffic, policyOf(file, task)));
    }
  } finally {
    await store.close();
  }
  const document: ReplayDocument = {
    at: new Date(now).toISOString(),
    since: new Date(since).toISOString(),
    policy: options.policy,
    needsPerson: tasks.some(({ retained, floor }) => retained !== null && retained.high < floor),
    tasks,
  };
  if (options.json) io.json(document);
  else io.out(render(document));
  return document.needsPerson ? 1 : 0;
}

function tasksOf(tasks: ReadonlyMap<string, TaskConfig>, only: string | undefined): readonly TaskConfig[] {
  if (only === undefined) return [...tasks.values()];
  const task = tasks.get(only);
  if (task === undefined) {
    throw new SmallfirstError('TASK_NOT_FOUND', `The policy has no task "${only}".${suggestion(only, [...tasks.keys()])}`);
  }
  return [task];
}

async function trafficOf(
  store: Store,
  span: { readonly task: string; readonly since: EpochMs; readonly recordedBy: LockedCertificate | null },
): Promise<Traffic> {
  const { task, since, recordedBy } = span;
  const approvals = recordedBy === null ? [] : await store.events.list({ task, kinds: ['approved'] });
  // A proposal waits for a person: what was recorded meanwhile is on the scale of the one before.
  const approved = approvals.find(({ certificate }) => certificate === recordedBy?.id)?.at;
  const recordedSince = approved ?? recordedBy?.issuedAt ?? Number.POSITIVE_INFINITY;
  const pairs = await store.pairs.list({ task, since });
  const requests: RecordedRequest[] = [];
  for (;;) {
    const last = requests.at(-1)?.closing;
    const page = await store.calls.requests({ task, since }, { limit: PAGE, ...(last === undefined ? {} : { after: last }) });
    requests.push(...page);
    if (page.length < PAGE) return { requests, pairs, recordedBy, recordedSince };
  }
}

function replayed(task: TaskConfig, traffic: Traffic, policy: TrafficPolicy): ReplayedTask {
  const { level, retain } = task.floor;
  const { summary, before, unpricedBefore, kept, notReplayable, retained, routes } = replayTraffic(traffic, policy, level);
  const { certificate, threshold } = policy;
  return {
    task: task.name,
    policy: {
      ladder: policy.ladder.map(({ name }) => name),
      certificate: certificate?.id ?? null,
      threshold: threshold ?? certificate?.threshold ?? null,
      routes,
    },
    requests: summary.requests,
    replayed: summary.requests - summary.unrecorded,
    beforeUsd: toUsd(before),
    afterUsd: toUsd(summary.cost),
    unpricedCalls: { before: unpricedBefore, after: summary.unpricedCalls },
    kept,
    escalated: summary.escalated,
    refused: summary.refused,
    notReplayable: [...notReplayable],
    retained: retained === null ? null : { ...retained, level },
    floor: retain,
  };
}

function render({ tasks, since }: ReplayDocument): string {
  const table = renderTable(
    [
      { head: 'task' },
      { head: 'replayed', align: 'right' },
      { head: 'before', align: 'right' },
      { head: 'after', align: 'right' },
      { head: 'kept', align: 'right' },
      { head: 'retained' },
      { head: 'floor', align: 'right' },
    ],
    tasks.map(({ task, requests, replayed: done, beforeUsd, afterUsd, kept, retained, floor }) => [
      task,
      `${done} of ${requests}`,
      formatUsd(nanoUsd(beforeUsd)),
      formatUsd(nanoUsd(afterUsd)),
      percent(kept),
      retained === null ? 'no pairs' : `${percent(retained.retained)} [${percent(retained.low)}, ${percent(retained.high)}]`,
      percent(floor),
    ]),
  );
  const notes = tasks.flatMap(({ task, notReplayable, unpricedCalls }) => [
    ...notReplayable.map(({ why, model, requests }) =>
      why === 'unrecorded'
        ? `- ${task}: requests that would have called ${model}, which was not asked then: ${requests}\n`
        : `- ${task}: requests without a confidence of ${model} that this policy could read: ${requests}\n`,
    ),
    ...(unpricedCalls.before + unpricedCalls.after === 0
      ? []
      : [`- ${task}: ${unpricedCalls.before} calls before and ${unpricedCalls.after} after have no known cost; the sums are too low.\n`]),
  ]);
  return [`Since ${since.slice(0, 10)}:\n`, table, ...(notes.length === 0 ? [] : ['\n', ...notes])].join('');
}
