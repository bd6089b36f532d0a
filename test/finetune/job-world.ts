import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '../../src/finetune/api-client.ts';
import {
  createJob,
  type DriveDeps,
  driveJob,
  type FineTuneAdapter,
  hostedTrainers,
  type JobRecord,
  JobStore,
  type Method,
  type NewJob,
  planJob,
  readRows,
} from '../../src/finetune/index.ts';
import type { FakeApi } from './fake-api.ts';
import { FakeFireworks } from './fake-fireworks.ts';
import { FakeMistral, FakeOpenAi, FakeTogether } from './fake-providers.ts';

/** A key that must never be seen outside a request's header. */
export const KEY = 'sk-not-a-real-key-4711';

/** What every hosted trainer's tests need to know of it. */
export interface Case {
  readonly provider: string;
  readonly baseModel: string;
  readonly fake: () => FakeApi;
  readonly failed: string;
  readonly statuses: readonly string[];
  readonly model: RegExp;
}

/** The hosted trainers with their fakes and every status that their jobs pass. */
export const CASES: readonly Case[] = [
  {
    provider: 'openai',
    baseModel: 'gpt-4o-mini-2024-07-18',
    fake: () => new FakeOpenAi(),
    failed: 'failed',
    statuses: ['validating_files', 'queued', 'running', 'succeeded'],
    model: /^ft:gpt-4o-mini-2024-07-18:acme:sf-[0-9a-f]{16}:9aBcDeFg$/,
  },
  {
    provider: 'together',
    baseModel: 'meta-llama/Meta-Llama-3.1-8B-Instruct-Reference',
    fake: () => new FakeTogether(),
    failed: 'user_error',
    statuses: ['pending', 'queued', 'running', 'compressing', 'uploading', 'completed'],
    model: /^acme\/Meta-Llama-3.1-8B-Instruct-Reference-sf-[0-9a-f]{16}-ab12cd34$/,
  },
  {
    provider: 'mistral',
    baseModel: 'ministral-3b-latest',
    fake: () => new FakeMistral(),
    failed: 'FAILED',
    statuses: ['QUEUED', 'STARTED', 'RUNNING', 'SUCCESS'],
    model: /^ft:ministral-3b-latest:acme:20261122:sf-[0-9a-f]{16}$/,
  },
  {
    provider: 'fireworks',
    baseModel: 'accounts/fireworks/models/llama-v3p1-8b-instruct',
    fake: () => new FakeFireworks(),
    failed: 'JOB_STATE_FAILED',
    statuses: [
      'JOB_STATE_CREATING',
      'JOB_STATE_VALIDATING',
      'JOB_STATE_PENDING',
      'JOB_STATE_RUNNING',
      'JOB_STATE_WRITING_RESULTS',
      'JOB_STATE_COMPLETED',
    ],
    model: /^accounts\/acme\/models\/sf-[0-9a-f]{16}$/,
  },
];

const LABELS = ['billing', 'refund', 'shipping'];

/** Twelve labelled texts: enough for every provider. */
export const ROWS = Array.from({ length: 12 }, (_, index) =>
  JSON.stringify({ text: `message number ${index}`, label: LABELS[index % 3], rejected: LABELS[(index + 1) % 3] }),
).join('\n');

/** A job in a fresh data directory against a fake provider, as the command line would make it. */
export class World {
  readonly fake: FakeApi;
  readonly store: JobStore;
  readonly folder: string;
  readonly provider: string;
  readonly waits: number[] = [];
  readonly seen: JobRecord[] = [];
  #now = 1_790_000_000_000;

  private constructor(fake: FakeApi, folder: string, provider: string) {
    this.fake = fake;
    this.folder = folder;
    this.provider = provider;
    this.store = new JobStore(folder);
  }

  static async open(fake: FakeApi, provider: string): Promise<World> {
    return new World(await fake.start(), await mkdtemp(join(tmpdir(), 'finetune-')), provider);
  }

  /** Stops the provider and takes the directory away. */
  async close(): Promise<void> {
    await this.fake.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A fresh adapter, as a new process has. */
  adapter(retries = 2): FineTuneAdapter {
    const sleep = async (ms: number): Promise<void> => {
      this.waits.push(ms);
    };
    return hostedTrainers[this.provider]!.open({ baseUrl: this.fake.url, key: KEY, account: 'acme', sleep, retries, timeoutMs: 5_000 });
  }

  deps(over: Partial<DriveDeps> = {}): DriveDeps {
    return {
      adapter: this.adapter(),
      store: this.store,
      clock: { now: () => (this.#now += 1000), monotonic: () => 0 },
      signal: new AbortController().signal,
      sleep: async () => {},
      ask: async () => null,
      onChange: (job) => void this.seen.push(job),
      ...over,
    };
  }

  newJob(baseModel: string, method: Method = 'sft', rows: string = ROWS): NewJob {
    const read = readRows(rows, {
      method,
      file: 'rows.jsonl',
      prompt: { system: 'Say the label.', user: 'Text: {{input}}' },
      target: 'label',
    });
    const rank = hostedTrainers[this.provider]?.loraRank ?? null;
    return {
      task: 'classify',
      method,
      baseModel,
      hyperparameters: { epochs: 3, learningRate: null, batchSize: null, loraRank: rank, dpoBeta: null, maxTokens: null, seed: 7 },
      training: read.training,
      validation: read.validation,
      dataset: { name: 'rows.jsonl', until: null },
      template: null,
      access: { baseUrl: this.fake.url, keyEnv: 'A_KEY', account: 'acme', tool: null },
      pricing: { price: null, declaredPerMillion: null, ownMachine: false, endpoint: null, perCall: null, callsPerMonth: null },
    };
  }

  /** A job that was agreed to with `--yes`. */
  async create(baseModel: string, method: Method = 'sft'): Promise<JobRecord> {
    const job = this.newJob(baseModel, method);
    const deps = { adapter: this.adapter(), store: this.store, count: (text: string) => Math.ceil(text.length / 4) };
    const approval = { by: 'yes', cap: null, shown: null } as const;
    return createJob(planJob(job, deps), job, { ...deps, clock: this.deps().clock, approval });
  }

  /** Drives a job to its end as often as it is broken off by lost answers. */
  async driveToEnd(id: string): Promise<JobRecord> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        return await driveJob(id, 'over', this.deps());
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    throw new Error('the job did not end');
  }
}
