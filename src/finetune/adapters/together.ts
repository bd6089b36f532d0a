import type { Json, NanoUsd } from '../../core/index.ts';
import { ApiClient, ApiError } from '../api-client.ts';
import type { FineTuneAdapter, JobSpec, LogLine, ProviderEstimate, RemoteFiles, RemoteJob, RowRules, TrainingFile } from '../types.ts';
import type { AdapterAccess } from './access.ts';
import { dollars, listOf, type Members, numberOf, objectOf, openAiRow, present, textOf, timeOf } from './wire.ts';

const rules: RowRules = {
  minRows: 1,
  maxRows: null,
  maxFileBytes: Math.floor(50.1 * 2 ** 30),
  maxRowTokens: null,
  roles: ['system', 'user', 'assistant', 'tool'],
  alternates: true,
  weights: true,
  tools: true,
  parallelToolCalls: true,
  source: 'docs.together.ai/docs/fine-tuning/data-preparation; together 3.1.1 (lib/constants.py)',
  asOf: '2026-11-22',
};

const STATES: Readonly<Record<string, RemoteJob['state']>> = {
  pending: 'queued',
  queued: 'queued',
  running: 'running',
  compressing: 'running',
  uploading: 'running',
  cancel_requested: 'cancelling',
  cancelled: 'cancelled',
  completed: 'succeeded',
  error: 'failed',
  user_error: 'failed',
};

/** Why Together names no price: it is still looking at the file, or it found it bad. */
const PENDING = new Set(['train_file_not_validated', 'eval_file_not_validated']);
const INVALID = new Set(['train_file_invalid', 'eval_file_invalid']);

/** Together AI: `/fine-tunes`, LoRA or full, SFT and DPO. A trained model is served by a dedicated endpoint. */
export function togetherAdapter(access: AdapterAccess): FineTuneAdapter {
  const api = new ApiClient({ title: 'Together AI', ...access });
  return {
    name: 'together',
    title: 'Together AI',
    standing: {
      kind: 'open',
      note: 'trained models are served by a dedicated endpoint, billed by the minute',
      source: 'docs.together.ai/docs/fine-tuning/pricing',
      asOf: '2026-11-22',
    },
    rules: { sft: rules, dpo: rules },
    encode: openAiRow,
    validate: (spec) => (spec.mark.length > 40 ? ['the suffix of a model may have 40 characters'] : []),
    findFile: (file, signal) => findFile(api, file, signal),
    upload: (file, signal) => upload(api, file, signal),
    estimate: (spec, files, signal) => estimate(api, spec, files, signal),
    find: async (spec, _files, signal) => {
      const listed = objectOf(await api.json({ method: 'GET', path: '/fine-tunes', signal }));
      // By our mark, not by the file: equal rows are kept once, and other jobs may have trained on them.
      const own = (job: Members): boolean => job.suffix === spec.mark || (textOf(job.model_output_name) ?? '').includes(spec.mark);
      const job = listOf(listed.data).find(own);
      return job === undefined ? null : toJob(job);
    },
    launch: async (spec, files, _held, signal) =>
      toJob(objectOf(await api.json({ method: 'POST', path: '/fine-tunes', body: jobBody(spec, files), signal }))),
    poll: async (_spec, id, signal) => toJob(objectOf(await api.json({ method: 'GET', path: jobPath(id), signal }))),
    cancel: async (_spec, id, signal) =>
      toJob(objectOf(await api.json({ method: 'POST', path: `${jobPath(id)}/cancel`, safe: true, signal }))),
    // No hosted trainer shows its template.
    template: async () => null,
    logs: async (_spec, id, signal) => {
      const listed = objectOf(await api.json({ method: 'GET', path: `${jobPath(id)}/events`, signal }));
      return listOf(listed.data).map((event): LogLine => ({ at: timeOf(event.created_at), text: textOf(event.message) ?? '' }));
    },
  };
}

function jobPath(id: string): string {
  return `/fine-tunes/${encodeURIComponent(id)}`;
}

async function findFile(api: ApiClient, file: TrainingFile, signal: AbortSignal): Promise<string | null> {
  const listed = objectOf(await api.json({ method: 'GET', path: '/files', signal }));
  const found = listOf(listed.data).find((item) => item.filename === file.name && item.bytes === file.bytes);
  return textOf(found?.id);
}

/** Asks for a signed place, puts the file there without the key, and tells that it is there: as Together's own client does. */
async function upload(api: ApiClient, file: TrainingFile, signal: AbortSignal): Promise<string> {
  const form = { purpose: 'fine-tune', file_name: file.name, file_type: 'jsonl', checksum: file.sha256 };
  let where: Awaited<ReturnType<ApiClient['whereTo']>>;
  try {
    where = await api.whereTo({ method: 'POST', path: '/files', form, signal });
  } catch (error) {
    // The same bytes are there under another name: Together keeps them once, and names them.
    const known = error instanceof ApiError && error.status === 409 ? textOf(objectOf(error.body).file_id) : null;
    if (known !== null) return known;
    throw error;
  }
  const id = where.headers['x-together-file-id'];
  if (typeof id !== 'string' || !/^[\w-]+$/.test(id))
    throw new ApiError('UPSTREAM_INVALID', 'Together AI gave the file no id', { status: null, mayHaveHappened: true });
  await api.put(where.place, file, signal);
  await api.json({ method: 'POST', path: `/files/${id}/preprocess`, safe: true, signal });
  return id;
}

async function estimate(api: ApiClient, spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<ProviderEstimate> {
  const { n_evals, model, n_epochs, training_file, validation_file, training_method, training_type } = objectOf(jobBody(spec, files));
  const body = present({ n_evals, model, n_epochs, training_file, validation_file, training_method, training_type });
  const said = objectOf(await api.json({ method: 'POST', path: '/fine-tunes/estimate-price', body, safe: true, signal }));
  if (said.estimation_available !== true) {
    const why = textOf(said.unavailable_reason) ?? 'Together AI names no price';
    if (PENDING.has(why)) return { state: 'pending', why: 'Together AI is checking the file' };
    return INVALID.has(why) ? { state: 'invalid', why } : { state: 'unavailable', why, tokens: null };
  }
  if (said.allowed_to_proceed === false)
    return { state: 'invalid', why: `the account's limit of $${numberOf(said.user_limit) ?? '?'} does not allow it` };
  const tokens = (numberOf(said.estimated_train_token_count) ?? 0) + (numberOf(said.estimated_eval_token_count) ?? 0);
  const cost = dollars(numberOf(said.estimated_total_price));
  return cost === null ? { state: 'unavailable', why: 'no price was told', tokens } : { state: 'ready', cost, tokens, held: null };
}

function jobBody(spec: JobSpec, files: RemoteFiles): Json {
  const { hyperparameters: how, method } = spec;
  return present({
    training_file: files.training,
    validation_file: files.validation,
    model: spec.baseModel,
    n_epochs: how.epochs,
    n_evals: files.validation === null ? 0 : 1,
    n_checkpoints: 1,
    batch_size: how.batchSize ?? 'max',
    learning_rate: how.learningRate ?? 1e-5,
    max_seq_length: how.maxTokens,
    random_seed: how.seed,
    suffix: spec.mark,
    training_type:
      how.loraRank === null
        ? { type: 'Full' }
        : { type: 'Lora', lora_r: how.loraRank, lora_alpha: how.loraRank * 2, lora_trainable_modules: 'all-linear' },
    training_method: method === 'dpo' ? present({ method: 'dpo', dpo_beta: how.dpoBeta }) : { method: 'sft', train_on_inputs: false },
  });
}

function toJob(job: Members): RemoteJob {
  const status = textOf(job.status) ?? 'pending';
  const state = STATES[status] ?? 'running';
  const epochs = numberOf(job.n_epochs);
  const done = numberOf(job.epochs_completed);
  const events = listOf(job.events);
  return {
    id: textOf(job.id) ?? '',
    state,
    status,
    progress: state === 'succeeded' ? 1 : epochs !== null && done !== null && epochs > 0 ? Math.min(1, done / epochs) : null,
    model: state === 'succeeded' ? (textOf(job.model_output_name) ?? textOf(job.output_name)) : null,
    trainedTokens: numberOf(job.token_count),
    // Billionths of a dollar here, and whole dollars in an estimate: as Together's own client reads them.
    cost: state === 'succeeded' || state === 'cancelled' ? nano(numberOf(job.total_price)) : null,
    error: state === 'failed' ? (textOf(events.at(-1)?.message) ?? status) : null,
  };
}

function nano(price: number | null): NanoUsd | null {
  return price === null || price <= 0 || !Number.isSafeInteger(Math.round(price)) ? null : (Math.round(price) as NanoUsd);
}
