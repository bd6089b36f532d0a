import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fitHere } from './fit.ts';
import { threadFitter } from './thread-fitter.ts';
import type { FitJob } from './train-types.ts';

const job: FitJob = {
  kind: 'classifier',
  mode: 'default',
  seed: 3,
  rows: ['refund me', 'money back', 'refund now', 'lost parcel', 'late parcel', 'parcel gone'].map((text, i) => ({
    text,
    label: i < 3 ? 'refund' : 'post',
  })),
  vectors: null,
  findTwins: true,
  metadata: { seed: 3 },
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fit-thread-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A thread that does what a test wrote. */
async function threadOf(code: string): Promise<URL> {
  const file = join(folder, 'thread.mjs');
  await writeFile(file, `import { parentPort, workerData } from 'node:worker_threads';\n${code}`);
  return pathToFileURL(file);
}

const hooks = (signal: AbortSignal | null = null) => {
  const phases: string[] = [];
  return { phases, signal, onProgress: ({ phase }: { readonly phase: string }) => void phases.push(phase) };
};

describe('fitting in a thread', () => {
  it('hands over the job, tells of progress, and gives back what was fitted', async () => {
    const file = await threadOf(`
      parentPort.postMessage({ kind: 'progress', progress: { phase: 'fit', done: 1, total: 1 } });
      parentPort.postMessage({ kind: 'fitted', fitted: { labels: workerData.rows.map((row) => row.label) } });`);
    const told = hooks();
    expect(await threadFitter(file)(job, told)).toEqual({ labels: ['refund', 'refund', 'refund', 'post', 'post', 'post'] });
    expect(told.phases).toEqual(['fit']);
  });

  it('passes on what is wrong with the rows, and says when the thread ends without a word', async () => {
    const wrong = await threadOf(`parentPort.postMessage({ kind: 'failed', code: 'INPUT_INVALID', message: 'no rows' });`);
    await expect(threadFitter(wrong)(job, hooks())).rejects.toMatchObject({ code: 'INPUT_INVALID', message: 'no rows' });
    await expect(threadFitter(await threadOf('throw new Error("broken")'))(job, hooks())).rejects.toThrow(
      'the training thread ended: broken',
    );
    await expect(threadFitter(await threadOf(''))(job, hooks())).rejects.toThrow('the training thread ended without a result');
  });

  it('ends at once when it is called off', async () => {
    const controller = new AbortController();
    const file = await threadOf(`parentPort.postMessage({ kind: 'progress', progress: { phase: 'fit', done: 0, total: 1 } }); for (;;);`);
    const fitted = threadFitter(file)(job, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(fitted).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(threadFitter(file)(job, hooks(AbortSignal.abort()))).rejects.toMatchObject({ code: 'ABORTED' });
  });

  const compiled = resolve('dist/student/fit-thread.js');
  it.skipIf(!existsSync(compiled))('gives the same bytes as fitting here (skipped where the package is not built)', async () => {
    const there = await threadFitter(pathToFileURL(compiled))(job, hooks());
    const here = await fitHere(job, hooks());
    expect(Buffer.from(there.model).equals(Buffer.from(here.model))).toBe(true);
    expect(there.heldOut).toEqual(here.heldOut);
  });
});
