import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TriageRow } from '../src/triage/index.ts';

/** RouteLLM's published answers of Mixtral-8x7B and GPT-4-1106 to MMLU, the subject as category; contaminated prompts dropped as they do. */
export function readMmlu(folder: string): TriageRow[] {
  const responses = join(folder, 'mmlu', 'responses');
  const dropped = contaminated(join(folder, 'mmlu', 'contaminated_prompts.jsonl'));
  return readdirSync(responses)
    .sort()
    .flatMap((file) => {
      const subject = file.replace(/^mmlu_|\.csv$/g, '');
      return rowsOf(join(responses, file), subject, dropped).map((row) => ({ ...row, category: subject }));
    });
}

/** The same models' answers to GSM8K's test questions. */
export function readGsm8k(folder: string): TriageRow[] {
  return rowsOf(join(folder, 'gsm8k', 'gsm8k_responses.csv'), 'gsm8k', contaminated(join(folder, 'gsm8k', 'contaminated_prompts.jsonl')));
}

function contaminated(file: string): ReadonlySet<string> {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return new Set(lines.map((line) => (JSON.parse(line) as { readonly eval_prompt: string }).eval_prompt));
}

function rowsOf(file: string, name: string, dropped: ReadonlySet<string>): TriageRow[] {
  const [head, ...records] = parseCsv(readFileSync(file, 'utf8'));
  const at = (column: string) => {
    const index = head?.indexOf(column) ?? -1;
    if (index < 0) throw new Error(`${file} has no column ${column}`);
    return index;
  };
  const [prompt, small, big] = [at('prompt'), at('mistralai/Mixtral-8x7B-Instruct-v0.1'), at('gpt-4-1106-preview')];
  const right = (cell: string | undefined) => {
    if (cell !== 'True' && cell !== 'False') throw new Error(`${file}: ${cell} is neither True nor False`);
    return cell === 'True' ? 1 : 0;
  };
  return records
    .map((record, index) => ({ id: `${name}-${index}`, text: record[prompt]!, small: right(record[small]), big: right(record[big]) }))
    .filter((row) => !dropped.has(row.text));
}

/** RFC 4180: cells in quotes may hold commas, line ends and doubled quotes. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i]!;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ',') {
      row.push(cell);
      cell = '';
    } else if (character === '\n') {
      rows.push([...row, cell]);
      row = [];
      cell = '';
    } else if (character !== '\r') cell += character;
  }
  if (cell !== '' || row.length > 0) rows.push([...row, cell]);
  return rows;
}
