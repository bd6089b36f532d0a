import type { ScoredToken } from '../../core/index.ts';
import type { LlamaModel, LlamaSequence } from './engine-types.ts';
import { type GenerationCounts, type GenerationOptions, readPrompt, throwIfOver } from './generate.ts';
import type { Choice, LabelTokens } from './label-tokens.ts';
import type { Piece } from './stop-scanner.ts';

/**
 * Writes a label, the most probable token at each step. Only tokens that lead to a label are weighed, so that their probabilities are those that the
 * grammar of the labels would give, at a fraction of its price; what is left of the last label that is possible needs no model.
 */
export async function* generateLabel(
  sequence: LlamaSequence,
  model: LlamaModel,
  labels: LabelTokens,
  options: GenerationOptions,
  counts: GenerationCounts,
): AsyncGenerator<Piece> {
  let pending = await readPrompt(sequence, options, counts);
  let said = '';
  for (;;) {
    const rest = labels.rest(said);
    if (rest !== null) {
      counts.ended = 'done';
      if (rest === '') return;
      counts.generated += model.tokenize(rest).length;
      const sure = { token: rest, logprob: 0 };
      yield { text: rest, logprob: options.topLogprobs === null ? null : { ...sure, top: options.topLogprobs > 0 ? [sure] : [] } };
      return;
    }
    throwIfOver(options);
    const choices = labels.choices(said);
    const weighed = await weigh(sequence, pending, choices);
    const best = weighed[0];
    if (best === undefined || best.choice.text === null) {
      counts.ended = 'done';
      return;
    }
    counts.generated += 1;
    yield { text: best.choice.text, logprob: options.topLogprobs === null ? null : scored(weighed, options.topLogprobs, model) };
    if (counts.generated >= options.maxTokens) {
      counts.ended = 'length';
      return;
    }
    said += best.choice.text;
    pending = [best.choice.token];
  }
}

interface Weighed {
  readonly choice: Choice;
  /** Natural logarithm of its share among the choices. */
  readonly logprob: number;
}

/** Evaluates what is pending and shares the probability out among the choices, the most probable first. */
async function weigh(sequence: LlamaSequence, pending: readonly number[], choices: readonly Choice[]): Promise<readonly Weighed[]> {
  const tokens = choices.map(({ token }) => token);
  const last = pending.length - 1;
  const answers = await sequence.controlledEvaluate(
    pending.map((token, i) => (i === last ? [token, { generateNext: { logits: { filter: { tokens } } } }] : token)),
  );
  const logits = answers[last]?.next.logits ?? new Map<number, number>();
  const found = choices.flatMap((choice) => {
    const logit = logits.get(choice.token);
    return logit === undefined ? [] : [{ choice, logit }];
  });
  const most = found.reduce((max, { logit }) => Math.max(max, logit), Number.NEGATIVE_INFINITY);
  const total = most + Math.log(found.reduce((sum, { logit }) => sum + Math.exp(logit - most), 0));
  return found.map(({ choice, logit }) => ({ choice, logprob: logit - total })).sort((a, b) => b.logprob - a.logprob);
}

function scored(weighed: readonly Weighed[], top: number, model: LlamaModel): { token: string; logprob: number; top: ScoredToken[] } {
  const listed = weighed.slice(0, Math.max(1, top)).map(({ choice, logprob }) => ({
    // That the answer could have ended here is an alternative like any other.
    token: choice.text ?? model.detokenize([choice.token], true),
    logprob: Math.min(0, logprob),
  }));
  const [chosen] = listed;
  return { token: chosen?.token ?? '', logprob: chosen?.logprob ?? 0, top: listed.slice(0, top) };
}
