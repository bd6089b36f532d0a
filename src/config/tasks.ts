import { DEFAULT_FLOOR, type Json, type NanoUsd, nanoUsd, type Output } from '../core/index.ts';
import { defaultMetric, type MetricSpec, parseMetric } from '../metrics/index.ts';
import { parametersOf } from './models.ts';
import { withoutUndefined } from './prices.ts';
import { isJudge, type RawConfig, type RawJudge, type RawTask } from './schema.ts';
import type { JudgeConfig, Prompt, TaskConfig } from './types.ts';

/** Tasks by name with defaults filled in; rubrics are named, not read. */
export function buildTasks(raw: RawConfig, inFolder: (path: string) => string): ReadonlyMap<string, TaskConfig> {
  return new Map(Object.entries(raw.tasks).map(([name, task]) => [name, buildTask(name, task, inFolder)]));
}

function buildTask(name: string, task: RawTask, inFolder: (path: string) => string): TaskConfig {
  const metricSpec = metricOf(task);
  const judge = isJudge(task.metric) ? judgeOf(task.metric, inFolder) : null;
  return {
    name,
    output: outputOf(task),
    ladder: task.ladder,
    metric: metricSpec === null ? judgeName(judge) : parseMetric(metricSpec).name,
    metricSpec,
    judge,
    floor: task.floor ?? DEFAULT_FLOOR,
    prompt: promptOf(task),
    threshold: task.threshold ?? null,
    signal: task.signal ?? null,
    parameters: parametersOf(task.parameters),
    fingerprints: task.fingerprints ?? [],
    capture: task.capture ?? null,
    ...lifeOf(task, inFolder),
  };
}

type Life = Pick<TaskConfig, 'mode' | 'shadow' | 'audit' | 'canary' | 'method' | 'triage' | 'golden' | 'escalationsPerHour'>;

function lifeOf(task: RawTask, inFolder: (path: string) => string): Life {
  const { mode, shadow, audit, canary, method, triage, golden } = task;
  return {
    mode,
    shadow:
      shadow === undefined
        ? null
        : {
            share: shadow.share,
            perDay: amountOf(shadow.usdPerDay),
            total: amountOf(shadow.usdTotal),
            candidates: shadow.candidates ?? task.ladder.slice(0, 1),
          },
    audit: { share: audit.share, perDay: amountOf(audit.usdPerDay) },
    canary: canary === false ? STRAIGHT : canary,
    method,
    triage: triage === undefined ? null : inFolder(triage),
    golden: golden === undefined ? null : inFolder(golden),
    escalationsPerHour: task.escalationsPerHour ?? null,
  };
}

/** Without a canary all traffic is routed from the first request on. */
const STRAIGHT = { stages: [], audits: 200 } as const;

function amountOf(usd: number | undefined): NanoUsd | null {
  return usd === undefined ? null : nanoUsd(usd);
}

function judgeOf({ judge, rubric }: RawJudge, inFolder: (path: string) => string): JudgeConfig {
  const model = judge ?? null;
  if (typeof rubric === 'string') return { model, rubricFile: inFolder(rubric), rubric: null };
  return { model, rubricFile: null, rubric: rubric.text };
}

function judgeName(judge: JudgeConfig | null): string {
  if (judge === null) return 'none';
  return judge.model === null ? 'judge' : `judge:${judge.model}`;
}

function metricOf(task: RawTask): MetricSpec | null {
  if (isJudge(task.metric)) return null;
  if (task.metric === undefined) return task.output.kind === 'text' ? null : defaultMetric(task.output);
  return typeof task.metric === 'string' ? task.metric : (withoutUndefined(task.metric) as MetricSpec);
}

function outputOf(task: RawTask): Output {
  if (task.output.kind === 'json') return { kind: 'json', schema: task.output.schema as Json };
  return task.output;
}

function promptOf(task: RawTask): Prompt {
  if (typeof task.prompt === 'string') return { system: null, user: task.prompt };
  return { system: task.prompt?.system ?? null, user: task.prompt?.user ?? '{{input}}' };
}
