import type { Json } from '../../core/index.ts';
import { ApiClient } from '../api-client.ts';
import type { FineTuneAdapter, JobSpec, LogLine, ProviderEstimate, RemoteFiles, RemoteJob, RowRules, TrainingFile } from '../types.ts';
import type { AdapterAccess } from './access.ts';
import { listOf, type Members, numberOf, objectOf, openAiRow, present, textOf, timeOf } from './wire.ts';

const rules: RowRules = {
  minRows: 10,
  maxRows: null,
  maxFileBytes: 512 * 2 ** 20,
  // Of gpt-4o, gpt-4o-mini and gpt-4.1 of 2024 and 2025.
  maxRowTokens: 65_536,
  roles: ['system', 'user', 'assistant', 'tool'],
  alternates: false,
  weights: true,
  tools: true,
  parallelToolCalls: true,
  source: 'platform.openai.com/docs/guides/fine-tuning; platform.openai.com/docs/api-reference/files/create',
  asOf: '2026-11-22',
};

const STATES: Readonly<Record<string, RemoteJob['state']>> = {
  validating_files: 'queued',
  queued: 'queued',
  running: 'running',
  paused: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** OpenAI: `/fine_tuning/jobs`. It is closing: existing customers may start jobs until 2027-01-06. */
export function openAiAdapter(access: AdapterAccess): FineTuneAdapter {
  const api = new ApiClient({ title: 'OpenAI', ...access });
  return {
    name: 'openai',
    title: 'OpenAI',
    standing: {
      kind: 'closing',
      note: 'self-serve fine-tuning ends: existing customers may start jobs until 2027-01-06, and models tuned from gpt-4o and gpt-4.1 are turned off with their bases on 2027-01-14',
      source: 'developers.openai.com/api/docs/deprecations',
      asOf: '2026-11-21',
    },
    rules: { sft: rules, dpo: rules },
    encode: openAiRow,
    validate: ({ hyperparameters }) =>
      hyperparameters.loraRank === null ? [] : ['OpenAI chooses how weights are changed: leave the rank of the adapter out'],
    findFile: (file, signal) => findFile(api, file, signal),
    upload: async (file, signal) => {
      const fields = { purpose: 'fine-tune' };
      return textOf(objectOf(await api.upload({ path: '/files', fields, file, signal })).id) ?? '';
    },
    estimate: (_spec, files, signal) => checkFile(api, files, signal),
    find: async (spec, files, signal) => {
      const listed = objectOf(await api.json({ method: 'GET', path: '/fine_tuning/jobs', query: { limit: '100' }, signal }));
      const mine = (job: Members): boolean =>
        objectOf(job.metadata).smallfirst_job === spec.id || (files.training !== null && job.training_file === files.training);
      const job = listOf(listed.data).find(mine);
      return job === undefined ? null : toJob(job);
    },
    launch: async (spec, files, _held, signal) =>
      toJob(objectOf(await api.json({ method: 'POST', path: '/fine_tuning/jobs', body: jobBody(spec, files), signal }))),
    poll: async (_spec, id, signal) => toJob(objectOf(await api.json({ method: 'GET', path: jobPath(id), signal }))),
    cancel: async (_spec, id, signal) =>
      toJob(objectOf(await api.json({ method: 'POST', path: `${jobPath(id)}/cancel`, safe: true, signal }))),
    // No hosted trainer shows its template.
    template: async () => null,
    logs: async (_spec, id, signal) => {
      const listed = objectOf(await api.json({ method: 'GET', path: `${jobPath(id)}/events`, query: { limit: '100' }, signal }));
      // The newest comes first.
      return listOf(listed.data)
        .map((event): LogLine => ({ at: timeOf(event.created_at), text: textOf(event.message) ?? '' }))
        .reverse();
    },
  };
}

function jobPath(id: string): string {
  return `/fine_tuning/jobs/${encodeURIComponent(id)}`;
}

async function findFile(api: ApiClient, file: TrainingFile, signal: AbortSignal): Promise<string | null> {
  const listed = objectOf(await api.json({ method: 'GET', path: '/files', query: { purpose: 'fine-tune' }, signal }));
  return textOf(listOf(listed.data).find((item) => item.filename === file.name && item.bytes === file.bytes)?.id);
}

/** OpenAI prices nothing beforehand; it says whether it could read the file. */
async function checkFile(api: ApiClient, files: RemoteFiles, signal: AbortSignal): Promise<ProviderEstimate> {
  const file = objectOf(await api.json({ method: 'GET', path: `/files/${encodeURIComponent(files.training ?? '')}`, signal }));
  if (file.status === 'error') return { state: 'invalid', why: textOf(file.status_details) ?? 'OpenAI could not read the file' };
  return { state: 'unavailable', why: 'OpenAI names no price before a job runs', tokens: null };
}

function jobBody(spec: JobSpec, files: RemoteFiles): Json {
  const { hyperparameters: how, method } = spec;
  const common = {
    n_epochs: how.epochs,
    batch_size: how.batchSize ?? 'auto',
    learning_rate_multiplier: how.learningRate ?? 'auto',
  } as const;
  return present({
    model: spec.baseModel,
    training_file: files.training,
    validation_file: files.validation,
    suffix: spec.mark,
    seed: how.seed,
    metadata: { smallfirst_job: spec.id },
    method:
      method === 'dpo'
        ? { type: 'dpo', dpo: { hyperparameters: { ...common, beta: how.dpoBeta ?? 'auto' } } }
        : { type: 'supervised', supervised: { hyperparameters: common } },
  });
}

function toJob(job: Members): RemoteJob {
  const status = textOf(job.status) ?? 'queued';
  const state = STATES[status] ?? 'running';
  return {
    id: textOf(job.id) ?? '',
    state,
    status,
    progress: state === 'succeeded' ? 1 : null,
    model: textOf(job.fine_tuned_model),
    trainedTokens: numberOf(job.trained_tokens),
    cost: null,
    error: state === 'failed' ? (textOf(objectOf(job.error).message) ?? status) : null,
  };
}
