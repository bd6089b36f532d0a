import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { cancelJob, driveJob, lineageOf } from '../../src/finetune/index.ts';
import { Script } from './fake-api.ts';
import { FakeFireworks } from './fake-fireworks.ts';
import { FakeMistral, FakeTogether } from './fake-providers.ts';
import { CASES, KEY, World } from './job-world.ts';

const open: World[] = [];
async function world(...args: Parameters<typeof World.open>): Promise<World> {
  const made = await World.open(...args);
  open.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.close()));
});

/** Everything that was written about jobs. */
async function filesOf({ folder }: World): Promise<string> {
  const root = join(folder, 'finetune');
  const names = (await readdir(root)).filter((name) => name.endsWith('.json'));
  return (await Promise.all(names.map((name) => readFile(join(root, name), 'utf8')))).join('\n');
}

describe.each(CASES)('a job at $provider', ({ provider, baseModel, fake, failed, statuses, model }) => {
  it('passes every state to a trained model, and is sent and started once', async () => {
    const w = await world(fake(), provider);
    const { id } = await w.create(baseModel);
    const job = await driveJob(id, 'over', w.deps());
    expect({ state: job.state, error: job.error, started: w.fake.started, files: w.fake.files }).toEqual({
      state: 'succeeded',
      error: null,
      started: 1,
      files: 1,
    });
    expect(job.model).toMatch(model);
    const told = w.seen.map(({ remote }) => remote.status).filter((status) => status !== null);
    expect([...new Set(told)]).toEqual(expect.arrayContaining([...statuses]));
    expect(job.history.map(({ state }) => state)).toEqual([
      'created',
      'uploading',
      'checking',
      'priced',
      'launching',
      'queued',
      'running',
      'succeeded',
    ]);
    expect(lineageOf(job)).toMatchObject({
      dataset: { name: 'rows.jsonl', rows: 12, hash: job.dataset.hash, trainingFile: { rows: 12, sha256: job.spec.training.sha256 } },
      job: { id, provider, remoteId: job.remote.job, baseModel, method: 'sft' },
      model: { name: job.model, provider },
    });
  });

  it('goes on after a restart whatever answer was lost, and pays once', async () => {
    // Two looks are enough here: what is lost while it runs is only looked for again.
    const short = () => Object.assign(fake(), { script: new Script([statuses[0]!, statuses.at(-1)!]) });
    const counting = await world(short(), provider);
    await driveJob((await counting.create(baseModel)).id, 'over', counting.deps());
    const requests = counting.fake.received.length;
    for (let lost = 1; lost <= requests; lost += 1) {
      const w = await world(short(), provider);
      w.fake.failures.set(lost, { when: 'after' });
      const { id } = await w.create(baseModel);
      const job = await w.driveToEnd(id);
      expect({ lost, state: job.state, started: w.fake.started, files: w.fake.files }).toEqual({
        lost,
        state: 'succeeded',
        started: 1,
        files: 1,
      });
    }
  });

  it('goes on after being called off between any two requests', async () => {
    const w = await world(fake(), provider);
    const { id } = await w.create(baseModel);
    for (let runs = 0; runs < 60; runs += 1) {
      const stop = new AbortController();
      const before = w.fake.received.length;
      const deps = w.deps({
        signal: stop.signal,
        onChange: () => {
          if (w.fake.received.length > before) stop.abort();
        },
      });
      const job = await driveJob(id, 'over', deps).catch(() => null);
      if (job?.state === 'succeeded') break;
    }
    expect({ state: (await w.store.get(id)).state, started: w.fake.started, files: w.fake.files }).toEqual({
      state: 'succeeded',
      started: 1,
      files: 1,
    });
  });

  it("ends as failed with the provider's words where training fails", async () => {
    const w = await world(Object.assign(fake(), { script: new Script([statuses[0]!, failed]) }), provider);
    const { id } = await w.create(baseModel);
    const job = await driveJob(id, 'over', w.deps());
    expect({ state: job.state, model: job.model, lineage: lineageOf(job) }).toEqual({ state: 'failed', model: null, lineage: null });
    expect(job.error).toMatch(/too small|diverged|not finite|no assistant/);
  });

  it('is cancelled while it runs', async () => {
    const w = await world(fake(), provider);
    const { id } = await w.create(baseModel);
    await driveJob(id, 'launched', w.deps());
    await cancelJob(id, w.deps());
    expect((await driveOrGet(w, id)).state).toBe('cancelled');
    await expect(cancelJob(id, w.deps())).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('ends as expired where the provider does not know it any more', async () => {
    const w = await world(fake(), provider);
    const { id } = await w.create(baseModel);
    const launched = await driveJob(id, 'launched', w.deps());
    (w.fake as unknown as { jobs: unknown[] }).jobs.length = 0;
    const job = await driveJob(launched.id, 'over', w.deps());
    expect(job).toMatchObject({ state: 'expired', error: expect.stringContaining('does not know the job') });
  });

  it('ends as failed where the provider refuses it', async () => {
    const w = await world(fake(), provider);
    w.fake.failures.set(2, { when: 'before', reply: { status: 422, body: { error: { message: 'no such base model' } } } });
    const { id } = await w.create(baseModel);
    expect(await driveJob(id, 'over', w.deps())).toMatchObject({ state: 'failed', error: expect.stringContaining('no such base model') });
  });

  it('stays where it is with a wrong key, and shows the key nowhere', async () => {
    const w = await world(fake(), provider);
    w.fake.failures.set(1, { when: 'before', reply: { status: 401, body: { error: { message: `the key ${KEY} is wrong` } } } });
    const { id } = await w.create(baseModel);
    const error: unknown = await driveJob(id, 'over', w.deps()).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED', message: expect.stringContaining('the key [key] is wrong') });
    expect((await driveJob(id, 'over', w.deps())).state).toBe('succeeded');
    expect(await filesOf(w)).not.toContain(KEY);
    expect(w.fake.received[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it('waits as long as it is told to', async () => {
    const w = await world(fake(), provider);
    w.fake.failures.set(1, { when: 'before', reply: { status: 429, headers: { 'retry-after': '7' }, body: { message: 'slow down' } } });
    const { id } = await w.create(baseModel);
    expect((await driveJob(id, 'over', w.deps())).state).toBe('succeeded');
    expect(w.waits[0]).toBe(7000);
  });

  it('is worked on by one process at a time', async () => {
    const w = await world(fake(), provider);
    const { id } = await w.create(baseModel);
    let inside: unknown = null;
    const deps = w.deps({
      sleep: async () => {
        inside ??= await driveJob(id, 'over', w.deps()).catch((error: unknown) => error);
      },
    });
    await driveJob(id, 'over', deps);
    expect(inside).toMatchObject({ code: 'DATA_DIR_LOCKED' });
    // The lock of a process that is gone is taken over.
    await writeFile(join(w.folder, 'finetune', `${id}.lock`), '999999999\n');
    expect((await driveJob(id, 'over', w.deps())).state).toBe('succeeded');
  });
});

async function driveOrGet(w: World, id: string) {
  const job = await w.store.get(id);
  return job.state === 'cancelled' ? job : driveJob(id, 'over', w.deps());
}

describe('what a job may cost', () => {
  it('is asked again when the provider wants more than was shown, and starts nothing without a yes', async () => {
    const w = await world(new FakeMistral(), 'mistral');
    const { id } = await w.create('ministral-3b-latest');
    await w.store.save({ ...(await w.store.get(id)), approval: { by: 'prompt', cap: null, shown: null } });
    const asked: unknown[] = [];
    const job = await driveJob(
      id,
      'over',
      w.deps({
        ask: async (estimate, why) => {
          asked.push([estimate.cost, estimate.origin, why]);
          return null;
        },
      }),
    );
    expect({ state: job.state, started: w.fake.started, asked }).toEqual({
      state: 'priced',
      started: 0,
      asked: [[4_200_000_000, 'provider', 'its price is known only now']],
    });
    const agreed = w.deps({ ask: async ({ cost }) => ({ by: 'prompt', cap: null, shown: cost }) });
    expect((await driveJob(id, 'over', agreed)).state).toBe('succeeded');
    expect(w.fake.started).toBe(1);
  });

  it('never passes a cap: not with a higher price, and not without any', async () => {
    for (const [cost, currency] of [
      [4.2, 'USD'],
      [null, 'USD'],
      [1, 'EUR'],
    ] as const) {
      const w = await world(Object.assign(new FakeMistral(), { cost, currency }), 'mistral');
      const { id } = await w.create('ministral-3b-latest');
      await w.store.save({ ...(await w.store.get(id)), approval: { by: 'yes', cap: 4_000_000_000 as never, shown: null } });
      const job = await driveJob(id, 'over', w.deps());
      expect({ state: job.state, started: w.fake.started }).toEqual({ state: 'priced', started: 0 });
    }
  });

  it('is what the provider says of its own files, and what it charged in the end', async () => {
    const w = await world(new FakeTogether(), 'together');
    const { id } = await w.create('meta-llama/Meta-Llama-3.1-8B-Instruct-Reference');
    const job = await driveJob(id, 'over', w.deps());
    expect(job.estimate).toMatchObject({ cost: 1_500_000_000, origin: 'provider', billedTokens: 3100 });
    expect(job.charged).toBe(1_520_000_000);
    expect(w.fake.calls('PUT', /signed/)[0]!.headers.authorization).toBeUndefined();
  });

  it('ends where a cancelled job was only held', async () => {
    const w = await world(new FakeMistral(), 'mistral');
    const { id } = await w.create('ministral-3b-latest');
    await w.store.save({ ...(await w.store.get(id)), approval: null });
    await driveJob(id, 'over', w.deps());
    await cancelJob(id, w.deps());
    expect((await driveOrGet(w, id)).state).toBe('cancelled');
  });
});

describe('what a provider is sent', () => {
  const launched = async (w: World, baseModel: string, method: 'sft' | 'dpo' | 'classifier') => {
    const { id } = await w.create(baseModel, method);
    return driveJob(id, 'over', w.deps());
  };
  const wire = (text: string): readonly unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  it('is what Together documents for DPO', async () => {
    const w = await world(new FakeTogether(), 'together');
    const job = await launched(w, 'Qwen/Qwen3-8B', 'dpo');
    expect(w.fake.calls('POST', /^\/fine-tunes$/).map(({ body }) => body)).toEqual([
      {
        training_file: 'file-1',
        model: 'Qwen/Qwen3-8B',
        n_epochs: 3,
        n_evals: 0,
        n_checkpoints: 1,
        batch_size: 'max',
        learning_rate: 1e-5,
        random_seed: 7,
        suffix: job.spec.mark,
        training_type: { type: 'Lora', lora_r: 16, lora_alpha: 32, lora_trainable_modules: 'all-linear' },
        training_method: { method: 'dpo' },
      },
    ]);
    expect(wire(w.fake.calls('PUT', /signed/)[0]!.file!)[0]).toEqual({
      input: {
        messages: [
          { role: 'system', content: 'Say the label.' },
          { role: 'user', content: 'Text: message number 0' },
        ],
      },
      preferred_output: [{ role: 'assistant', content: 'billing' }],
      non_preferred_output: [{ role: 'assistant', content: 'refund' }],
    });
  });

  it('is a job of its own where Together has the same rows already: the older job on them is not taken for it', async () => {
    const w = await world(new FakeTogether(), 'together');
    const older = await launched(w, 'Qwen/Qwen3-8B', 'sft');
    const newer = await launched(w, 'Qwen/Qwen3-4B', 'sft');
    expect({ files: w.fake.files, started: w.fake.started, same: newer.remote.training === older.remote.training }).toEqual({
      files: 1,
      started: 2,
      same: true,
    });
    expect([newer.state, newer.model]).toEqual(['succeeded', expect.stringContaining('Qwen3-4B')]);
  });

  it('is what Mistral documents for a classifier: held, priced, then started', async () => {
    const w = await world(new FakeMistral(), 'mistral');
    const job = await launched(w, 'ministral-3b-latest', 'classifier');
    expect(w.fake.calls('POST', /jobs/).map(({ path, body }) => [path, body])).toEqual([
      [
        '/fine_tuning/jobs',
        {
          model: 'ministral-3b-latest',
          job_type: 'classifier',
          training_files: [{ file_id: 'b0000000-0000-4000-8000-000000000001', weight: 1 }],
          hyperparameters: { epochs: 3 },
          classifier_targets: [{ name: 'label', labels: ['billing', 'refund', 'shipping'] }],
          suffix: job.spec.mark,
          auto_start: false,
          invalid_sample_skip_percentage: 0,
        },
      ],
      ['/fine_tuning/jobs/a0000000-0000-4000-8000-000000000001/start', null],
    ]);
    expect(wire(w.fake.calls('POST', /files/)[0]!.file!)[0]).toEqual({ text: 'message number 0', labels: { label: 'billing' } });
  });

  it('is what Fireworks documents, with an id of ours that makes a second job impossible', async () => {
    const w = await world(new FakeFireworks(), 'fireworks');
    const job = await launched(w, 'accounts/fireworks/models/llama-v3p1-8b-instruct', 'sft');
    expect(w.fake.calls('POST', /supervisedFineTuningJobs$/).map(({ query, body }) => [query, body])).toEqual([
      [
        { supervisedFineTuningJobId: job.spec.mark },
        {
          dataset: `accounts/acme/datasets/${job.spec.mark}-training`,
          displayName: job.spec.mark,
          baseModel: 'accounts/fireworks/models/llama-v3p1-8b-instruct',
          outputModel: `accounts/acme/models/${job.spec.mark}`,
          epochs: 3,
          loraRank: 16,
        },
      ],
    ]);
    expect(w.fake.calls('POST', /:upload$/)[0]!.body).toEqual({ filename: job.spec.training.name });
  });
});
