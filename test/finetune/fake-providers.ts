import { type Body, FakeApi, type FakeReply, type Job, notFound, ok, type Received, Script } from './fake-api.ts';

interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  content: string;
  looks: number;
  checksum?: string;
}

/** OpenAI: shapes of openai 3.54.0, types/fine_tuning and types/file_object. */
export class FakeOpenAi extends FakeApi {
  readonly stored: StoredFile[] = [];
  readonly jobs: Job[] = [];
  script = new Script(['validating_files', 'queued', 'running', 'running', 'succeeded']);

  get started(): number {
    return this.jobs.length;
  }

  get files(): number {
    return this.stored.length;
  }

  answer({ method, path, body, file }: Received): FakeReply {
    if (method === 'POST' && path === '/files') {
      const id = `file-${this.stored.length + 1}`;
      const { filename } = body as { filename: string };
      this.stored.push({ id, filename, bytes: Buffer.byteLength(file ?? ''), content: file ?? '', looks: 0 });
      return ok(this.#file(this.stored.at(-1)!));
    }
    if (path === '/files') return ok({ object: 'list', data: this.stored.map((one) => this.#file(one)), has_more: false });
    const [, fileId] = /^\/files\/([^/]+)$/.exec(path) ?? [];
    if (fileId !== undefined) {
      const found = this.stored.find(({ id }) => id === fileId);
      return found === undefined ? notFound : ok(this.#file(found));
    }
    if (method === 'POST' && path === '/fine_tuning/jobs') {
      this.jobs.push({ ...(body as Body), id: `ftjob-${this.jobs.length + 1}` });
      return ok(this.#job(this.jobs.at(-1)!, this.script.now));
    }
    if (path === '/fine_tuning/jobs')
      return ok({ object: 'list', data: this.jobs.map((job) => this.#job(job, this.script.now)), has_more: false });
    const [, id, verb] = /^\/fine_tuning\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) return notFound;
    if (verb === 'cancel') this.script = new Script(['cancelled']);
    if (verb === 'events') {
      const event = (at: number, message: string) => ({
        object: 'fine_tuning.job.event',
        id: `ev-${at}`,
        created_at: at,
        level: 'info',
        message,
        type: 'message',
        data: {},
      });
      return ok({
        object: 'list',
        data: [event(1_790_000_100, 'Step 1/20: training loss=1.25'), event(1_790_000_000, 'Created fine-tuning job')],
        has_more: false,
      });
    }
    return ok(this.#job(job, verb === undefined ? this.script.look() : this.script.now));
  }

  #file({ id, filename, bytes }: StoredFile): Body {
    return {
      id,
      object: 'file',
      bytes,
      created_at: 1_790_000_000,
      filename,
      purpose: 'fine-tune',
      status: 'processed',
      expires_at: null,
      status_details: null,
    };
  }

  #job(job: Job, status: string): Body {
    const done = status === 'succeeded';
    return {
      object: 'fine_tuning.job',
      id: job.id,
      model: job.model,
      created_at: 1_790_000_000,
      finished_at: done ? 1_790_000_900 : null,
      fine_tuned_model: done ? `ft:${String(job.model)}:acme:${String(job.suffix)}:9aBcDeFg` : null,
      organization_id: 'org-1',
      result_files: [],
      status,
      validation_file: job.validation_file ?? null,
      training_file: job.training_file,
      trained_tokens: done ? 1234 : null,
      metadata: job.metadata,
      method: job.method,
      seed: job.seed,
      error: status === 'failed' ? { code: 'invalid_training_file', message: 'The file is too small', param: 'training_file' } : null,
    };
  }
}

/** Together AI: shapes of together 3.1.1, types/finetune_response, types/file_response and lib/resources/files. */
export class FakeTogether extends FakeApi {
  readonly stored: StoredFile[] = [];
  readonly jobs: Job[] = [];
  script = new Script(['pending', 'queued', 'running', 'compressing', 'uploading', 'completed']);
  price = 1.5;
  /** Looks at the price until the file is checked. */
  checks = 1;

  get started(): number {
    return this.jobs.length;
  }

  get files(): number {
    return this.stored.filter(({ content }) => content !== '').length;
  }

  answer({ method, path, body, file }: Received): FakeReply {
    if (method === 'POST' && path === '/files') {
      const { file_name, checksum } = body as { file_name: string; checksum: string };
      const known = this.stored.find((one) => one.checksum === checksum && one.content !== '');
      if (known !== undefined) return { status: 409, body: { message: 'File already exists', file_id: known.id } };
      const id = `file-${this.stored.length + 1}`;
      this.stored.push({ id, filename: file_name, bytes: -1, content: '', looks: 0, checksum });
      return { status: 302, headers: { location: `${this.url}/signed/${id}?signature=s3cret`, 'x-together-file-id': id } };
    }
    if (path === '/files') return ok({ data: this.stored.filter(({ content }) => content !== '').map((one) => this.#file(one)) });
    const [, signed] = /^\/signed\/(.+)$/.exec(path) ?? [];
    if (method === 'PUT' && signed !== undefined) {
      const index = this.stored.findIndex(({ id }) => id === signed);
      this.stored[index] = { ...this.stored[index]!, content: file ?? '', bytes: Buffer.byteLength(file ?? '') };
      return { status: 200 };
    }
    const [, pre] = /^\/files\/([^/]+)\/preprocess$/.exec(path) ?? [];
    if (pre !== undefined) return ok(this.#file(this.stored.find(({ id }) => id === pre)!));
    if (path === '/fine-tunes/estimate-price') return this.#estimate();
    if (method === 'POST' && path === '/fine-tunes') {
      this.jobs.push({ ...(body as Body), id: `ft-${this.jobs.length + 1}` });
      return ok(this.#job(this.jobs.at(-1)!, this.script.now));
    }
    if (path === '/fine-tunes') return ok({ data: this.jobs.map((job) => this.#job(job, this.script.now)) });
    const [, id, verb] = /^\/fine-tunes\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) return notFound;
    if (verb === 'cancel') this.script = new Script(['cancel_requested', 'cancelled']);
    if (verb === 'events') {
      const event = {
        object: 'fine-tune-event',
        created_at: '2026-11-22T08:00:00Z',
        message: 'Fine tune request created',
        type: 'job_pending',
        level: 'info',
      };
      return ok({ data: [event] });
    }
    return ok(this.#job(job, this.script.look()));
  }

  #estimate(): FakeReply {
    if (this.checks > 0) {
      this.checks -= 1;
      return ok({ estimation_available: false, unavailable_reason: 'train_file_not_validated' });
    }
    return ok({
      estimation_available: true,
      allowed_to_proceed: true,
      estimated_total_price: this.price,
      estimated_train_token_count: 3000,
      estimated_eval_token_count: 100,
      user_limit: 500,
    });
  }

  #file({ id, filename, bytes }: StoredFile): Body {
    return {
      id,
      object: 'file',
      bytes,
      created_at: 1_790_000_000,
      filename,
      FileType: 'jsonl',
      purpose: 'fine-tune',
      processing_status: 'COMPLETED',
    };
  }

  #job(job: Job, status: string): Body {
    const done = status === 'completed';
    return {
      id: job.id,
      status,
      created_at: '2026-11-22T08:00:00Z',
      updated_at: '2026-11-22T08:10:00Z',
      user_id: 'user-1',
      model: job.model,
      model_output_name: `acme/${String(job.model).split('/').at(-1)}-${String(job.suffix)}-ab12cd34`,
      training_file: job.training_file,
      validation_file: job.validation_file,
      n_epochs: job.n_epochs,
      epochs_completed: done ? job.n_epochs : 0,
      suffix: job.suffix,
      token_count: done ? 3100 : null,
      total_price: done ? 1_520_000_000 : 0,
      events:
        status === 'error' || status === 'user_error'
          ? [{ message: 'Training diverged', type: 'job_error', created_at: '2026-11-22T08:05:00Z' }]
          : [],
    };
  }
}

/** Mistral AI: shapes of mistralai 1.9.11, models/completiondetailedjobout, models/classifierdetailedjobout and models/uploadfileout. */
export class FakeMistral extends FakeApi {
  readonly stored: StoredFile[] = [];
  readonly jobs: (Job & { started: boolean; looks: number })[] = [];
  script = new Script(['QUEUED', 'STARTED', 'RUNNING', 'RUNNING', 'SUCCESS']);
  cost: number | null = 4.2;
  currency = 'USD';

  get started(): number {
    return this.jobs.filter(({ started }) => started).length;
  }

  get files(): number {
    return this.stored.length;
  }

  answer({ method, path, body, query, file }: Received): FakeReply {
    if (method === 'POST' && path === '/files') {
      const { filename } = body as { filename: string };
      const id = `b0000000-0000-4000-8000-00000000000${this.stored.length + 1}`;
      this.stored.push({ id, filename, bytes: Buffer.byteLength(file ?? ''), content: file ?? '', looks: 0 });
      return ok(this.#file(this.stored.at(-1)!));
    }
    if (path === '/files') return ok({ object: 'list', total: this.files, data: this.stored.map((one) => this.#file(one)) });
    if (method === 'POST' && path === '/fine_tuning/jobs') {
      this.jobs.push({
        ...(body as Body),
        id: `a0000000-0000-4000-8000-00000000000${this.jobs.length + 1}`,
        started: (body as Body).auto_start !== false,
        looks: 0,
      });
      return ok(this.#job(this.jobs.at(-1)!));
    }
    if (path === '/fine_tuning/jobs') {
      const data = this.jobs.filter((job) => query.suffix === undefined || job.suffix === query.suffix).map((job) => this.#job(job));
      return ok({ object: 'list', total: data.length, data });
    }
    const [, id, verb] = /^\/fine_tuning\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) return notFound;
    if (verb === 'start') {
      if (job.started) return { status: 400, body: { message: 'the job was started already' } };
      job.started = true;
      return ok(this.#job(job));
    }
    if (verb === 'cancel') {
      job.started = true;
      this.script = new Script(['CANCELLATION_REQUESTED', 'CANCELLED']);
    } else if (job.started) this.script.look();
    else job.looks += 1;
    return ok(this.#job(job));
  }

  #file({ id, filename, bytes }: StoredFile): Body {
    return {
      id,
      object: 'file',
      bytes,
      created_at: 1_790_000_000,
      filename,
      purpose: 'fine-tune',
      sample_type: 'instruct',
      source: 'upload',
      num_lines: 3,
    };
  }

  #job(job: FakeMistral['jobs'][number]): Body {
    const status = job.started ? this.script.now : job.looks < 2 ? 'VALIDATING' : 'VALIDATED';
    const priced = status !== 'VALIDATING';
    return {
      id: job.id,
      auto_start: false,
      model: job.model,
      status,
      created_at: 1_790_000_000,
      modified_at: 1_790_000_100,
      training_files: (job.training_files as readonly { readonly file_id: string }[]).map(({ file_id }) => file_id),
      validation_files: job.validation_files ?? [],
      hyperparameters: job.hyperparameters,
      object: 'job',
      fine_tuned_model: status === 'SUCCESS' ? `ft:${String(job.model)}:acme:20261122:${String(job.suffix)}` : null,
      suffix: job.suffix,
      trained_tokens: status === 'SUCCESS' ? 4096 : null,
      metadata: priced
        ? { cost: this.cost, cost_currency: this.currency, train_tokens: 4000, data_tokens: 1300, expected_duration_seconds: 300 }
        : null,
      job_type: job.job_type,
      events:
        status === 'FAILED' || status === 'FAILED_VALIDATION'
          ? [{ name: 'status-updated', created_at: 1_790_000_050, data: { status, error: 'The loss is not finite' } }]
          : [{ name: 'status-updated', created_at: 1_790_000_050, data: { status } }],
      checkpoints: status === 'SUCCESS' ? [{ metrics: { train_loss: 0.4 }, step_number: 10, created_at: 1_790_000_090 }] : [],
    };
  }
}
