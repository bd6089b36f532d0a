import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/core/index.ts';
import { createEmbedder, Upstreams } from '../src/providers/index.ts';
import { seededRandom, wilson } from '../src/statistics/index.ts';
import { evaluateStudent, loadStudent, loadTrainingRows, type TrainingRow, trainStudent } from '../src/student/index.ts';
import { learnWordVectors, type WordVectors } from './ppmi-embeddings.ts';
import { writeResult } from './result.ts';

/**
 * Banking77 with few labels, over texts and over embeddings. No pretrained model can be had where this runs: the embeddings are learnt here from the
 * training texts without their labels (PPMI, 128 numbers), and served over HTTP as any endpoint is. What a pretrained model gives is quoted,
 * not measured. Scored on the training rows that were not drawn: the test split is not looked at.
 */
const DATA = resolve(process.argv[2] ?? '../shared/data/text');
const PER_CLASS = [5, 10, 20] as const;
const DRAWS = 3;
const MODEL = 'ppmi-128';

/** bge-small-en-v1.5 with logistic regression on the test split, as rkemery/banking77-lora-vs-frontier prints it. */
const PUBLISHED_PRETRAINED = { 5: 0.833, 10: 0.873, 20: 0.893 } as const;

interface Endpoint {
  readonly url: string;
  close(): void;
}

async function serve(words: WordVectors): Promise<Endpoint> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { input } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { input: string[] };
      const data = input.map((text, index) => ({ object: 'embedding', index, embedding: [...words.vectorOf(text)] }));
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ object: 'list', data, model: MODEL, usage: { prompt_tokens: input.length, total_tokens: input.length } }),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The first rows of each label in a random order, and the others. */
function draw(
  rows: readonly TrainingRow[],
  perClass: number,
  seed: number,
): { readonly drawn: TrainingRow[]; readonly others: TrainingRow[] } {
  const taken = new Map<string, number>();
  const [drawn, others]: [TrainingRow[], TrainingRow[]] = [[], []];
  for (const row of seededRandom(seed).shuffle([...rows])) {
    const label = row.label ?? '';
    const count = taken.get(label) ?? 0;
    taken.set(label, count + 1);
    (count < perClass ? drawn : others).push(row);
  }
  return { drawn, others };
}

interface Figures {
  readonly accuracy: number;
  readonly right: number;
  readonly n: number;
  readonly ece: number;
}

async function bench(rows: readonly TrainingRow[]): Promise<void> {
  const startedAt = systemClock.monotonic();
  const words = learnWordVectors(
    rows.map(({ text }) => text),
    1,
  );
  const learnSeconds = (systemClock.monotonic() - startedAt) / 1000;
  const endpoint = await serve(words);
  const upstreams = new Upstreams({ allowPrivate: true }, { clock: systemClock, random: Math.random, environment: {} });
  upstreams.add([{ name: MODEL, provider: 'vllm', model: MODEL, url: endpoint.url, keys: [] }]);
  const embedder = createEmbedder(upstreams.get(MODEL));
  const folder = await mkdtemp(join(tmpdir(), 'bench-embedding-'));
  const score = async (drawn: readonly TrainingRow[], others: readonly TrainingRow[], reads: 'text' | 'embeddings'): Promise<Figures> => {
    const outDir = join(folder, 'student');
    await trainStudent({
      rows: drawn,
      outDir,
      seed: 1,
      clock: systemClock,
      candidates: [{ mode: 'default', reads }],
      embeddings: { embedder, url: endpoint.url, apiKeyEnv: null },
    });
    const { scores } = await evaluateStudent(await loadStudent(outDir, () => embedder), others, systemClock);
    const accuracy = scores?.accuracy ?? 0;
    return { accuracy, right: Math.round(accuracy * others.length), n: others.length, ece: scores?.ece ?? 0 };
  };
  try {
    const results = [];
    for (const perClass of PER_CLASS) {
      for (const reads of ['text', 'embeddings'] as const) {
        const found: Figures[] = [];
        for (let seed = 1; seed <= DRAWS; seed += 1) {
          const { drawn, others } = draw(rows, perClass, seed);
          found.push(await score(drawn, others, reads));
        }
        const mean = (key: 'accuracy' | 'ece') => found.reduce((sum, one) => sum + one[key], 0) / found.length;
        const { low, high } = wilson(found[0]!.right, found[0]!.n, 0.95);
        results.push({
          perClass,
          reads,
          draws: DRAWS,
          accuracy: mean('accuracy'),
          ece: mean('ece'),
          n: found[0]!.n,
          firstDraw95: { low, high },
        });
        console.log(
          `${String(perClass).padStart(3)} per class, over ${reads.padEnd(10)}: accuracy ${mean('accuracy').toFixed(3)}, ECE ${mean('ece').toFixed(3)}`,
        );
      }
    }
    console.log(
      `\nThe embeddings were learnt here from ${rows.length} unlabelled training texts in ${learnSeconds.toFixed(1)} s; a pretrained model (bge-small-en-v1.5) is published at .833 / .873 / .893.`,
    );
    const embeddings = {
      model: MODEL,
      learntFrom: 'the training texts of Banking77 without their labels',
      texts: rows.length,
      learnSeconds,
    };
    console.log(
      `written to ${writeResult('embedding-students', { scoredOn: 'training rows that were not drawn', embeddings, results, publishedPretrained: { ...PUBLISHED_PRETRAINED } })}`,
    );
  } finally {
    endpoint.close();
    await upstreams.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

const file = join(DATA, 'banking77', 'train.jsonl');
if (existsSync(file)) await bench(await loadTrainingRows(file));
else console.log(`skipped: the data sets are not in ${DATA}; they are no part of the package. Name their folder as the first argument.`);
