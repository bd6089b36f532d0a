import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../src/pricing/index.ts';

/**
 * Writes assets/demo from the source data: `node .build/scripts/prepare-demo-data.js DIRECTORY`, where DIRECTORY holds
 * `text/cfpb_complaints_14llm/all.jsonl` and `routing/lifeeval-confidence/`. What was recorded is copied; only token counts are computed.
 */
const boolqModels: Readonly<Record<string, string>> = { 'Meta-Llama-3.1-8B-Instruct': 'llama-3.1-8b', 'gpt-4o': 'gpt-4o' };

/** The prompt that BoolQ's tokens are counted with; the task of the demo's config carries the same one. */
const boolqPrompt = (question: string): string => `Answer the question with True or False.\n\nQuestion: ${question}\nAnswer:`;

interface Complaint {
  readonly id: string;
  readonly text: string;
  readonly label: string;
  readonly llm_pred: Readonly<Record<string, string>>;
  readonly llm_latency_s: Readonly<Record<string, number>>;
}

function complaints(source: string): void {
  const rows = readFileSync(join(source, 'text', 'cfpb_complaints_14llm', 'all.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Complaint);
  writeRows(
    'complaints.set.jsonl',
    rows.map((row) => ({ id: row.id, text: row.text, expected: row.label })),
  );
  writeRows('complaints.recording.jsonl', [
    {
      recording: {
        source:
          'Roumeliotis, Tselikas, Nasiopoulos 2025, Electronics 14(6):1070; zero-shot answers and latencies as recorded by the authors',
        licence: 'MIT',
      },
    },
    ...rows.map((row) => ({
      id: row.id,
      answers: Object.fromEntries(
        Object.entries(row.llm_pred).map(([model, text]) => [
          model,
          { text, latencyMs: Math.round((row.llm_latency_s[model] ?? 0) * 1000) },
        ]),
      ),
    })),
  ]);
}

async function boolq(source: string): Promise<void> {
  const directory = join(source, 'routing', 'lifeeval-confidence');
  const count = await loadTokenizer();
  const questions = new Map<string, { tokens: number; gold: string }>();
  for (const [question = '', gold = '', id = ''] of readCsv(join(directory, 'questions', 'boolq_valid.csv')).slice(1)) {
    questions.set(id, { tokens: count(boolqPrompt(question)), gold });
  }
  const answers = new Map<string, Record<string, object>>();
  for (const [dataset, model = '', id = '', answer = '', , , , tokenProbability = ''] of readCsv(join(directory, 'answers.csv')).slice(1)) {
    const name = boolqModels[model];
    const question = questions.get(id);
    if (dataset !== 'boolq_valid' || name === undefined || question === undefined) continue;
    const row = answers.get(id) ?? {};
    row[name] = {
      text: answer,
      ...(tokenProbability === '' ? {} : { signals: { token: Number(tokenProbability) } }),
      usage: { freshInput: question.tokens, output: count(answer) },
    };
    answers.set(id, row);
  }
  const ids = [...questions.keys()].sort((a, b) => Number(a) - Number(b));
  writeRows(
    'boolq.set.jsonl',
    ids.map((id) => ({ id, text: `BoolQ validation question ${id}; its text is not shipped`, expected: questions.get(id)?.gold })),
  );
  writeRows('boolq.recording.jsonl', [
    {
      recording: {
        source: 'NoamMichael/Comparing-Confidence-in-LLMs at 560aae77: answers and token probabilities as recorded; token counts computed',
        licence: 'MIT',
      },
    },
    ...ids.map((id) => ({ id, answers: answers.get(id) ?? {} })),
  ]);
}

function writeRows(name: string, rows: readonly object[]): void {
  writeFileSync(join('assets', 'demo', name), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  console.log(`assets/demo/${name}: ${rows.length} lines`);
}

/** Reads comma-separated values with quoted fields (RFC 4180). */
function readCsv(file: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  const text = readFileSync(file, 'utf8');
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i += 1;
      } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',' || c === '\n') {
      row.push(field.replace(/\r$/, ''));
      field = '';
      if (c === '\n') {
        rows.push(row);
        row = [];
      }
    } else field += c;
  }
  return rows;
}

const directory = process.argv[2];
if (directory === undefined) {
  console.error('usage: node .build/scripts/prepare-demo-data.js DIRECTORY');
  process.exitCode = 2;
} else {
  complaints(directory);
  await boolq(directory);
}
