import type { Json } from '../../core/index.ts';
import { ApiClient, ApiError } from '../api-client.ts';
import type { FineTuneAdapter, JobSpec, LogLine, ProviderEstimate, RemoteFiles, RemoteJob, RowRules, TrainingFile } from '../types.ts';
import type { AdapterAccess } from './access.ts';
import { dollars, type Members, numberOf, objectOf, openAiRow, present, textOf } from './wire.ts';

const rules: RowRules = {
  minRows: 3,
  maxRows: 3_000_000,
  maxFileBytes: null,
  maxRowTokens: null,
  roles: ['system', 'user', 'assistant', 'tool'],
  alternates: false,
  weights: true,
  tools: true,
  parallelToolCalls: false,
  source: 'docs.fireworks.ai/fine-tuning/fine-tuning-models; docs.fireworks.ai/fine-tuning/dpo-fine-tuning',
  asOf: '2026-11-22',
};

const STATES: Readonly<Record<string, RemoteJob['state']>> = {
  JOB_STATE_CREATING: 'queued',
  JOB_STATE_PENDING: 'queued',
  JOB_STATE_VALIDATING: 'queued',
  JOB_STATE_RE_QUEUEING: 'queued',
  JOB_STATE_CREATING_INPUT_DATASET: 'queued',
  JOB_STATE_RUNNING: 'running',
  JOB_STATE_WRITING_RESULTS: 'running',
  JOB_STATE_IDLE: 'running',
  JOB_STATE_PAUSED: 'running',
  JOB_STATE_CANCELLING: 'cancelling',
  JOB_STATE_COMPLETED: 'succeeded',
  JOB_STATE_EARLY_STOPPED: 'succeeded',
  JOB_STATE_FAILED: 'failed',
  JOB_STATE_CANCELLED: 'cancelled',
  JOB_STATE_EXPIRED: 'expired',
  JOB_STATE_DELETING: 'expired',
  JOB_STATE_DELETING_CLEANING_UP: 'expired',
};

/** A file larger than this is put to a signed place. */
const DIRECT_UPLOAD_BYTES = 150 * 2 ** 20;

/** Fireworks AI: `supervisedFineTuningJobs` and `dpoJobs` of an account. A tuned model needs a deployment of its own, billed by the GPU second. */
export function fireworksAdapter(access: AdapterAccess): FineTuneAdapter {
  const api = new ApiClient({ title: 'Fireworks AI', ...access });
  const account = `/v1/accounts/${encodeURIComponent(access.account ?? '')}`;
  const path = ({ method }: JobSpec): string => `${account}/${method === 'dpo' ? 'dpoJobs' : 'supervisedFineTuningJobs'}`;
  const one = (spec: JobSpec, id: string): string => `${path(spec)}/${encodeURIComponent(id)}`;
  return {
    name: 'fireworks',
    title: 'Fireworks AI',
    standing: {
      kind: 'open',
      note: 'a tuned model needs a deployment of its own, billed by the GPU second',
      source: 'docs.fireworks.ai/fine-tuning/fine-tuning-models',
      asOf: '2026-11-22',
    },
    rules: { sft: rules, dpo: { ...rules, weights: false, tools: false, roles: ['system', 'user', 'assistant'] } },
    encode: openAiRow,
    validate: ({ hyperparameters }) => [
      ...(access.account === null ? ['name the account that the job belongs to (--account, or FIREWORKS_ACCOUNT_ID)'] : []),
      ...(hyperparameters.loraRank === null ? ['Fireworks AI trains adapters: give them a rank'] : []),
    ],
    findFile: async (file, signal) => {
      const dataset = await readDataset(api, account, datasetId(file), signal);
      return dataset === null || dataset.state === 'UPLOADING' ? null : datasetId(file);
    },
    upload: (file, signal) => upload(api, account, file, signal),
    estimate: (_spec, files, signal) => datasetReady(api, account, files, signal),
    // A job carries the id that we gave it, so it is found, or it is not there.
    find: (spec, _files, signal) => readJob(api, one(spec, spec.mark), signal),
    launch: async (spec, files, _held, signal) => {
      const query = { [spec.method === 'dpo' ? 'dpoJobId' : 'supervisedFineTuningJobId']: spec.mark };
      const body = jobBody(spec, files, access.account ?? '');
      return toJob(objectOf(await api.json({ method: 'POST', path: path(spec), query, body, signal })));
    },
    poll: async (spec, id, signal) => toJob(objectOf(await api.json({ method: 'GET', path: one(spec, id), signal }))),
    cancel: async (spec, id, signal) => {
      await api.json({ method: 'POST', path: `${one(spec, id)}:cancel`, body: {}, safe: true, signal });
      return toJob(objectOf(await api.json({ method: 'GET', path: one(spec, id), signal })));
    },
    // No hosted trainer shows its template.
    template: async () => null,
    logs: async (spec, id, signal) => statusLine(objectOf(await api.json({ method: 'GET', path: one(spec, id), signal }))),
  };
}

/** Ids of data sets are lower-case letters, digits and hyphens. */
function datasetId(file: TrainingFile): string {
  return file.name
    .toLowerCase()
    .replace(/\.jsonl$/, '')
    .replace(/[^a-z0-9-]+/g, '-');
}

async function readDataset(api: ApiClient, account: string, id: string, signal: AbortSignal): Promise<Members | null> {
  return missing(async () => objectOf(await api.json({ method: 'GET', path: `${account}/datasets/${id}`, signal })));
}

async function readJob(api: ApiClient, path: string, signal: AbortSignal): Promise<RemoteJob | null> {
  return missing(async () => toJob(objectOf(await api.json({ method: 'GET', path, signal }))));
}

async function missing<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function upload(api: ApiClient, account: string, file: TrainingFile, signal: AbortSignal): Promise<string> {
  const id = datasetId(file);
  if ((await readDataset(api, account, id, signal)) === null) {
    const dataset = { displayName: file.name, exampleCount: String(file.rows), userUploaded: {}, format: 'CHAT' };
    await api.json({ method: 'POST', path: `${account}/datasets`, body: { datasetId: id, dataset }, signal });
  }
  if (file.bytes <= DIRECT_UPLOAD_BYTES) {
    await api.upload({ path: `${account}/datasets/${id}:upload`, fields: {}, file, signal });
    return id;
  }
  const body = { filenameToSize: { [file.name]: String(file.bytes) } };
  const signed = objectOf(
    await api.json({ method: 'POST', path: `${account}/datasets/${id}:getUploadEndpoint`, body, safe: true, signal }),
  );
  const place = textOf(objectOf(signed.filenameToSignedUrls)[file.name]);
  if (place === null)
    throw new ApiError('UPSTREAM_INVALID', 'Fireworks AI named no place for the file', { status: null, mayHaveHappened: true });
  await api.put(place, file, signal);
  await api.json({ method: 'POST', path: `${account}/datasets/${id}:validateUpload`, body: {}, safe: true, signal });
  return id;
}

async function datasetReady(api: ApiClient, account: string, files: RemoteFiles, signal: AbortSignal): Promise<ProviderEstimate> {
  let tokens: number | null = null;
  for (const id of [files.training, files.validation]) {
    if (id === null) continue;
    const dataset = await readDataset(api, account, id, signal);
    if (dataset === null) return { state: 'invalid', why: `Fireworks AI has no data set ${id}` };
    const status = objectOf(dataset.status);
    if (dataset.state !== 'READY') {
      if (status.code !== undefined && status.code !== 'OK')
        return { state: 'invalid', why: textOf(status.message) ?? textOf(status.code) ?? 'it was refused' };
      return { state: 'pending', why: 'Fireworks AI is checking the file' };
    }
    if (id === files.training) tokens = numberOf(dataset.estimatedTokenCount);
  }
  return { state: 'unavailable', why: 'Fireworks AI names no price before a job is made', tokens };
}

function jobBody(spec: JobSpec, files: RemoteFiles, account: string): Json {
  const { hyperparameters: how } = spec;
  const dataset = `accounts/${account}/datasets/${files.training ?? ''}`;
  const training = present({
    baseModel: spec.baseModel,
    outputModel: `accounts/${account}/models/${spec.mark}`,
    epochs: how.epochs,
    learningRate: how.learningRate ?? undefined,
    loraRank: how.loraRank ?? undefined,
    maxContextLength: how.maxTokens ?? undefined,
  });
  if (spec.method === 'dpo') return { dataset, displayName: spec.mark, trainingConfig: training };
  const evaluation = files.validation === null ? undefined : `accounts/${account}/datasets/${files.validation}`;
  return present({ dataset, displayName: spec.mark, evaluationDataset: evaluation, ...training });
}

function toJob(job: Members): RemoteJob {
  const status = textOf(job.state) ?? 'JOB_STATE_PENDING';
  const state = STATES[status] ?? 'running';
  const percent = numberOf(objectOf(job.jobProgress).percent);
  const name = textOf(job.name) ?? '';
  const output = textOf(job.outputModel) ?? textOf(objectOf(job.trainingConfig).outputModel);
  return {
    id: name.slice(name.lastIndexOf('/') + 1),
    state,
    status,
    progress: state === 'succeeded' ? 1 : percent === null ? null : percent / 100,
    model: state === 'succeeded' ? output : null,
    trainedTokens: null,
    cost: money(objectOf(job.estimatedCost)),
    error: state === 'failed' || state === 'expired' ? (textOf(objectOf(job.status).message) ?? status) : null,
  };
}

/** Google's money type: whole units as text, and billionths. */
function money({ currencyCode, units, nanos }: Members): RemoteJob['cost'] {
  if (currencyCode !== 'USD') return null;
  return dollars((numberOf(units) ?? 0) + (numberOf(nanos) ?? 0) / 1e9);
}

function statusLine(job: Members): readonly LogLine[] {
  const progress = objectOf(job.jobProgress);
  const [percent, epoch] = [numberOf(progress.percent), numberOf(progress.epoch)];
  const parts = [
    textOf(job.state),
    percent === null ? null : `${percent} %`,
    epoch === null ? null : `epoch ${epoch}`,
    textOf(objectOf(job.status).message),
  ];
  return [{ at: null, text: parts.filter((part) => part !== null).join(' · ') }];
}
