import type { ModelConfig, TaskConfig } from '../config/index.ts';
import { type Answer, addUsd, type Call, type Clock, type ModelRequest, type NanoUsd, textOf, usage } from '../core/index.ts';
import { chooseJudge, judgeAnswer, judgedBy, judgeRows } from '../judge/index.ts';
import type { PriceBook } from '../pricing/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { estimateInputTokens, worstCost } from '../run/index.ts';
import { countText } from './cascade-request.ts';
import type { Qualities } from './live-pair.ts';
import type { LiveRequest } from './live-request.ts';

/** What a verdict may read beside the texts, write, and how often two answers may be asked about. */
const PROMPT_TOKENS = 1_000;
const VERDICT_TOKENS = 1_024;
const MOST_CALLS = 4;

/** Two texts to be graded, each by itself. `small` is null where nobody wrote one. */
export interface Graded {
  readonly subject: LiveRequest;
  readonly task: TaskConfig;
  readonly request: ModelRequest;
  readonly small: Answer | null;
  readonly big: Answer;
  readonly signal: AbortSignal;
}

/** What the judge needs of the rest. */
export interface TextJudgeWorld {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly prices: Pick<PriceBook, 'price'>;
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly client: (name: string) => ModelClient;
  readonly countTokens: () => Promise<(text: string) => number>;
}

/** Grades the answers of text tasks that name a judge, and books its calls to the request. */
export class TextJudge {
  readonly #world: TextJudgeWorld;

  constructor(world: TextJudgeWorld) {
    this.#world = world;
  }

  /** The most that grading can cost; null without a price. */
  worst({ subject, task, request, small, big }: Graded): NanoUsd | null {
    const { model, rubric } = chooseJudge(task, this.#world.models);
    const text = [rubric, requestText(request), small?.text ?? '', big.text].join('\n');
    const inputTokens = estimateInputTokens(Buffer.from(text)) + PROMPT_TOKENS;
    const worst = { inputTokens, outputTokens: VERDICT_TOKENS, longCache: false, serviceTier: 'default' } as const;
    const once = worstCost(this.#world.prices, model, worst, subject.at);
    return once === null ? null : ((once * MOST_CALLS) as NanoUsd);
  }

  /** Both qualities, null where one could not be had; and what was spent on them, null where a call has no known price. */
  async grade(graded: Graded): Promise<{ readonly qualities: Qualities | null; readonly cost: NanoUsd | null }> {
    const { small, big } = graded;
    const rows: Call[] = [];
    const score = (answer: Answer | null): Promise<number | null> => this.#score(graded, answer, rows);
    const bigScore = big.toolCalls.length > 0 || big.stop === 'tool-call' ? null : await score(big);
    // The same text is worth the same, and asking twice would only show the judge's own noise.
    const isSame = small !== null && isWhole(small) && small.text.trim() === big.text.trim();
    const smallScore = bigScore === null ? null : isSame ? bigScore : await score(small);
    const { model } = chooseJudge(graded.task, this.#world.models);
    const costs = rows.flatMap(({ cost }) => (cost === null ? [] : [cost]));
    return {
      qualities: bigScore === null || smallScore === null ? null : { small: smallScore, big: bigScore, by: judgedBy(model.name) },
      cost: costs.length < rows.length ? null : addUsd(...costs),
    };
  }

  async #score({ subject, task, request, signal }: Graded, answer: Answer | null, rows: Call[]): Promise<number | null> {
    // What is no whole answer needs no judge.
    if (answer === null || !isWhole(answer) || answer.text.trim() === '') return 0;
    const { clock, newId, prices, models, client, countTokens } = this.#world;
    const { model, rubric } = chooseJudge(task, models);
    const judge = { model, client: client(model.name), rubric };
    const { score, attempts } = await judgeAnswer({ judge, input: requestText(request), answer: answer.text, signal }, clock);
    const count = await countTokens();
    const booked = judgeRows(attempts, {
      requestId: subject.requestId,
      task: task.name,
      key: subject.caller.key,
      team: subject.caller.team,
      model,
      newId,
      countUsage: (prompt, text) => usage({ freshInput: countText(prompt, count), output: text === '' ? 0 : countText(text, count) }),
      price: (used, at) => prices.price(model, used, at) ?? { cost: null, priceId: null },
    });
    for (const row of booked) subject.record(row);
    rows.push(...booked);
    return score;
  }
}

function isWhole({ stop, refusal, toolCalls }: Answer): boolean {
  return (stop === 'done' || stop === 'stop-sequence') && refusal === null && toolCalls.length === 0;
}

/** All that was said before the answer; who said it where there was more than one. */
function requestText({ messages }: ModelRequest): string {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) return textOf(only);
  return messages.map((message) => `${message.role}: ${textOf(message)}`).join('\n\n');
}
