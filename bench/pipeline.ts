import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { contentHash, type Json } from '../src/core/index.ts';
import { loadTokenizer } from '../src/pricing/index.ts';
import { wilson } from '../src/statistics/index.ts';
import { writeResult } from './result.ts';

/**
 * The article's pipeline on real complaints, before (the frontier does every step) and after (students and small models do the bulk, the
 * frontier the last mile). Classify is real: recorded answers of the frontier, a student trained on other complaints, gold labels. The
 * texts of the other steps were never recorded: their tokens are assumed, and their rows are marked `simulated`.
 */
const DATA = resolve(process.argv[2] ?? '../shared/data/text/cfpb_complaints_14llm');
const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const FRONTIER = 'gpt-4o';
/** Assumed, in tokens: instructions around a text, and answers. */
const ASSUMED = { prompt: 150, extract: 60, draft: 180, polish: 200 } as const;
/** Assumed share of requests whose answer a customer reads; drawn by a hash of the id. */
const CUSTOMER_FACING = 0.3;
const LABELS = ['credit_card', 'credit_reporting', 'debt_collection', 'mortgages_and_loans', 'retail_banking'];

/** The article's condition, and the one without what is not sure. */
const CONDITIONS = [
  ['after', 'a customer reads it, or classify is not sure'],
  ['customers', 'a customer reads it'],
] as const;

interface Complaint {
  readonly id: string;
  readonly text: string;
  readonly label: string;
  readonly llm_pred?: Readonly<Record<string, string>>;
}

interface StepRow {
  readonly output: Json;
  readonly model: string;
  readonly costUsd: number;
}
interface OutputRow {
  readonly id: string;
  readonly steps: Readonly<Record<string, StepRow>>;
  readonly costUsd: number;
}

const run = promisify(execFile);

function linesIn<T>(path: string): readonly T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

function writeLines(path: string, rows: readonly unknown[]): void {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** Uniform in [0, 1), the same for the same text on every machine. */
function draw(text: string): number {
  return Number.parseInt(contentHash(text).slice(0, 12), 16) / 2 ** 48;
}

/** Floors that classify is certified for; each is reported, none is picked. */
const FLOORS = [0.98, 0.95, 0.9] as const;

const configAt = (floor: number): string => `version: 1
students:
  complaints: { path: student }
models:
  gpt-4o: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
  big-extract: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
  big-draft: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
  big-polish: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
  small-extract: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o-mini } } }
  small-draft: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o-mini } } }
tasks:
  classify:
    output: { kind: label, labels: [${LABELS.join(', ')}] }
    floor: { retain: ${floor}, level: 0.95 }
    canary: false
    prompt: "Classify the consumer complaint below into exactly one of these products: ${LABELS.join(', ')}.\\nAnswer with the product's name only.\\n\\nComplaint: {{input}}"
    ladder: [student/complaints, gpt-4o]
  classify-big: { output: { kind: label, labels: [${LABELS.join(', ')}] }, prompt: "Classify the consumer complaint below into exactly one of these products: ${LABELS.join(', ')}.\\nAnswer with the product's name only.\\n\\nComplaint: {{input}}", ladder: [gpt-4o] }
  extract: { output: { kind: text }, ladder: [small-extract] }
  extract-big: { output: { kind: text }, ladder: [big-extract] }
  draft: { output: { kind: text }, ladder: [small-draft] }
  draft-big: { output: { kind: text }, ladder: [big-draft] }
  polish: { output: { kind: text }, ladder: [big-polish] }
pipelines:
  before:
    steps:
      - { step: classify, task: classify-big }
      - { step: extract, task: extract-big }
      - { step: draft, task: draft-big }
      - { step: polish, task: polish, input: "{{ draft.output }}", purpose: polish }
  after:
    steps:
      - { step: classify, task: classify }
      - { step: extract, task: extract }
      - { step: draft, task: draft }
      - step: polish
        task: polish
        purpose: polish
        when: input.customerFacing || classify.confidence < classify.threshold
        input: "{{ draft.output }}"
  customers:
    steps:
      - { step: classify, task: classify }
      - { step: extract, task: extract }
      - { step: draft, task: draft }
      - { step: polish, task: polish, purpose: polish, when: input.customerFacing, input: "{{ draft.output }}" }
`;

async function main(): Promise<void> {
  if (!existsSync(join(DATA, 'all.jsonl'))) {
    console.log(`Skipped: ${DATA} is not there.`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'bench-pipeline-'));
  try {
    const figures = await measure(folder);
    writeResult('pipeline', figures as unknown as Json);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string) {
  const complaints = linesIn<Complaint>(join(DATA, 'all.jsonl'));
  // Half decides what may be trusted, the other half is what runs.
  const pairs = complaints.filter(({ id }) => draw(`half ${id}`) < 0.5);
  const served = complaints.filter((one) => !pairs.includes(one));
  await prepare(folder, pairs, served);
  const runOf = async (name: string, floor: number): Promise<PipelineFigures> => {
    const output = `${name}-${floor}.jsonl`;
    await smallfirst(folder, ['batch', name, '--input', 'in.jsonl', '--output', output, '--ordered', '--json']);
    return tally(linesIn<OutputRow>(join(folder, output)), served);
  };
  const before = await runOf('before', FLOORS[0]);
  const after = [];
  for (const floor of FLOORS) {
    writeFileSync(join(folder, 'smallfirst.yaml'), configAt(floor));
    const certificate = await certify(folder, floor);
    for (const [pipeline, condition] of CONDITIONS) {
      const found = await runOf(pipeline, floor);
      const saving = 1 - found.usdPerThousand / before.usdPerThousand;
      after.push({ floor, condition, certificate, saving, sharePolished: found.steps.polish?.share ?? 0, ...found });
    }
  }
  const figures = {
    data: 'CFPB complaints, 1,000 with recorded answers (Roumeliotis, Tselikas, Nasiopoulos 2025); 1,113 others to train on',
    frontier: FRONTIER,
    pairs: pairs.length,
    served: served.length,
    assumed: { tokens: ASSUMED, customerFacing: CUSTOMER_FACING },
    simulated: ['extract', 'draft', 'polish'],
    before,
    after,
  };
  print(served.length, before, after);
  return figures;
}

async function prepare(folder: string, pairs: readonly Complaint[], served: readonly Complaint[]): Promise<void> {
  writeFileSync(join(folder, 'smallfirst.yaml'), configAt(FLOORS[0]));
  writeLines(
    join(folder, 'train.jsonl'),
    linesIn<Complaint>(join(DATA, 'extra_train.jsonl')).map(({ text, label }) => ({ text, label })),
  );
  writeLines(
    join(folder, 'pairs-in.jsonl'),
    pairs.map(({ id, text, label, llm_pred }) => ({ id, text, label, frontier: llm_pred?.[FRONTIER] ?? '' })),
  );
  writeLines(
    join(folder, 'in.jsonl'),
    served.map(({ id, text }) => ({ id, text, customerFacing: draw(`customer ${id}`) < CUSTOMER_FACING })),
  );
  const countTokens = await loadTokenizer();
  const head = {
    recording: { source: 'classify as recorded by its authors; texts and their tokens assumed by this bench', licence: 'MIT' },
  };
  const rows = served.map(({ id, text, llm_pred }) => {
    const input = ASSUMED.prompt + countTokens(text);
    const assumed = (output: number, freshInput = input) => ({ text: 'simulated', usage: { freshInput, output } });
    return {
      id,
      answers: {
        [FRONTIER]: llm_pred?.[FRONTIER] ?? '',
        'big-extract': assumed(ASSUMED.extract),
        'small-extract': assumed(ASSUMED.extract),
        'big-draft': assumed(ASSUMED.draft),
        'small-draft': assumed(ASSUMED.draft),
        'big-polish': assumed(ASSUMED.polish, ASSUMED.prompt + ASSUMED.draft),
      },
    };
  });
  writeLines(join(folder, 'recording.jsonl'), [head, ...rows]);
  await smallfirst(folder, ['student', 'train', '--data', 'train.jsonl', '--out', 'student', '--json']);
  await smallfirst(folder, ['student', 'predict', '--student', 'student', '--data', 'pairs-in.jsonl', '--pairs', 'pairs.jsonl', '--json']);
}

/** What the student may keep at a floor: the verdict, its threshold and its share. */
async function certify(folder: string, floor: number): Promise<Json> {
  const task = ['--task', 'classify', '--small', 'student/complaints', '--write'];
  const said = await smallfirst(folder, ['certify', '--pairs', 'pairs.jsonl', '--floor', String(floor), ...task, '--json']);
  const { verdict, reason = null, threshold = null } = JSON.parse(said) as { verdict: string; reason?: string; threshold?: number };
  return { verdict, reason, threshold };
}

/** Runs a command; what it prints. Exit 1 is an answer too: nothing was certified. */
async function smallfirst(folder: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(process.execPath, [MAIN, ...args], { cwd: folder, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 1 && stdout !== undefined && stdout !== '') return stdout;
    throw new Error(`smallfirst ${args.join(' ')} ended with ${String(code)}: ${stderr ?? ''}`);
  }
}

interface StepFigures {
  /** Share of the requests that the step ran for. */
  readonly share: number;
  readonly usdPerThousand: number;
  /** Share of its answers by model. */
  readonly models: Readonly<Record<string, number>>;
}
interface PipelineFigures {
  readonly usdPerThousand: number;
  readonly classifyAccuracy: { readonly estimate: number; readonly low: number; readonly high: number };
  readonly steps: Readonly<Record<string, StepFigures>>;
}

function tally(rows: readonly OutputRow[], served: readonly Complaint[]): PipelineFigures {
  const gold = new Map(served.map(({ id, label }) => [id, label]));
  const steps: Record<string, StepFigures> = {};
  for (const name of ['classify', 'extract', 'draft', 'polish']) {
    const found = rows.flatMap(({ steps: all }) => all[name] ?? []);
    const models: Record<string, number> = {};
    for (const { model } of found) models[model] = (models[model] ?? 0) + 1 / found.length;
    const usd = found.reduce((sum, { costUsd }) => sum + costUsd, 0);
    steps[name] = { share: found.length / rows.length, usdPerThousand: (usd / rows.length) * 1000, models };
  }
  const right = rows.filter(({ id, steps: all }) => all.classify?.output === gold.get(id)).length;
  const { low, high } = wilson(right, rows.length, 0.95);
  return {
    usdPerThousand: (rows.reduce((sum, { costUsd }) => sum + costUsd, 0) / rows.length) * 1000,
    classifyAccuracy: { estimate: right / rows.length, low, high },
    steps,
  };
}

interface After extends PipelineFigures {
  readonly floor: number;
  readonly condition: string;
  readonly saving: number;
  readonly sharePolished: number;
}

function print(served: number, before: PipelineFigures, after: readonly After[]): void {
  const usd = (value: number): string => `$${value.toFixed(4)}`.padStart(10);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const right = ({ classifyAccuracy: { estimate, low, high } }: PipelineFigures): string =>
    `${percent(estimate)} (${percent(low)} to ${percent(high)})`;
  console.log(
    `The article's pipeline on ${served} real complaints; US dollars per 1,000 requests. Classify is right before: ${right(before)}.`,
  );
  for (const found of after) {
    console.log(`\nFloor ${found.floor}, polished where ${found.condition}:\n`);
    console.log('step        before      after   answered by');
    for (const [name, step] of Object.entries(found.steps)) {
      const models = Object.entries(step.models).map(([model, share]) => `${model} ${percent(share)}`);
      const note = name === 'classify' ? 'recorded and embedded' : 'simulated';
      const costs = `${usd(before.steps[name]?.usdPerThousand ?? 0)} ${usd(step.usdPerThousand)}`;
      console.log(`${name.padEnd(9)}${costs}   ${models.join(', ') || 'nobody'} (${note})`);
    }
    console.log(`${'total'.padEnd(9)}${usd(before.usdPerThousand)} ${usd(found.usdPerThousand)}   saved ${percent(found.saving)}`);
    console.log(`Polished: ${percent(found.sharePolished)}. Classify is right: ${right(found)}.`);
  }
}

await main();
