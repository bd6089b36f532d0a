import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Json, systemClock } from '../src/core/index.ts';
import { seededRandom } from '../src/statistics/index.ts';
import { openDataDir, openSqliteStore } from '../src/store/index.ts';
import { type TrainingRow, trainStudent } from '../src/student/index.ts';
import { JobFolder } from './batch/job.ts';
import { startLimitedUpstream } from './batch/limited-upstream.ts';
import { writeResult } from './result.ts';

/** Bulk work as users run it: 100,000 rows through an embedded student, killed and resumed, and a provider that limits. */
const ROWS = Number(process.argv[2] ?? 100_000);
const DATA = resolve(process.argv[3] ?? '../shared/data/text/banking77');
const SEED = 1;
const KILLS = 5;
const LIMIT = { perSecond: 200, latencyMs: 50, rows: 4_000 };

const folder = mkdtempSync(join(tmpdir(), 'bench-batch-'));
try {
  const source = await prepare();
  const job = new JobFolder(folder);
  const speed = await uninterrupted(job, source);
  const ordered = await killed(job, true);
  const unordered = await killed(job, false);
  const aimd = await limited();
  writeResult('batch', { source, speed, killed: { ordered, unordered }, aimd });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Trains a student on real texts where they are there, else on generated ones, and writes the config and the input. */
async function prepare(): Promise<{ readonly texts: string; readonly rows: number; readonly labels: number; readonly characters: number }> {
  const isReal = existsSync(join(DATA, 'train.jsonl'));
  const [training, asked] = isReal ? [rowsIn('train.jsonl'), rowsIn('test.jsonl')] : [generated(3_000), generated(1_000)];
  await trainStudent({ rows: training, outDir: join(folder, 'student'), seed: SEED, clock: systemClock });
  const labels = [...new Set(training.map(({ label }) => label ?? ''))];
  writeFileSync(
    join(folder, 'smallfirst.yaml'),
    `students: { bank: { path: student } }
tasks: { intent: { output: { kind: label, labels: ${JSON.stringify(labels)} }, ladder: [student/bank] } }
pipelines: { p: { steps: [ { step: classify, task: intent } ] } }
`,
  );
  const lines = Array.from(
    { length: ROWS },
    (_, i) => `${JSON.stringify({ id: `row-${i}`, text: asked[i % asked.length]?.text ?? '' })}\n`,
  );
  writeFileSync(join(folder, 'in.jsonl'), lines.join(''));
  const characters = asked.reduce((sum, { text }) => sum + text.length, 0) / asked.length;
  return { texts: isReal ? 'Banking77, test split, repeated' : 'generated', rows: ROWS, labels: labels.length, characters };
}

function rowsIn(name: string): readonly TrainingRow[] {
  return readFileSync(join(DATA, name), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TrainingRow);
}

/** Twenty labels, each with words of its own among words of all. */
function generated(count: number): readonly TrainingRow[] {
  const random = seededRandom(SEED);
  const word = (from: number, many: number): string => `w${from + Math.floor(random.next() * many)}`;
  return Array.from({ length: count }, (_, i) => {
    const own = 1_000 + (i % 20) * 20;
    return {
      text: Array.from({ length: 12 }, (_, at) => (at % 3 === 0 ? word(own, 20) : word(0, 400))).join(' '),
      label: `label-${i % 20}`,
    };
  });
}

async function uninterrupted(job: JobFolder, source: { readonly rows: number }): Promise<{ readonly [key: string]: Json }> {
  job.clear();
  const run = await job.run(['--ordered']);
  const recorded = await callsIn(job.data);
  const figures = {
    rowsPerSecond: run.summary?.rowsPerSecond ?? null,
    rowsPerSecondWholeProcess: source.rows / run.seconds,
    seconds: run.seconds,
    cpuSeconds: run.cpuSeconds,
    cpuMicrosecondsPerRow: (run.cpuSeconds / source.rows) * 1e6,
    peakMb: run.peakMb,
    recordedCalls: recorded,
  };
  console.log(
    `${source.rows} rows: ${figures.rowsPerSecond?.toFixed(0)} rows/s (${figures.rowsPerSecondWholeProcess.toFixed(0)} from the start of the process to its end), ` +
      `${figures.cpuMicrosecondsPerRow.toFixed(0)} µs of processor time a row in all threads, peak ${run.peakMb?.toFixed(0)} MB, ${recorded} calls in the store`,
  );
  return figures;
}

/** Kills a job at random moments, goes on to the end, and compares with a job that nobody killed. */
async function killed(job: JobFolder, isOrdered: boolean): Promise<{ readonly [key: string]: Json }> {
  const how = isOrdered ? ['--ordered'] : [];
  job.clear();
  await job.run(how);
  const expected = hashOf(job.output, isOrdered);
  const { length } = readFileSync(job.output);
  const random = seededRandom(SEED + 1);
  const moments = Array.from({ length: KILLS }, () => random.next()).sort((a, b) => a - b);
  job.clear();
  let kills = 0;
  for (const moment of moments) {
    const { summary } = await job.run([...how, '--resume'], moment * length);
    if (summary === null) kills += 1;
  }
  const last = await job.run([...how, '--resume']);
  const isSame = hashOf(job.output, isOrdered) === expected;
  const recorded = await callsIn(job.data);
  console.log(
    `${isOrdered ? 'ordered' : 'unordered'}: killed ${kills} times at ${moments.map((at) => `${(at * 100).toFixed(0)} %`).join(', ')}; ` +
      `${isSame ? 'the same' : 'ANOTHER'} output ${isOrdered ? 'byte for byte' : 'as a set by id'}, ${recorded} calls in the store, ${last.summary?.skipped} rows were finished before the last run`,
  );
  if (!isSame || kills !== KILLS || recorded !== ROWS) throw new Error('a killed job is not what it must be');
  return { kills, moments, same: isSame, recordedCalls: recorded, skippedByLastRun: last.summary?.skipped ?? null };
}

function hashOf(path: string, isOrdered: boolean): string {
  const text = readFileSync(path, 'utf8');
  const hash = createHash('sha256');
  if (isOrdered) hash.update(text);
  else for (const line of text.split('\n').sort()) hash.update(`${line}\n`);
  return hash.digest('hex');
}

/** A provider that limits: how much of what it allows is used, and how many requests it refuses. */
async function limited(): Promise<{ readonly [key: string]: Json }> {
  const upstream = await startLimitedUpstream(LIMIT.perSecond, LIMIT.latencyMs);
  const own = mkdtempSync(join(tmpdir(), 'bench-batch-limit-'));
  try {
    writeFileSync(
      join(own, 'smallfirst.yaml'),
      `models: { big: { provider: openai, model: m, url: "${upstream.url}", apiKey: k, price: { input: 1, output: 2 } } }
tasks: { reply: { output: { kind: text }, ladder: [big] } }
pipelines: { p: { steps: [ { step: reply, task: reply } ] } }
`,
    );
    const lines = Array.from({ length: LIMIT.rows }, (_, i) => `${JSON.stringify({ id: i, text: `question ${i}` })}\n`);
    writeFileSync(join(own, 'in.jsonl'), lines.join(''));
    const { summary } = await new JobFolder(own).run([]);
    const { answered, limited: refused } = upstream.counts;
    const rowsPerSecond = summary?.rowsPerSecond ?? 0;
    console.log(
      `a provider that allows ${LIMIT.perSecond} requests/s: ${rowsPerSecond.toFixed(0)} rows/s (${((rowsPerSecond / LIMIT.perSecond) * 100).toFixed(0)} %), ` +
        `${((refused / (answered + refused)) * 100).toFixed(1)} % of ${answered + refused} requests refused, ${summary?.failed} rows failed`,
    );
    return {
      ...LIMIT,
      rowsPerSecond,
      shareOfLimit: rowsPerSecond / LIMIT.perSecond,
      answered,
      refused,
      refusedShare: refused / (answered + refused),
      failed: summary?.failed ?? null,
    };
  } finally {
    await upstream.close();
    rmSync(own, { recursive: true, force: true });
  }
}

async function callsIn(dataDir: string): Promise<number> {
  const directory = await openDataDir(dataDir, { readOnly: true });
  const store = await openSqliteStore(directory.database);
  try {
    let count = 0;
    for (let before: string | undefined; ; ) {
      const page = await store.calls.list({}, before === undefined ? { limit: 1_000 } : { limit: 1_000, before });
      count += page.length;
      before = page.at(-1)?.id;
      if (page.length < 1_000 || before === undefined) return count;
    }
  } finally {
    await store.close();
    await directory.release();
  }
}
