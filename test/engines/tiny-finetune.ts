import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCertify } from '../../src/cli/commands/certify.ts';
import { runEval } from '../../src/cli/commands/eval.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { auroc, ece } from '../../src/confidence/index.ts';
import { ENGINE_MODULES, ROOT } from './installed.ts';

const PROBE = "import importlib.util as u, sys; sys.exit(0 if all(u.find_spec(m) for m in ('torch', 'gguf', 'numpy')) else 1)";

/** A Python that has torch, numpy and gguf: SMALLFIRST_PYTHON, else python3. Null where there is none. */
export function pythonWithTorch(): string | null {
  const python = process.env.SMALLFIRST_PYTHON ?? 'python3';
  return spawnSync(python, ['-c', PROBE], { stdio: 'ignore' }).status === 0 ? python : null;
}

interface Row {
  readonly id: string;
  readonly text: string;
  readonly label: string;
}

/** The files of one small task. */
export interface TinyTask {
  readonly folder: string;
  readonly labels: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number; readonly heldOut: number };
  /** What a client sends for the first validation row. */
  readonly firstPrompt: string;
}

/**
 * Writes the most frequent intents of Banking77's training rows as a task: six tenths to learn from, one to choose the epoch by, three held out. The official
 * test rows are not touched. The ceiling is a recording of the right answers: the strictest there can be.
 */
export async function writeTinyTask(data: string, folder: string, intents: number): Promise<TinyTask> {
  const all = readFileSync(join(data, 'banking77', 'train.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  const counts = new Map<string, number>();
  for (const { label } of all) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, intents)
    .map(([label]) => label);
  const rows = all.filter(({ label }) => labels.includes(label));
  const share = (from: number, to: number) => rows.filter((_row, i) => i % 10 >= from && i % 10 < to);
  const [validation, heldOut, train] = [share(0, 1), share(1, 4), share(4, 10)];
  const lines = (values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const chats = (some: readonly Row[]) =>
    lines(some.map(({ text, label }) => ({ messages: [user(text), { role: 'assistant', content: label }] })));
  await writeFile(join(folder, 'train.jsonl'), chats(train));
  await writeFile(join(folder, 'validation.jsonl'), chats(validation));
  await writeFile(join(folder, 'set.jsonl'), lines(heldOut.map(({ id, text, label }) => ({ id, text, expected: label }))));
  await writeFile(join(folder, 'gold.jsonl'), lines(heldOut.map(({ id, label }) => ({ id, answers: { gold: label } }))));
  await writeFile(join(folder, 'smallfirst.yaml'), configOf(labels));
  await symlink(ENGINE_MODULES, join(folder, 'node_modules'));
  return {
    folder,
    labels,
    rows: { train: train.length, validation: validation.length, heldOut: heldOut.length },
    firstPrompt: validation[0]?.text ?? '',
  };
}

function user(content: string): object {
  return { role: 'user', content };
}

function configOf(labels: readonly string[]): string {
  return [
    'models:',
    '  tuned: { provider: llama-cpp, path: model.gguf, gpuLayers: 0, contextWindow: 256 }',
    '  gold: { provider: replay, data: gold.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }',
    'tasks:',
    '  intent:',
    `    output: { kind: label, labels: [${labels.join(', ')}] }`,
    '    ladder: [tuned, gold]',
    '    metric: exact',
    '    prompt: "{{input}}"',
    '',
  ].join('\n');
}

/** What the trainer said at its end. */
export interface TrainingReport {
  readonly epochs: number;
  readonly seconds: number;
  readonly parameters: number;
  readonly validationAccuracy: number;
  readonly chatTemplateSha256: string;
  readonly eos: string;
  readonly promptTokens: readonly number[];
}

/** Runs the trainer that is emitted to users. Rejects with its own words when it fails. */
export async function trainTiny(python: string, script: string, task: TinyTask, options: readonly string[]): Promise<TrainingReport> {
  const files = ['--train', 'train.jsonl', '--validation', 'validation.jsonl', '--out', 'model.gguf', '--name', 'intent'];
  const child = spawn(python, [script, ...files, ...options], { cwd: task.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const exited = once(child, 'close');
  let report: TrainingReport | null = null;
  for await (const line of createInterface(child.stdout)) {
    const said = JSON.parse(line) as { readonly event: string } & TrainingReport;
    if (said.event === 'done') report = said;
  }
  const [code] = await exited;
  if (code !== 0 || report === null) throw new Error(`the trainer ended with ${code}: ${Buffer.concat(errors).toString()}`);
  return report;
}

/** The trainer, as it is published. */
export const TRAINER: string = join(ROOT, 'assets', 'train', 'from_scratch.py');

/** How the served model did on the rows that were held out. */
export interface TinyResult {
  readonly n: number;
  readonly accuracy: number;
  /** Answers that were no label, or none at all. */
  readonly invalid: number;
  /** Of P(the chosen label among all labels) as the model itself gives it, uncalibrated. */
  readonly ece: number;
  /** How well it tells its right answers from its wrong ones. */
  readonly auroc: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  readonly certificate: TinyCertificate;
}

/** What `smallfirst certify --json` says. */
export interface TinyCertificate {
  readonly verdict: string;
  readonly threshold: number | null;
  readonly accepted: number;
  readonly retained: number;
  readonly retainedLowerBound: number;
  readonly savings: number | null;
}

interface EvalDocument {
  readonly models: readonly {
    readonly model: string;
    readonly quality: number;
    readonly invalid: number;
    readonly errors: number;
    readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  }[];
}

interface PairRow {
  readonly small: { readonly quality: number; readonly confidence: number };
}

/** `smallfirst eval` of the served model beside the ceiling, one question at a time, then `smallfirst certify` of the pairs. */
export async function evaluateTiny(task: TinyTask, floor: number): Promise<TinyResult> {
  const said: object[] = [];
  const io = silentIo(task.folder, said);
  const files = { config: 'smallfirst.yaml', set: 'set.jsonl', data: 'data', pairs: 'pairs.jsonl' };
  await runEval({ ...files, task: 'intent', models: ['tuned'], concurrency: 1, json: true }, io);
  await runCertify({ pairs: 'pairs.jsonl', floor, level: 0.95, method: 'score', json: true }, io);
  const [report, certificate] = said as unknown as [EvalDocument, TinyCertificate];
  const tuned = report.models.find(({ model }) => model === 'tuned');
  if (tuned === undefined) throw new Error('the eval has no row of the tuned model');
  const pairs = readFileSync(join(task.folder, 'pairs.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as PairRow);
  const sure = pairs.map(({ small }) => small.confidence);
  const right = pairs.map(({ small }) => small.quality);
  return {
    n: pairs.length,
    accuracy: tuned.quality,
    invalid: tuned.invalid + tuned.errors,
    ece: ece(sure, right) ?? Number.NaN,
    auroc: auroc(sure, right) ?? Number.NaN,
    latencyMs: tuned.latencyMs,
    certificate,
  };
}

function silentIo(folder: string, said: object[]): CommandIo {
  return {
    out: () => undefined,
    json: (document) => void said.push(document as object),
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
}
