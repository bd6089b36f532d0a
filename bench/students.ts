import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Json } from '../src/core/index.ts';
import { packageRoot, writeResult } from './result.ts';
import { hasSet, SEED } from './students/data.ts';
import { type PartResult, partsOf } from './students/parts.ts';
import { PUBLISHED, PUBLISHED_OUT_OF_SCOPE } from './students/published.ts';
import { describe, missedOf } from './students/report.ts';
import { look, type TestLooks } from './students/test-looks.ts';

/**
 * Students on official splits, on complaints with the recorded answers of 14 models, without human labels, and of the other kinds. Settings come
 * from training and validation rows; test rows are scored by this bench alone, which counts how many models it scored on them.
 *
 * node students.js [DATA] [--part NAME]... [--rounds N] [--alone]: parts that are not run keep their last figures; `--alone` leaves out the
 * benches of extraction and of embeddings, which are run after this one otherwise.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '3' },
    alone: { type: 'boolean', default: false },
  },
});
const data = resolve(positionals[0] ?? '../shared/data/text');
const rounds = Number(values.rounds);

interface Document {
  readonly testLooks: Readonly<Record<string, TestLooks>>;
  readonly parts: Readonly<Record<string, Json>>;
}

/** A part's figures from a process of its own, so that nothing of one training is warm or in the way in the next. */
async function inOwnProcess(part: string): Promise<PartResult> {
  const child = fork(process.argv[1]!, [data, '--part', part, '--rounds', String(rounds)], {
    env: { ...process.env, SMALLFIRST_BENCH_PART: part },
  });
  const found: PartResult[] = [];
  child.on('message', (message) => found.push(message as PartResult));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0 || !found[0]) throw new Error(`${part} failed`);
  return found[0];
}

function lastDocument(): Document {
  const path = resolve(packageRoot(), 'bench', 'results', 'students.json');
  const figures = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { figures: Partial<Document> }).figures : {};
  return figures.parts ? { testLooks: figures.testLooks ?? {}, parts: figures.parts } : { testLooks: {}, parts: {} };
}

async function runAll(): Promise<void> {
  let path = '';
  for (const { name } of partsOf(data, values.part)) {
    const { figures, looks } = await inOwnProcess(name);
    // Read anew: another run may have written its parts meanwhile.
    const last = lastDocument();
    const testLooks = looks.reduce((known, { set, model }) => look(known, set, model), last.testLooks);
    const parts = { ...last.parts, [name]: figures };
    console.log(describe(name, figures));
    path = writeResult('students', {
      seed: SEED,
      testLooks: testLooks as unknown as Json,
      missed: missedOf(parts),
      parts,
      published: PUBLISHED as unknown as Json,
      publishedOutOfScope: PUBLISHED_OUT_OF_SCOPE as unknown as Json,
    });
  }
  console.log(`written to ${path}`);
  const missed = missedOf(lastDocument().parts);
  if (missed.length > 0) console.log(`MISSED: ${missed.join('; ')}`);
  if (missed.length > 0) process.exitCode = 1;
}

/** Benches of their own files, which also take the folder of the data first. */
async function runBench(file: string): Promise<void> {
  const child = fork(resolve(process.argv[1]!, '..', file), [data]);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${file} failed`);
}

const own = process.env.SMALLFIRST_BENCH_PART;
if (own !== undefined) {
  const part = partsOf(data, [own]).find(({ name }) => name === own);
  if (!part) throw new Error(`there is no part ${own}`);
  process.send!(await part.measure({ data, rounds }));
} else if (!hasSet(data, 'banking77')) {
  console.log(`skipped: the data sets are not in ${data}; they are no part of the package. Name their folder as the first argument.`);
} else {
  await runAll();
  if (!values.alone && values.part.length === 0)
    for (const file of ['students-extraction.js', 'embedding-students.js']) await runBench(file);
}
