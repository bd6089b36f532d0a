import { type Body, FakeApi, type FakeReply, type Job, notFound, ok, type Received, Script } from './fake-api.ts';

/** Fireworks AI: shapes of fireworks-ai 1.2.30, types/dataset, types/supervised_fine_tuning_job and types/dpo_job. */
export class FakeFireworks extends FakeApi {
  readonly datasets = new Map<string, { content: string; filename: string; looks: number }>();
  readonly jobs: Job[] = [];
  script = new Script([
    'JOB_STATE_CREATING',
    'JOB_STATE_VALIDATING',
    'JOB_STATE_PENDING',
    'JOB_STATE_RUNNING',
    'JOB_STATE_WRITING_RESULTS',
    'JOB_STATE_COMPLETED',
  ]);

  get started(): number {
    return this.jobs.length;
  }

  get files(): number {
    return [...this.datasets.values()].filter(({ content }) => content !== '').length;
  }

  answer({ method, path, body, query, file }: Received): FakeReply {
    const base = '/v1/accounts/acme';
    if (method === 'POST' && path === `${base}/datasets`) {
      const { datasetId } = body as { datasetId: string };
      if (this.datasets.has(datasetId)) return { status: 409, body: { code: 6, message: 'dataset already exists' } };
      this.datasets.set(datasetId, { content: '', filename: '', looks: 0 });
      return ok(this.#dataset(datasetId));
    }
    const [, datasetId, verb] = /\/datasets\/([^/:]+)(?::(\w+))?$/.exec(path) ?? [];
    if (datasetId !== undefined) {
      const dataset = this.datasets.get(datasetId);
      if (dataset === undefined) return notFound;
      if (verb === 'upload') {
        dataset.content = file ?? '';
        return ok({ id: datasetId, object: 'file' });
      }
      dataset.looks += 1;
      return ok(this.#dataset(datasetId));
    }
    const [, kind] = new RegExp(`^${base}/(supervisedFineTuningJobs|dpoJobs)$`).exec(path) ?? [];
    if (method === 'POST' && kind !== undefined) {
      const id = query.supervisedFineTuningJobId ?? query.dpoJobId ?? `generated-${this.jobs.length}`;
      if (this.jobs.some((job) => job.id === id)) return { status: 409, body: { code: 6, message: 'job already exists' } };
      this.jobs.push({ ...(body as Body), id });
      return ok(this.#job(this.jobs.at(-1)!, this.script.now));
    }
    const [, id, call] = /\/(?:supervisedFineTuningJobs|dpoJobs)\/([^/:]+)(?::(\w+))?$/.exec(path) ?? [];
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) return notFound;
    if (call === 'cancel') {
      this.script = new Script(['JOB_STATE_CANCELLING', 'JOB_STATE_CANCELLED']);
      return ok({});
    }
    return ok(this.#job(job, this.script.look()));
  }

  #dataset(id: string): Body {
    const { content, looks } = this.datasets.get(id)!;
    // A file is looked at once before it is ready.
    const ready = content !== '' && looks > 1;
    return {
      name: `accounts/acme/datasets/${id}`,
      state: ready ? 'READY' : 'UPLOADING',
      format: 'CHAT',
      exampleCount: '3',
      estimatedTokenCount: '900',
      status: { code: 'OK', message: '' },
    };
  }

  #job(job: Job, state: string): Body {
    const running = state === 'JOB_STATE_RUNNING';
    return {
      name: `accounts/acme/supervisedFineTuningJobs/${job.id}`,
      dataset: job.dataset,
      displayName: job.displayName,
      createTime: '2026-11-22T08:00:00Z',
      state,
      status:
        state === 'JOB_STATE_FAILED'
          ? { code: 'INVALID_ARGUMENT', message: 'row 2 has no assistant message' }
          : { code: 'OK', message: '' },
      outputModel: job.outputModel,
      trainingConfig: job.trainingConfig,
      baseModel: job.baseModel,
      epochs: job.epochs,
      jobProgress: running ? { percent: 40, epoch: 1 } : {},
      estimatedCost: { currencyCode: 'USD', units: '1', nanos: 250_000_000 },
    };
  }
}
