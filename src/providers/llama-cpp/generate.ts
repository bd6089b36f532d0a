import { type EpochMs, SmallfirstError, type TokenLogprob } from '../../core/index.ts';
import type { GrammarState, LlamaModel, LlamaSequence } from './engine-types.ts';
import { throwIfGone } from './slots.ts';
import type { Piece } from './stop-scanner.ts';

/** Tokens of a prompt that are read between two looks at whether anybody still waits. */
const PROMPT_CHUNK = 128;
/** Tokens before one that its text can depend on: a leading space, half a character. */
const LOOK_BACK = 8;
/** A character has at most four bytes, and some tokens are one byte. */
const MAX_PARTIAL = 4;
const BROKEN = '\uFFFD';

/** How one answer is generated. */
export interface GenerationOptions {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | null;
  /** Alternatives for each token; null for no probabilities. */
  readonly topLogprobs: number | null;
  readonly grammar: GrammarState | null;
  readonly signal: AbortSignal | null;
  readonly deadlineAt: EpochMs | null;
  readonly now: () => EpochMs;
}

/** What generation has counted so far. */
export interface GenerationCounts {
  /** Tokens of the prompt that were remembered from the call before. */
  reused: number;
  /** Tokens that were generated, the end token not among them. */
  generated: number;
  /** Why it ended; null while it has not. */
  ended: 'done' | 'length' | null;
}

/**
 * Reads a prompt and yields the answer token by token; what a token of half a character means is said with the token that completes it.
 * Probabilities are those of the distribution that the token was taken from: what the grammar forbids has none.
 */
export async function* generate(
  sequence: LlamaSequence,
  model: LlamaModel,
  options: GenerationOptions,
  counts: GenerationCounts,
): AsyncGenerator<Piece> {
  const rest = await readPrompt(sequence, options, counts);
  const said: number[] = options.prompt.slice(-LOOK_BACK);
  let partial: number[] = [];
  const steps = sequence.evaluateWithMetadata(
    rest,
    { probabilities: options.topLogprobs !== null },
    {
      temperature: options.temperature,
      topK: 0,
      topP: options.topP,
      ...(options.seed === null ? {} : { seed: options.seed }),
      ...(options.grammar === null ? {} : { grammarEvaluationState: options.grammar }),
      yieldEogToken: true,
    },
  );
  for await (const { token, probabilities } of steps) {
    throwIfOver(options);
    if (model.isEogToken(token)) {
      counts.ended = 'done';
      return;
    }
    counts.generated += 1;
    partial.push(token);
    const text = model.detokenize(partial, false, said.slice(-LOOK_BACK));
    const isWhole = !text.endsWith(BROKEN) || partial.length >= MAX_PARTIAL;
    const own = isWhole ? text : '';
    yield { text: own, logprob: probabilities ? scored(token, own, probabilities, { model, options, said }) : null };
    if (isWhole) {
      said.push(...partial);
      partial = [];
    }
    if (counts.generated >= options.maxTokens) {
      counts.ended = 'length';
      return;
    }
  }
  counts.ended ??= 'done';
}

/** Brings the sequence to the prompt, all but what is left to evaluate; what it remembers of a prompt before is not read again. */
export async function readPrompt(
  sequence: LlamaSequence,
  options: GenerationOptions,
  counts: GenerationCounts,
): Promise<readonly number[]> {
  const { prompt } = options;
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  counts.reused = sequence.nextTokenIndex;
  let at = counts.reused;
  while (prompt.length - at > PROMPT_CHUNK) {
    throwIfOver(options);
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(at, at + PROMPT_CHUNK));
    at += PROMPT_CHUNK;
  }
  throwIfOver(options);
  return prompt.slice(at);
}

/** Throws ABORTED or DEADLINE_EXCEEDED. */
export function throwIfOver({ signal, deadlineAt, now }: GenerationOptions): void {
  throwIfGone(signal);
  if (deadlineAt !== null && now() >= deadlineAt)
    throw new SmallfirstError('DEADLINE_EXCEEDED', 'The deadline passed while the model wrote.');
}

interface Scoring {
  readonly model: LlamaModel;
  readonly options: GenerationOptions;
  readonly said: readonly number[];
}

function scored(token: number, text: string, probabilities: ReadonlyMap<number, number>, { model, options, said }: Scoring): TokenLogprob {
  const top: { token: string; logprob: number }[] = [];
  const before = said.slice(-LOOK_BACK);
  // The engine sorts them, the most probable first.
  for (const [other, probability] of probabilities) {
    if (top.length >= (options.topLogprobs ?? 0) || probability <= 0) break;
    top.push({ token: other === token ? text : textOfAlternative(model, other, before), logprob: Math.log(probability) });
  }
  return { token: text, logprob: Math.log(probabilities.get(token) ?? 0), top };
}

/** End tokens are written out: that the answer could have ended here is an alternative like any other. */
function textOfAlternative(model: LlamaModel, token: number, before: readonly number[]): string {
  return model.detokenize([token], model.isEogToken(token), before);
}
