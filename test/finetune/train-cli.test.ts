import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../../src/cli/io.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { openDataDir, openSqliteStore } from '../../src/store/index.ts';
import { storedPair } from '../support/life-pairs.ts';
import type { FakeApi } from './fake-api.ts';
import { FakeTogether } from './fake-providers.ts';
import { KEY, ROWS } from './job-world.ts';

let folder = '';
let fake: FakeApi;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-cli-'));
  // The file is checked at once: no test waits for the real clock.
  fake = await Object.assign(new FakeTogether(), { checks: 0 }).start();
  await writeFile(join(folder, 'rows.jsonl'), ROWS);
});
afterEach(async () => {
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly exit: number;
  readonly out: string;
  readonly notes: string;
  readonly json: Record<string, unknown> | null;
}

/** Runs a command line as a person would, with nobody at the terminal. */
async function smallfirst(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const said = { exit: 0, out: '', notes: '', json: null as Record<string, unknown> | null };
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => {
      said.json = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
    },
    note: (text) => {
      said.notes += `${text}\n`;
    },
    progress: () => ({ advance: () => {}, end: () => {} }),
    env: { PATH: process.env.PATH ?? '', ...env },
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  const program = buildProgram(io, (code) => {
    said.exit = code;
  });
  await program.parseAsync(['train', ...args], { from: 'user' });
  return said;
}

const together = () => ['--provider', 'together', '--base', 'Qwen/Qwen3-8B', '--url', fake.url, '--key-env', 'MY_KEY'];
const config = `
models:
  frontier: { provider: replay, data: answers.jsonl, price: { free: true } }
tasks:
  classify: { output: { kind: label, labels: [billing, refund, shipping] }, ladder: [frontier] }
  reply: { output: { kind: text }, ladder: [frontier], metric: contains }
`;

describe('smallfirst train for labels', () => {
  const texts = {
    billing: ['the invoice is wrong', 'charged twice', 'a fee I do not know'],
    shipping: ['where is my parcel', 'not delivered yet', 'late delivery'],
  };
  const rows = Object.entries(texts).flatMap(([label, list]) =>
    Array.from({ length: 90 }, (_, index) => ({ text: `${list[index % 3]} number ${index}`, label })),
  );

  it('trains a student with no provider, scores it on rows that it has not seen, and says what comes next', async () => {
    await writeFile(join(folder, 'labels.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const { exit, json } = await smallfirst(['classify', '--data', 'labels.jsonl', '--json']);
    expect(exit).toBe(0);
    const {
      rows: counts,
      heldOut,
      student,
      next,
    } = json as unknown as {
      rows: { training: number; heldOut: number };
      heldOut: { n: number; scores: { accuracy: number } };
      student: string;
      next: string[];
    };
    expect(counts.training + counts.heldOut).toBe(rows.length);
    expect(heldOut.n).toBe(counts.heldOut);
    expect(heldOut.scores.accuracy).toBeGreaterThan(0.95);
    expect(next.join('\n')).toContain('models promote student/classify --task classify');
    const learnt = await readFile(join(folder, '.smallfirst/students/classify-rows/train.jsonl'), 'utf8');
    const unseen = await readFile(join(folder, '.smallfirst/students/classify-rows/held-out.jsonl'), 'utf8');
    const known = new Set(learnt.trim().split('\n'));
    expect(
      unseen
        .trim()
        .split('\n')
        .filter((line) => known.has(line)),
    ).toEqual([]);
    expect(await readdir(student)).toContain('student.json');
  });

  it('names the file and the line of a bad row', async () => {
    await writeFile(join(folder, 'labels.jsonl'), '{"text":"a","label":"b"}\n{"text":1}\n');
    await expect(smallfirst(['classify', '--data', 'labels.jsonl'])).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      position: { line: expect.any(Number) },
    });
  });
});

describe('smallfirst train from recorded traces', () => {
  /** What the gateway keeps of requests whose small answer was checked: the frontier's answer is the right one. */
  async function record(n: number): Promise<void> {
    await writeFile(join(folder, 'smallfirst.yaml'), config);
    const directory = await openDataDir(join(folder, '.smallfirst'));
    const store = await openSqliteStore(directory.database);
    const words = { billing: 'invoice fee charged', refund: 'money back return', shipping: 'parcel delivery late' };
    const kinds = Object.entries(words);
    await store.pairs.append(
      Array.from({ length: n }, (_, index) => {
        const [label, about] = kinds[index % kinds.length]!;
        const code = (index * 7919 + 13).toString(36);
        return storedPair({
          id: `pair-${index}`,
          small: 'tiny',
          input: `${about} ${code} ${code.split('').reverse().join('')}x${index} about ${index * 31}`,
          smallOutput: index % 4 === 0 ? 'billing' : label,
          bigOutput: label,
        });
      }),
    );
    await store.close();
    await directory.release();
  }

  it('builds the data set, trains a student from it, and takes its pairs for DPO', async () => {
    await record(160);
    const { exit, json, notes } = await smallfirst(['classify', '--json']);
    expect(exit).toBe(0);
    expect(notes).toContain('No data set "classify" yet: it is built from the record.');
    const { rows, source } = json as { rows: { training: number; heldOut: number }; source: string };
    expect(source).toMatch(/^classify@[0-9a-f]{16}$/);
    expect(rows.training).toBeGreaterThan(rows.heldOut);
    expect(rows.heldOut).toBeGreaterThan(0);
    const job = (await smallfirst(['classify', '--provider', 'local', '--base', 'tiny/model', '--method', 'dpo', '--json'])).json as {
      state: string;
      dataset: { name: string; until: number };
      spec: { training: { path: string; rows: number } };
    };
    expect(job).toMatchObject({ state: 'exported', dataset: { name: source, until: expect.any(Number) } });
    const [first] = (await readFile(job.spec.training.path, 'utf8')).split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({ non_preferred_output: [{ role: 'assistant', content: 'billing' }] });
  });
});

describe('smallfirst train for text', () => {
  it('says that a language model is needed, and who can train one', async () => {
    await writeFile(join(folder, 'smallfirst.yaml'), config);
    await expect(smallfirst(['reply', '--data', 'rows.jsonl'])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('--provider'),
    });
    await expect(smallfirst(['replyy', '--data', '.smallfirst'])).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await expect(smallfirst(['reply', '--data', 'rows.jsonl', '--provider', 'nobody', '--base', 'x'])).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(
      smallfirst(['reply', '--data', 'rows.jsonl', '--provider', 'together', '--base', 'x', '--url', fake.url]),
    ).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('--key-env'),
    });
  });

  it('estimates without a key, says loudly what is not known, and sends nothing', async () => {
    const { exit, out } = await smallfirst(['classify', '--data', 'rows.jsonl', ...together(), '--estimate']);
    expect(exit).toBe(0);
    expect(out).toContain('Cost: UNKNOWN');
    const priced = await smallfirst([
      'classify',
      '--data',
      'rows.jsonl',
      ...together(),
      '--estimate',
      '--json',
      '--price',
      '2',
      '--endpoint-price',
      '1',
      '--call-cost',
      '0.01',
      '--calls-per-month',
      '100000',
    ]);
    const { estimate } = priced.json as {
      estimate: {
        billedTokens: number;
        costUsd: number;
        endpointUsdPerMonth: number;
        payback: { calls: number; callsPerMonthForEndpoint: number };
      };
    };
    expect(estimate.costUsd).toBeCloseTo((estimate.billedTokens * 2) / 1e6, 9);
    expect(estimate.payback).toMatchObject({ calls: Math.ceil(estimate.costUsd / 0.01), callsPerMonthForEndpoint: 73_000 });
    expect(fake.received).toEqual([]);
  });

  it('starts nothing while nobody agrees, nor over a cap', async () => {
    const asked = await smallfirst(['classify', '--data', 'rows.jsonl', ...together()], { MY_KEY: KEY });
    expect([asked.exit, fake.received.length]).toEqual([1, 0]);
    const capped = await smallfirst(['classify', '--data', 'rows.jsonl', ...together(), '--yes', '--max-cost', '1'], { MY_KEY: KEY });
    expect([capped.exit, fake.started]).toEqual([1, 0]);
    // The provider asks $1.50: the same job goes on under a higher cap.
    const list = await smallfirst(['list', '--json']);
    const [job] = (list.json as { jobs: { id: string; state: string }[] }).jobs;
    expect(job?.state).toBe('priced');
    await expect(smallfirst(['resume', job!.id, '--yes', '--max-cost', '2'])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('MY_KEY'),
    });
    const resumed = await smallfirst(['resume', job!.id.slice(-12), '--yes', '--max-cost', '2', '--no-wait'], { MY_KEY: KEY });
    expect([resumed.exit, fake.started]).toEqual([0, 1]);
    const polled = await smallfirst(['poll', job!.id, '--json'], { MY_KEY: KEY });
    expect(polled.json).toMatchObject({ state: 'queued' });
    expect((await smallfirst(['logs', job!.id], { MY_KEY: KEY })).out).toContain('Fine tune request created');
    const cancelled = await smallfirst(['cancel', job!.id, '--json'], { MY_KEY: KEY });
    expect(cancelled.json).toMatchObject({ state: 'cancelling' });
    expect((await smallfirst(['show', job!.id])).out).toContain('together, sft of Qwen/Qwen3-8B');
  });

  it('refuses rows that the provider would refuse, by line, and sends nothing', async () => {
    await writeFile(
      join(folder, 'chat.jsonl'),
      [
        '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}',
        '{"messages":[{"role":"user","content":"a"}]}',
      ].join('\n'),
    );
    const { exit, notes } = await smallfirst(['classify', '--data', 'chat.jsonl', ...together(), '--yes'], { MY_KEY: KEY });
    expect([exit, fake.received.length]).toEqual([1, 0]);
    expect(notes).toContain("chat.jsonl:2: the last message has the role user; it must be the assistant's");
  });
});

describe('smallfirst train --provider local', () => {
  const local = ['classify', '--data', 'rows.jsonl', '--provider', 'local', '--base', 'tiny/model'];

  /** A trainer that does what it is told to, in the place of axolotl. */
  async function trainer(script: string): Promise<Record<string, string>> {
    const bin = join(folder, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'axolotl'), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, 'axolotl'), 0o755);
    return { PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
  }

  it('writes everything that a trainer elsewhere needs, and takes back what it brought', async () => {
    const { exit, json } = await smallfirst([...local, '--json']);
    const job = json as { id: string; state: string };
    expect([exit, job.state]).toEqual([0, 'exported']);
    const home = join(folder, '.smallfirst/finetune', job.id);
    expect(await readdir(home)).toEqual(expect.arrayContaining(['axolotl.yaml', 'run.sh', 'train.jsonl', 'trl.json', 'unsloth.json']));
    // What a run elsewhere leaves behind.
    await writeFile(join(home, 'exit.json'), '{"tool":"trl","code":0}');
    await writeFile(join(home, 'template.json'), JSON.stringify({ chat_template: 'T', eos_token: '</s>' }));
    const resumed = await smallfirst(['resume', job.id, '--json']);
    expect(resumed.json).toMatchObject({
      state: 'succeeded',
      model: join(home, 'model'),
      template: { template: 'T', eos: '</s>' },
      lineage: { job: { id: job.id, provider: 'local', baseModel: 'tiny/model' }, template: { eos: '</s>' } },
    });
    expect((await smallfirst(['check', job.id, '--engine', 'hosted'])).out).toContain('Not known');
  });

  it('runs the tool here, and keeps its log and its end', async () => {
    const env = await trainer(
      'test "$1 $2" = "train axolotl.yaml" || exit 9\necho "{\'loss\': 0.5, \'epoch\': 1.5}"\nmkdir model\nprintf T > model/chat_template.jinja',
    );
    const { exit, json } = await smallfirst([...local, '--tool', 'axolotl', '--json'], env);
    expect([exit, json?.state, json?.error]).toEqual([0, 'succeeded', null]);
    expect(json?.template).toMatchObject({ template: 'T' });
    expect((await smallfirst(['logs', String(json?.id)], env)).out).toContain("'epoch': 1.5");
  });

  it('says what is missing where the tool is not installed, and goes on when it is', async () => {
    await expect(smallfirst([...local, '--tool', 'axolotl'], { PATH: '/usr/bin:/bin' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('axolotl is not installed here: pip install axolotl'),
    });
    const { json } = await smallfirst(['list', '--json']);
    const [job] = (json as { jobs: { id: string; state: string }[] }).jobs;
    expect(job?.state).toBe('launching');
    const resumed = await smallfirst(['resume', job!.id, '--json'], await trainer('exit 0'));
    expect(resumed.json?.state).toBe('succeeded');
  });

  it('ends as failed with the last words of the trainer, and stops one that is called off', async () => {
    const failed = await smallfirst([...local, '--tool', 'axolotl', '--json'], await trainer('echo CUDA out of memory >&2\nexit 3'));
    expect([failed.exit, failed.json?.state, failed.json?.error]).toEqual([1, 'failed', 'the trainer ended with 3: CUDA out of memory']);
    const env = await trainer('sleep 60');
    const running = await smallfirst([...local, '--tool', 'axolotl', '--no-wait', '--json'], env);
    expect(running.json?.state).toBe('running');
    const id = String(running.json?.id);
    expect((await smallfirst(['cancel', id, '--json'], env)).json?.state).toBe('cancelled');
    expect((await smallfirst(['poll', id, '--json'], env)).json?.state).toBe('cancelled');
  });
});
