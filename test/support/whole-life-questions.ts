import { existsSync, readFileSync } from 'node:fs';

const file = new URL('../../../shared/data/routing/llm-uncertainty-bench/cosmosqa_10k.csv', import.meta.url);

/** A question of CosmosQA as two models really answered it: the options that they picked, and the small one's probability of its own. */
export interface RecordedQuestion {
  readonly id: string;
  readonly small: string;
  readonly smallProbability: number;
  readonly big: string;
  readonly bigProbability: number;
}

/** The options of a question; the last two say "I don't know" and "none of the above". */
export const OPTIONS: readonly string[] = ['A', 'B', 'C', 'D', 'E', 'F'];

/** Whether the recorded answers are there: they are no part of this repository. */
export const hasRecordedQuestions = existsSync(file);

/** The first questions of the set, with the answers of Qwen-14B and Qwen-72B. Throws where there are fewer. */
export function recordedQuestions(count: number): readonly RecordedQuestion[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head.trim().split(',');
  const at = (cells: readonly string[], name: string): string => {
    const cell = cells[names.indexOf(name)];
    if (cell === undefined) throw new Error(`the recorded answers have no ${name}`);
    return cell;
  };
  if (lines.length < count) throw new Error(`there are ${lines.length} recorded questions, not ${count}`);
  return lines.slice(0, count).map((line) => {
    const cells = line.trim().split(',');
    return {
      id: at(cells, 'id'),
      small: at(cells, 'Qwen-14B|pick'),
      smallProbability: Number(at(cells, 'Qwen-14B|p1')),
      big: at(cells, 'Qwen-72B|pick'),
      bigProbability: Number(at(cells, 'Qwen-72B|p1')),
    };
  });
}
