import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One recorded answer: what it was worth and what is known about how sure the model was. */
export interface RecordedAnswer {
  readonly quality: number;
  /** Probability of the answer's deciding token; absent where the answer could not be read. */
  readonly probability?: number;
  /** Probability of the runner-up; the free-text data sets do not have it. */
  readonly second?: number;
  /** Length of the reply in characters; the data sets that hold one letter per answer do not have it. */
  readonly characters?: number;
}

/** Requests of one data set, each answered by a ladder of models, cheapest first. */
export interface Population {
  readonly name: string;
  readonly models: readonly string[];
  /** Index of the model that plays the small one against the last. */
  readonly small: number;
  /** Assumed prices as shares of the ceiling's: the data have none. */
  readonly prices: readonly number[];
  /** What quality is: right or wrong by gold labels, or agreement with the ceiling. */
  readonly quality: 'gold' | 'agreement';
  /** Per request, one answer per model. */
  readonly requests: readonly (readonly RecordedAnswer[])[];
}

/** BoolQ, SciQ (ids and correctness only) and CosmosQA; null when they are not in the folder. */
export function loadPopulations(folder: string): Population[] | null {
  const answers = join(folder, 'lifeeval-confidence', 'answers.csv');
  const cosmos = join(folder, 'llm-uncertainty-bench', 'cosmosqa_10k.csv');
  if (!existsSync(answers) || !existsSync(cosmos)) return null;
  const rows = readTable(answers);
  return [spoken('BoolQ', 'boolq_valid', rows), spoken('SciQ', 'sciq_test', rows), multipleChoice('CosmosQA', readTable(cosmos))];
}

type Table = readonly ReadonlyMap<string, string>[];

/** A table of comma-separated values; quoted fields may hold commas, line feeds and doubled quotes. */
function readTable(path: string): Table {
  const [names, ...rows] = fieldsOf(readFileSync(path, 'utf8'));
  return rows.map((fields) => new Map(names!.map((name, i) => [name, fields[i] ?? ''])));
}

function fieldsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === '' && plain === '' && row.length === 0) break;
    row.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

function spoken(name: string, dataset: string, rows: Table): Population {
  const models = ['Meta-Llama-3.1-8B-Instruct', 'Meta-Llama-3.1-70B-Instruct', 'gpt-4o'];
  const byQuestion = new Map<string, Map<string, RecordedAnswer>>();
  for (const row of rows) {
    if (row.get('dataset') !== dataset) continue;
    const id = row.get('question_id')!;
    if (!byQuestion.has(id)) byQuestion.set(id, new Map());
    const probability = row.get('token_prob')!;
    byQuestion.get(id)!.set(row.get('model')!, {
      quality: Number(row.get('correct')),
      characters: Number(row.get('output_chars')),
      ...(probability === '' ? {} : { probability: Number(probability) }),
    });
  }
  const requests = [...byQuestion.values()]
    .filter((answers) => models.every((model) => answers.has(model)))
    .map((answers) => models.map((model) => answers.get(model)!));
  return { name, models, small: 0, prices: [0.02, 0.12, 1], quality: 'gold', requests };
}

function multipleChoice(name: string, rows: Table): Population {
  const models = ['Qwen-7B', 'Qwen-14B', 'Qwen-72B'];
  const ceiling = models.at(-1)!;
  const requests = rows.map((row) =>
    models.map((model) => ({
      quality: row.get(`${model}|pick`) === row.get(`${ceiling}|pick`) ? 1 : 0,
      probability: Number(row.get(`${model}|p1`)),
      second: Number(row.get(`${model}|p2`)),
    })),
  );
  return { name, models, small: 1, prices: [0.1, 0.2, 1], quality: 'agreement', requests };
}
