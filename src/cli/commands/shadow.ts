import { resolve } from 'node:path';
import { type Config, loadConfig, type TaskConfig } from '../../config/index.ts';
import { type Clock, type NanoUsd, newId, systemClock, toUsd } from '../../core/index.ts';
import { estimateShadow, FIRST_LOOK, type LeftOutReason, type LifeTask, LookRunner } from '../../life/index.ts';
import { lifeTasks } from '../../life-worker.ts';
import { PriceBook } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { estimateText, statusText } from './shadow-report.ts';
import { readTraffic, type TaskTraffic } from './shadow-traffic.ts';
import type { CandidateEstimate, CandidateStatus, ShadowEstimateDocument, ShadowStatusDocument, TaskHead } from './shadow-types.ts';

export interface ShadowOptions {
  readonly config: string;
  readonly data: string;
  readonly days: number;
  readonly share?: number;
  readonly json: boolean;
}

/** A share that is a start: enough for a busy task, and cheap for every other. */
const USUAL_SHARE = 0.1;

/** `smallfirst shadow estimate`: what shadow calls will bring and cost. Asks no model and looks at no quality. */
export async function runShadowEstimate(options: ShadowOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const tasks = await readStatus(options, io, clock);
  const document: ShadowEstimateDocument = {
    at: new Date(clock.now()).toISOString(),
    tasks: tasks.map((task) => ({ ...task, candidates: task.candidates.map(({ estimate }) => estimate) })),
  };
  if (options.json) io.json(document);
  else io.out(estimateText(document));
  return 0;
}

/** `smallfirst shadow status`: how far the evidence of every task is. A running gateway may own the record meanwhile. */
export async function runShadowStatus(options: ShadowOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const document: ShadowStatusDocument = { at: new Date(clock.now()).toISOString(), tasks: await readStatus(options, io, clock) };
  if (options.json) io.json(document);
  else io.out(statusText(document));
  return 0;
}

async function readStatus(options: ShadowOptions, io: CommandIo, clock: Clock): Promise<ShadowStatusDocument['tasks']> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const store = await openRecord(options, io);
  try {
    const prices = new PriceBook({ declared: config.prices, warn: ({ message }) => io.note(message) });
    const traffic = await readTraffic(store, { config, prices, now: clock.now(), days: options.days });
    const found = await lifeTasks(config);
    const runner = new LookRunner(found, { store, clock, newId, warn: (message) => io.note(message), gate: false });
    const tasks: (TaskHead & { candidates: CandidateStatus[] })[] = [];
    for (const life of found) {
      const task = config.tasks.get(life.task.name);
      const seen = traffic.get(life.task.name);
      if (task === undefined || seen === undefined) continue;
      const head = headOf(task, seen, options);
      tasks.push({ ...head, candidates: await candidatesOf({ config, task, life, seen, head }, store, runner) });
    }
    return tasks;
  } finally {
    await store.close();
  }
}

function headOf(task: TaskConfig, seen: TaskTraffic, options: ShadowOptions): TaskHead {
  const usd = (amount: NanoUsd | null | undefined) => (amount === null || amount === undefined ? null : toUsd(amount));
  return {
    task: task.name,
    mode: task.mode,
    configured: task.shadow !== null,
    share: options.share ?? task.shadow?.share ?? USUAL_SHARE,
    requestsPerDay: seen.requestsPerDay,
    usdPerDayLimit: usd(task.shadow?.perDay),
    usdTotalLimit: usd(task.shadow?.total),
    spentTodayUsd: toUsd(seen.spentToday),
    spentUsd: toUsd(seen.spent),
  };
}

interface TaskWorld {
  readonly config: Config;
  readonly task: TaskConfig;
  readonly life: LifeTask;
  readonly seen: TaskTraffic;
  readonly head: TaskHead;
}

async function candidatesOf(world: TaskWorld, store: Store, runner: LookRunner): Promise<CandidateStatus[]> {
  const { life } = world;
  const statuses: CandidateStatus[] = [];
  for (const candidate of life.candidates) {
    const { small } = candidate;
    const { big } = life;
    const name = life.task.name;
    const plan = await runner.plan(life, candidate);
    const looks = await store.looks.list({ task: name, small, big });
    const last = plan === null ? undefined : looks.findLast(({ series }) => series === plan.series);
    const { fit = [], certify = [], report = [], leftOut, labels } = plan?.evidence ?? {};
    statuses.push({
      small,
      big,
      pairs: await store.pairs.count({ task: name, small, big }),
      parts: { fit: fit.length, certify: certify.length, report: report.length },
      leftOut: leftOut ?? ({} as Record<LeftOutReason, number>),
      labels: labels ?? { joined: 0, unusable: 0 },
      next: plan === null ? null : { k: plan.k, at: plan.size, isDue: plan.isDue },
      looks,
      estimate: estimateOf(world, small, {
        certify: plan?.n ?? 0,
        nextLook: plan?.size ?? null,
        k: plan?.k ?? 1,
        retained: last?.retained ?? null,
      }),
    });
  }
  return statuses;
}

function estimateOf(
  { config, task, life, seen, head }: TaskWorld,
  small: string,
  stands: { readonly certify: number; readonly nextLook: number | null; readonly k: number; readonly retained: number | null },
): CandidateEstimate {
  const costs = life.candidates.map((candidate) => {
    const model = config.models.get(candidate.small);
    return model === undefined ? null : seen.costOf(model);
  });
  const costPerPair = costs[life.candidates.findIndex((candidate) => candidate.small === small)] ?? null;
  const total = task.shadow?.total ?? null;
  const estimate = estimateShadow({
    floor: task.floor,
    requestsPerDay: head.requestsPerDay,
    share: head.share,
    costPerPair,
    costPerRequest: costs.includes(null) ? null : (costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0) as NanoUsd),
    perDay: task.shadow?.perDay ?? null,
    left: total === null ? null : (Math.max(0, total - seen.spent) as NanoUsd),
    ...stands,
    nextLook: stands.nextLook ?? FIRST_LOOK,
  });
  const usd = (amount: NanoUsd | null) => (amount === null ? null : toUsd(amount));
  const { costPerDay, costToPass, ...rest } = estimate;
  return { small, big: life.big, usdPerCall: usd(costPerPair), ...rest, usdPerDay: usd(costPerDay), usdToPass: usd(costToPass) };
}
