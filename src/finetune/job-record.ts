import type { EpochMs, NanoUsd } from '../core/index.ts';
import type { Approval, Estimate } from './estimate.ts';
import type { LocalTool } from './local/trainer-configs.ts';
import type { Hyperparameters, JobSpec, JobState, Method, RemoteFiles, TemplateRecord } from './types.ts';

/** How a job's provider is reached again after a restart. Holds the name of the key's variable, never a key. */
export interface JobAccess {
  readonly baseUrl: string;
  readonly keyEnv: string | null;
  readonly account: string | null;
  /** The tool that runs a local job; null only writes its files. */
  readonly tool: LocalTool | null;
}

/** What a job was trained from. */
export interface DatasetOrigin {
  /** SHA-256 over the rows, in order, training and validation. */
  readonly hash: string;
  /** The file or the data set that they come from. */
  readonly name: string;
  readonly rows: number;
  /** Rows from the record are of before this time: the model may be certified on later pairs only. Null where none is from there. */
  readonly until: EpochMs | null;
}

/** Everything about one job: `<data>/finetune/<id>.json`. It is written whole at every step, before and after each that costs money. */
export interface JobRecord {
  readonly format: 'smallfirst-finetune';
  readonly version: 1;
  readonly id: string;
  readonly provider: string;
  readonly access: JobAccess;
  readonly spec: JobSpec;
  readonly dataset: DatasetOrigin;
  readonly state: JobState;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly finishedAt: EpochMs | null;
  readonly estimate: Estimate;
  readonly approval: Approval | null;
  /** Ids at the provider; null until they are known. */
  readonly remote: RemoteFiles & {
    /** A job that is checked and priced, and not started. */
    readonly held: string | null;
    readonly job: string | null;
    readonly status: string | null;
    readonly progress: number | null;
  };
  /** The trained model; null until there is one. */
  readonly model: string | null;
  readonly trainedTokens: number | null;
  /** What the provider says that it charged; null where it does not say. */
  readonly charged: NanoUsd | null;
  readonly template: TemplateRecord | null;
  readonly error: string | null;
  /** Where it was and when, oldest first. */
  readonly history: readonly { readonly at: EpochMs; readonly state: JobState; readonly note: string | null }[];
}

/** Where a trained model comes from: the data, the job, and what it became. What promotion records beside a model's version. */
export interface Lineage {
  readonly dataset: DatasetOrigin & {
    readonly trainingFile: { readonly sha256: string; readonly rows: number };
    readonly validationFile: { readonly sha256: string; readonly rows: number } | null;
  };
  readonly job: {
    readonly id: string;
    readonly provider: string;
    /** The provider's own id of it. */
    readonly remoteId: string | null;
    readonly task: string;
    readonly method: Method;
    readonly baseModel: string;
    readonly hyperparameters: Hyperparameters;
    readonly startedAt: EpochMs;
    readonly finishedAt: EpochMs | null;
  };
  readonly model: {
    /** Name under which the provider calls or deploys it, or the folder of its weights. */
    readonly name: string;
    readonly provider: string;
    readonly trainedTokens: number | null;
  };
  readonly cost: { readonly estimated: NanoUsd | null; readonly charged: NanoUsd | null };
  readonly template: TemplateRecord | null;
}

/** Where a trained model comes from; null for a job that brought none. */
export function lineageOf(job: JobRecord): Lineage | null {
  if (job.state !== 'succeeded' || job.model === null) return null;
  const { spec } = job;
  const fileOf = ({ sha256, rows }: JobSpec['training']) => ({ sha256, rows });
  return {
    dataset: {
      ...job.dataset,
      trainingFile: fileOf(spec.training),
      validationFile: spec.validation === null ? null : fileOf(spec.validation),
    },
    job: {
      id: job.id,
      provider: job.provider,
      remoteId: job.remote.job,
      task: spec.task,
      method: spec.method,
      baseModel: spec.baseModel,
      hyperparameters: spec.hyperparameters,
      startedAt: job.createdAt,
      finishedAt: job.finishedAt,
    },
    model: { name: job.model, provider: job.provider, trainedTokens: job.trainedTokens },
    cost: { estimated: job.estimate.cost, charged: job.charged },
    template: job.template,
  };
}
