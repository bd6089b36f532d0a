import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { documentIn, type Finished, start, until } from '../support/cli.ts';
import { type FakeBatches, startFakeBatches } from '../support/fake-batches/index.ts';
import { inProcess } from '../support/in-process.ts';
import { recordedCalls } from '../support/recorded-calls.ts';

const KEY = 'sk-of-the-batch-test';
const MODELS = {
  openai: { small: 'gpt-4o-mini', big: 'gpt-4o', path: '/v1' },
  anthropic: { small: 'claude-haiku-4-5', big: 'claude-sonnet-4-5', path: '' },
  mistral: { small: 'mistral-small-latest', big: 'mistral-large-latest', path: '/v1' },
} as const;
type Provider = keyof typeof MODELS;

let folder = '';
let provider: FakeBatches;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'provider-batches-'));
});
afterEach(async () => {
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

const rows = Array.from({ length: 24 }, (_, i) => ({ id: `row-${i}`, text: `complaint ${i}` }));
/** The small model gives no label for these: they go to the big one. */
const isHard = (text: string): boolean => Number(/\d+/.exec(text)?.[0]) % 4 === 3;

async function prepare(name: Provider): Promise<void> {
  provider = await startFakeBatches(name, KEY);
  provider.answer = (text, model) => (model === MODELS[name].small && isHard(text) ? 'cannot say' : 'billing');
  writeFileSync(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: ${name}, model: ${MODELS[name].small}, url: "${provider.origin}${MODELS[name].path}", apiKey: ${KEY} }
  big: { provider: ${name}, model: ${MODELS[name].big}, url: "${provider.origin}${MODELS[name].path}", apiKey: ${KEY} }
tasks:
  classify: { output: { kind: label, labels: [billing, delivery] }, threshold: 0, ladder: [small, big] }
pipelines:
  p: { steps: [{ step: classify, task: classify }] }
`,
  );
  writeFileSync(join(folder, 'in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

const args = (...more: readonly string[]) => {
  const files = ['--input', 'in.jsonl', '--output', 'out.jsonl'];
  return ['batch', 'p', ...files, '--mode', 'batch', '--poll', '0.02', '--ordered', '--json', ...more];
};
const run = (...more: readonly string[]): Promise<Finished> => inProcess(folder, args(...more));
const linesIn = <T>(file: string): readonly T[] =>
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
interface Row {
  readonly id: string;
  readonly output: string;
  readonly costUsd: number;
  readonly steps: { readonly classify: { readonly model: string; readonly decision: string } };
}
const paid = (): readonly string[] => provider.batches.flatMap(({ requests }) => requests.map(({ id }) => id));

/** Every file below a folder, joined. */
function everythingIn(path: string): string {
  return readdirSync(path)
    .map((name) => join(path, name))
    .map((file) => (statSync(file).isDirectory() ? everythingIn(file) : readFileSync(file, 'latin1')))
    .join('\n');
}

describe.each(['openai', 'anthropic', 'mistral'] as const)('a bulk job through the batches of %s', (name) => {
  beforeEach(() => prepare(name));

  it('asks the small model for all rows in one batch and the big one for those that escalate in a second, at half the price', async () => {
    const done = await run();
    expect([done.exit, done.err]).toEqual([0, expect.stringContaining('Round 2')]);
    const hard = rows.filter(({ text }) => isHard(text)).length;
    expect(documentIn(done)).toMatchObject({ rows: 24, done: 24, failed: 0, escalated: hard, batches: 2, stopped: null });
    expect(provider.batches.map(({ requests }) => requests.length)).toEqual([24, hard]);
    const output = linesIn<Row>('out.jsonl');
    expect(output.map(({ id, output: label, steps }) => [id, label, steps.classify.model])).toEqual(
      rows.map(({ id, text }) => [id, 'billing', isHard(text) ? 'big' : 'small']),
    );
    const calls = await recordedCalls(join(folder, '.smallfirst'));
    expect(calls.length).toBe(24 + hard);
    expect(calls.every(({ priceId }) => priceId?.includes(';batch;') === true)).toBe(true);
    const spent = calls.reduce((sum, { cost }) => sum + (cost ?? Number.NaN), 0);
    expect(output.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBeCloseTo(spent / 1e9, 12);
    expect(documentIn<{ costUsd: number }>(done).costUsd).toBeCloseTo(spent / 1e9, 12);
    // The key is in nothing that was written or said, nor in a body that was sent.
    rmSync(join(folder, 'smallfirst.yaml'));
    expect([everythingIn(folder), done.out, done.err, provider.heard()].some((text) => text.includes(KEY))).toBe(false);
    expect(readdirSync(join(folder, 'out.jsonl.job'))).toEqual(['job.json']);
  });

  it('sends what expired or failed again, passes on what was refused, and tells rows that nobody answered apart', async () => {
    provider.fate = (text, times, model) => {
      if (text.includes('complaint 1') && times === 1) return text.endsWith(' 1') ? 'expired' : 'failed';
      if (text.endsWith(' 2') && model.startsWith(MODELS[name].small)) return 'refused';
      return text.endsWith(' 3') ? 'failed' : 'answered';
    };
    const done = await run();
    expect(done.exit).toBe(0);
    expect(documentIn(done)).toMatchObject({ rows: 24, done: 23, failed: 1 });
    const output = new Map(linesIn<Row>('out.jsonl').map((row) => [row.id, row.steps.classify.model]));
    expect([output.get('row-1'), output.get('row-2'), output.get('row-10'), output.has('row-3')]).toEqual(['small', 'big', 'small', false]);
    expect(linesIn('out.errors.jsonl')).toEqual([
      { id: 'row-3', line: 4, error: { code: 'UPSTREAM_FAILED', message: expect.stringContaining('we failed') } },
    ]);
    // Three times at each of the two models, and no more.
    const three = provider.batches.flatMap(({ requests }) => requests.filter(({ body }) => JSON.stringify(body).includes('complaint 3"')));
    expect(three.length).toBe(6);
  });

  it.each(['lost-answer', 'lost-request', 'busy'] as const)('pays for no batch twice when a submission ends in %s', async (fault) => {
    provider.faults.push(fault);
    const done = await run();
    expect([done.exit, documentIn(done).done]).toEqual([0, 24]);
    expect(new Set(paid()).size).toBe(paid().length);
    expect(provider.batches.length).toBe(2);
  });

  it('killed at any moment and resumed, gives the same rows and pays for no batch twice', async () => {
    await run();
    const expected = readFileSync(join(folder, 'out.jsonl'), 'utf8');
    const inAll = provider.calls.length;
    rmSync(join(folder, '.smallfirst'), { recursive: true });
    // After so many requests of the provider's API; the submission itself is among them.
    for (const after of [name === 'anthropic' ? 1 : 3, Math.floor(inAll * 0.7)]) {
      await provider.close();
      rmSync(join(folder, 'out.jsonl'));
      rmSync(join(folder, 'out.jsonl.job'), { recursive: true });
      await prepare(name);
      const running = start(folder, args('--resume'));
      await until(() => provider.calls.length >= after, `${after} requests`);
      process.kill(running.pid, 'SIGKILL');
      await running.finished;
      const resumed = await run('--resume');
      expect([resumed.exit, readFileSync(join(folder, 'out.jsonl'), 'utf8')]).toEqual([0, expected]);
      expect(new Set(paid()).size).toBe(paid().length);
    }
    const calls = await recordedCalls(join(folder, '.smallfirst'));
    expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  }, 120_000);
});

describe('a bulk job in batches', () => {
  beforeEach(() => prepare('openai'));

  it('is called off at the provider when asked to, and goes on with what was answered', async () => {
    provider.hold = true;
    const running = start(folder, args());
    await until(() => provider.calls.some((call) => call.startsWith('GET /v1/batches/')), 'a look at the batch');
    running.interrupt();
    const stopped = await running.finished;
    expect([stopped.exit, documentIn(stopped).stopped]).toEqual([1, 'aborted']);
    expect(documentIn(await run('--cancel'))).toEqual({ cancelled: 1 });
    expect(provider.batches[0]?.cancelled).toBe(true);
    provider.hold = false;
    const done = await run('--resume');
    expect(documentIn(done)).toMatchObject({ done: 24, failed: 0 });
  });

  it('spends no more than its cap, writes what that paid for, and goes on with more', async () => {
    const free = documentIn<{ costUsd: number }>(await run());
    const whole = readFileSync(join(folder, 'out.jsonl'), 'utf8');
    rmSync(join(folder, 'out.jsonl.job'), { recursive: true });
    writeFileSync(
      join(folder, 'smallfirst.yaml'),
      readFileSync(join(folder, 'smallfirst.yaml'), 'utf8').replace('threshold: 0,', 'threshold: 0, parameters: { maxTokens: 12 },'),
    );
    const cap = free.costUsd * 0.8;
    const capped = await run('--max-cost', String(cap));
    const { done, stopped, costUsd } = documentIn<{ done: number; stopped: string; costUsd: number }>(capped);
    expect([capped.exit, stopped]).toEqual([1, 'max-cost']);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(24);
    expect(costUsd).toBeLessThanOrEqual(cap);
    const rest = await run('--resume');
    expect([rest.exit, new Set(paid().map((id) => id)).size]).toEqual([0, paid().length]);
    expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(whole);
  });

  it('splits a round into batches of the size that is asked for, and waits where too much is in line', async () => {
    provider.faults.push('crowded');
    const done = await run('--batch-size', '10');
    expect(documentIn(done)).toMatchObject({ done: 24, batches: 4 });
    // The first one was taken and refused before it did anything.
    expect(
      provider.batches
        .filter(({ crowded }) => !crowded)
        .map(({ requests }) => requests.length)
        .sort(),
    ).toEqual([10, 10, 4, 6]);
  });

  it('ends with the provider’s words where a batch is refused, and sends it when it goes on', async () => {
    provider.faults.push('rejected');
    const refused = await run();
    expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('batches are not for this model')]);
    expect(documentIn(await run('--resume'))).toMatchObject({ done: 24, failed: 0 });
  });

  it('is not gone on with by a run that asks straight', async () => {
    provider.faults.push('rejected');
    await run();
    const live = await inProcess(folder, ['batch', 'p', '--input', 'in.jsonl', '--output', 'out.jsonl', '--ordered', '--resume']);
    expect([live.exit, live.err]).toEqual([2, expect.stringContaining('--mode batch')]);
  });
});
