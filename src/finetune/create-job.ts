import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, contentHash, type EpochMs, type Json, newId, SmallfirstError } from '../core/index.ts';
import { writeWhole } from './atomic-file.ts';
import { type Count, checkRows } from './check-rows.ts';
import { type Approval, type Estimate, type EstimateInput, estimate } from './estimate.ts';
import type { JobAccess, JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { LOCAL_FILES } from './local/trainer-configs.ts';
import type { FineTuneAdapter, FineTuneRow, Hyperparameters, JobSpec, Method, RowIssue, TemplateRecord, TrainingFile } from './types.ts';

/** What a new job is made from. */
export interface NewJob {
  readonly task: string;
  readonly method: Method;
  readonly baseModel: string;
  readonly hyperparameters: Hyperparameters;
  readonly training: readonly FineTuneRow[];
  readonly validation: readonly FineTuneRow[];
  readonly dataset: { readonly name: string; readonly until: EpochMs | null };
  readonly template: TemplateRecord | null;
  readonly access: JobAccess;
  /** What is known of prices; the tokens are counted here. */
  readonly pricing: Omit<EstimateInput, 'trainingTokens' | 'validationTokens' | 'epochs' | 'evaluations'>;
}

/** A job that is ready to be agreed to: its files are written nowhere yet. */
export interface PlannedJob {
  readonly spec: JobSpec;
  readonly estimate: Estimate;
  readonly issues: readonly { readonly file: 'training' | 'validation'; readonly issue: RowIssue }[];
  readonly datasetHash: string;
  readonly lines: { readonly training: string; readonly validation: string | null };
}

/** What planning needs. */
export interface PlanDeps {
  readonly adapter: FineTuneAdapter;
  readonly store: JobStore;
  readonly count: Count;
}

/**
 * Writes the rows for a provider in memory, checks them against its rules and reckons what the job will cost. Throws NOT_SUPPORTED for a
 * method or settings that the provider does not have. Issues of rows are returned, not thrown: they are many.
 */
export function planJob(job: NewJob, { adapter, store, count }: PlanDeps): PlannedJob {
  const rules = adapter.rules[job.method];
  if (rules === undefined)
    throw new SmallfirstError(
      'NOT_SUPPORTED',
      `${adapter.title} does not train by ${job.method}; it does ${Object.keys(adapter.rules).join(', ')}`,
    );
  const id = newId();
  const written = { training: encode(adapter, job.training), validation: encode(adapter, job.validation) };
  const training = checkRows(written.training, job.method, rules, count);
  // The least number of rows is asked of what is trained on.
  const validation = checkRows(written.validation, job.method, { ...rules, minRows: 0 }, count);
  const folder = store.folderOf(id);
  const file = (name: 'training' | 'validation', tokens: number): { readonly file: TrainingFile; readonly text: string } => {
    const text = written[name].map((line) => `${JSON.stringify(line)}\n`).join('');
    const about = { sha256: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text), rows: written[name].length };
    return { text, file: { path: join(folder, LOCAL_FILES[name]), name: `${markOf(id)}-${name}.jsonl`, ...about, tokens } };
  };
  const ours = file('training', training.tokens);
  const theirs = written.validation.length === 0 ? null : file('validation', validation.tokens);
  const spec: JobSpec = {
    id,
    task: job.task,
    method: job.method,
    baseModel: job.baseModel,
    hyperparameters: job.hyperparameters,
    training: ours.file,
    validation: theirs?.file ?? null,
    targets: job.method === 'classifier' ? targetsOf(job.training) : [],
    mark: markOf(id),
  };
  const problems = adapter.validate(spec);
  if (problems.length > 0) throw new SmallfirstError('NOT_SUPPORTED', problems.join('; '));
  return {
    spec,
    estimate: estimate({
      ...job.pricing,
      trainingTokens: training.tokens,
      validationTokens: validation.tokens,
      epochs: job.hyperparameters.epochs,
      evaluations: theirs === null ? 0 : 1,
    }),
    issues: [
      ...training.issues.map((issue) => ({ file: 'training' as const, issue: withSourceLine(issue, job.training) })),
      ...validation.issues.map((issue) => ({ file: 'validation' as const, issue: withSourceLine(issue, job.validation) })),
    ],
    datasetHash: contentHash([written.training, written.validation]),
    lines: { training: ours.text, validation: theirs?.text ?? null },
  };
}

/** Writes a planned job and its rows to disk; from here on it can be resumed. */
export async function createJob(
  planned: PlannedJob,
  job: NewJob,
  deps: PlanDeps & { readonly clock: Clock; readonly approval: Approval | null },
): Promise<JobRecord> {
  const { spec, lines } = planned;
  const at = deps.clock.now();
  await writeWhole(spec.training.path, lines.training);
  if (spec.validation !== null && lines.validation !== null) await writeWhole(spec.validation.path, lines.validation);
  const record: JobRecord = {
    format: 'smallfirst-finetune',
    version: 1,
    id: spec.id,
    provider: deps.adapter.name,
    access: job.access,
    spec,
    dataset: {
      hash: planned.datasetHash,
      name: job.dataset.name,
      rows: spec.training.rows + (spec.validation?.rows ?? 0),
      until: job.dataset.until,
    },
    state: 'created',
    createdAt: at,
    updatedAt: at,
    finishedAt: null,
    estimate: planned.estimate,
    approval: deps.approval,
    remote: { training: null, validation: null, held: null, job: null, status: null, progress: null },
    model: null,
    trainedTokens: null,
    charged: null,
    template: job.template,
    error: null,
    history: [{ at, state: 'created', note: null }],
  };
  await deps.store.save(record);
  return record;
}

/** Marks everything of a job at its provider: short, lower-case, and of the part of its id that is random. */
function markOf(id: string): string {
  return `sf-${id.replaceAll('-', '').slice(-16)}`;
}

function encode(adapter: FineTuneAdapter, rows: readonly FineTuneRow[]): readonly Json[] {
  return rows.map((row) => adapter.encode(row));
}

/** Issues name the line of the file that the user gave. */
function withSourceLine(issue: RowIssue, rows: readonly FineTuneRow[]): RowIssue {
  return issue.line === 0 ? issue : { ...issue, line: rows[issue.line - 1]?.line ?? issue.line };
}

function targetsOf(rows: readonly FineTuneRow[]): JobSpec['targets'] {
  const targets = new Map<string, Set<string>>();
  for (const row of rows) {
    if (row.kind !== 'classifier') continue;
    for (const [name, value] of Object.entries(row.labels)) {
      const labels = targets.get(name) ?? new Set();
      for (const label of typeof value === 'string' ? [value] : value) labels.add(label);
      targets.set(name, labels);
    }
  }
  return [...targets].map(([name, labels]) => ({ name, labels: [...labels].sort() }));
}
