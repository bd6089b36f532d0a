import type { Json } from '../../core/index.ts';
import { ApiClient } from '../api-client.ts';
import type {
  FineTuneAdapter,
  FineTuneRow,
  JobSpec,
  LogLine,
  ProviderEstimate,
  RemoteFiles,
  RemoteJob,
  RowRules,
  TrainingFile,
} from '../types.ts';
import type { AdapterAccess } from './access.ts';
import { dollars, listOf, type Members, numberOf, objectOf, openAiRow, present, textOf, timeOf } from './wire.ts';

const rules: RowRules = {
  minRows: 1,
  maxRows: null,
  maxFileBytes: 512 * 2 ** 20,
  maxRowTokens: null,
  roles: ['system', 'user', 'assistant', 'tool'],
  alternates: false,
  weights: true,
  tools: true,
  parallelToolCalls: true,
  source: 'docs.mistral.ai/capabilities/finetuning/text_vision_finetuning; mistralai 1.9.11 (models/jobin.py)',
  asOf: '2026-11-22',
};

const STATES: Readonly<Record<string, RemoteJob['state']>> = {
  QUEUED: 'queued',
  STARTED: 'running',
  VALIDATING: 'queued',
  VALIDATED: 'queued',
  RUNNING: 'running',
  FAILED_VALIDATION: 'failed',
  FAILED: 'failed',
  SUCCESS: 'succeeded',
  CANCELLATION_REQUESTED: 'cancelling',
  CANCELLED: 'cancelled',
};

/** Statuses of a job that was made with `auto_start: false` and has not been started: it costs nothing yet. */
const UNSTARTED = new Set(['VALIDATING', 'VALIDATED']);

/**
 * Mistral AI: `/fine_tuning/jobs`, completion and classifier jobs. A job is made with `auto_start: false` first: it is checked and
 * priced, and starts only when it is told to. Weights cannot be taken away.
 */
export function mistralAdapter(access: AdapterAccess): FineTuneAdapter {
  const api = new ApiClient({ title: 'Mistral AI', ...access });
  return {
    name: 'mistral',
    title: 'Mistral AI',
    standing: {
      kind: 'deprecated',
      note: 'its pages call fine-tuning deprecated and no longer supported, and its newest client (3.x) has no jobs any more; accounts that still have it can use it',
      source: 'docs.mistral.ai/resources/deprecated/finetuning',
      asOf: '2026-11-22',
    },
    rules: { sft: rules, classifier: { ...rules, tools: false, weights: false } },
    encode: mistralRow,
    validate: ({ method, targets, hyperparameters }) => [
      ...(hyperparameters.loraRank === null ? [] : ['Mistral AI chooses how weights are changed: leave the rank of the adapter out']),
      ...(method === 'classifier' && targets.length === 0 ? ['a classifier job needs labels to decide between'] : []),
    ],
    findFile: (file, signal) => findFile(api, file, signal),
    upload: async (file, signal) => {
      const fields = { purpose: 'fine-tune' };
      return textOf(objectOf(await api.upload({ path: '/files', fields, file, signal })).id) ?? '';
    },
    estimate: (spec, files, signal) => holdAndPrice(api, spec, files, signal),
    find: async (spec, files, signal) => {
      const job = await findJob(api, spec, files, signal);
      return job === null || UNSTARTED.has(textOf(job.status) ?? '') ? null : toJob(job);
    },
    launch: async (spec, files, held, signal) => {
      const id = held ?? textOf((await findJob(api, spec, files, signal))?.id) ?? (await hold(api, spec, files, signal)).id;
      return toJob(objectOf(await api.json({ method: 'POST', path: `${jobPath(id)}/start`, signal })));
    },
    poll: async (_spec, id, signal) => toJob(objectOf(await api.json({ method: 'GET', path: jobPath(id), signal }))),
    cancel: async (_spec, id, signal) =>
      toJob(objectOf(await api.json({ method: 'POST', path: `${jobPath(id)}/cancel`, safe: true, signal }))),
    // No hosted trainer shows its template.
    template: async () => null,
    logs: async (_spec, id, signal) => {
      const job = objectOf(await api.json({ method: 'GET', path: jobPath(id), signal }));
      return [...listOf(job.events).map(toLine), ...listOf(job.checkpoints).map(toMetrics)].sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    },
  };
}

function mistralRow(row: FineTuneRow): Json {
  if (row.kind !== 'classifier') return openAiRow(row);
  return { text: row.text, labels: row.labels as Json };
}

function jobPath(id: string): string {
  return `/fine_tuning/jobs/${encodeURIComponent(id)}`;
}

async function findFile(api: ApiClient, file: TrainingFile, signal: AbortSignal): Promise<string | null> {
  const listed = objectOf(await api.json({ method: 'GET', path: '/files', query: { purpose: 'fine-tune', search: file.name }, signal }));
  return textOf(listOf(listed.data).find((item) => item.filename === file.name && item.bytes === file.bytes)?.id);
}

async function findJob(api: ApiClient, spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<Members | null> {
  if (files.training === null) return null;
  const query = { page_size: '100', suffix: spec.mark };
  const listed = objectOf(await api.json({ method: 'GET', path: '/fine_tuning/jobs', query, signal }));
  const own = (job: Members): boolean =>
    job.suffix === spec.mark && Array.isArray(job.training_files) && job.training_files.includes(files.training);
  return listOf(listed.data).find(own) ?? null;
}

async function hold(api: ApiClient, spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<{ readonly id: string }> {
  const job = objectOf(await api.json({ method: 'POST', path: '/fine_tuning/jobs', body: jobBody(spec, files), signal }));
  return { id: textOf(job.id) ?? '' };
}

async function holdAndPrice(api: ApiClient, spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<ProviderEstimate> {
  const id = textOf((await findJob(api, spec, files, signal))?.id) ?? (await hold(api, spec, files, signal)).id;
  const job = objectOf(await api.json({ method: 'GET', path: jobPath(id), signal }));
  const status = textOf(job.status) ?? '';
  if (status === 'FAILED_VALIDATION' || status === 'FAILED') return { state: 'invalid', why: toJob(job).error ?? status };
  if (status === 'VALIDATING' || status === 'QUEUED') return { state: 'pending', why: 'Mistral AI is checking the file' };
  const about = objectOf(job.metadata);
  const tokens = numberOf(about.train_tokens);
  const cost = dollars(numberOf(about.cost));
  const currency = textOf(about.cost_currency);
  // A price in another currency is no price that can be compared with a cap in dollars.
  if (cost === null || (currency !== null && currency.toUpperCase() !== 'USD'))
    return { state: 'unavailable', why: cost === null ? 'no price was told' : `the price is told in ${String(currency)}`, tokens };
  return { state: 'ready', cost, tokens, held: id };
}

function jobBody(spec: JobSpec, files: RemoteFiles): Json {
  const { hyperparameters: how } = spec;
  return present({
    model: spec.baseModel,
    job_type: spec.method === 'classifier' ? 'classifier' : 'completion',
    training_files: [{ file_id: files.training, weight: 1 }],
    validation_files: files.validation === null ? undefined : [files.validation],
    hyperparameters: present({ epochs: how.epochs, learning_rate: how.learningRate ?? undefined, seq_len: how.maxTokens ?? undefined }),
    classifier_targets: spec.method === 'classifier' ? spec.targets.map(({ name, labels }) => ({ name, labels: [...labels] })) : undefined,
    suffix: spec.mark,
    auto_start: false,
    invalid_sample_skip_percentage: 0,
  });
}

function toLine(event: Members): LogLine {
  const data = objectOf(event.data);
  const more = Object.keys(data).length === 0 ? '' : ` ${JSON.stringify(data)}`;
  return { at: timeOf(event.created_at), text: `${textOf(event.name) ?? 'event'}${more}` };
}

function toMetrics(checkpoint: Members): LogLine {
  return {
    at: timeOf(checkpoint.created_at),
    text: `step ${numberOf(checkpoint.step_number) ?? '?'} ${JSON.stringify(checkpoint.metrics ?? {})}`,
  };
}

function toJob(job: Members): RemoteJob {
  const status = textOf(job.status) ?? 'QUEUED';
  const state = STATES[status] ?? 'running';
  const about = objectOf(job.metadata);
  const usd = (textOf(about.cost_currency) ?? 'USD').toUpperCase() === 'USD';
  const failure = listOf(job.events).find(({ data }) => objectOf(data).error !== undefined);
  return {
    id: textOf(job.id) ?? '',
    state,
    status,
    progress: state === 'succeeded' ? 1 : null,
    model: textOf(job.fine_tuned_model),
    trainedTokens: numberOf(job.trained_tokens),
    cost: state === 'succeeded' && usd ? dollars(numberOf(about.cost)) : null,
    error: state === 'failed' ? (textOf(objectOf(failure?.data).error) ?? status) : null,
  };
}
