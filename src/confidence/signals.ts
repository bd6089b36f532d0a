import { type Answer, normaliseLabel, type Output, parseJsonAnswer, type TokenLogprob, type Validation } from '../core/index.ts';
import { type Decision, jsonDecisions, labelDecisions, type PlacedToken, placeTokens } from './decision-tokens.ts';
import { absent, present, type Signal, type SignalName, type Signals } from './types.ts';

/** Signals in the order in which they deserve trust. Mean and minimum are left out: over a whole text they measure its length. */
export const SIGNAL_PREFERENCE = ['probability', 'token', 'margin', 'agreement', 'stated'] as const satisfies readonly SignalName[];

const NO_LOGPROBS = 'the provider gave no logprobs';
const ONE_ANSWER = 'one answer has nothing to agree with';

/**
 * What one answer says about its own confidence. An answer that is truncated, cut, refused or filtered has none at all.
 * `validation` is what the answer was checked to be; without it a label is checked here, and JSON only for being JSON when it is not.
 */
export function signalsOf(answer: Answer, output: Output, validation: Validation | null = null): Signals {
  const incomplete = whyIncomplete(answer);
  if (incomplete !== null) return everySignal(absent(incomplete));
  const tokens = placedTokens(answer);
  const decisions = typeof tokens === 'string' ? tokens : decisionsOf(answer.text, output, tokens);
  return {
    probability: recorded(answer.recorded?.probability, 'the provider computes no probability'),
    // A probability that was recorded is the token's own; logprobs would only give it again.
    token: answer.recorded?.token === undefined ? tokenSignal(decisions) : recorded(answer.recorded.token, ''),
    margin: answer.recorded?.margin === undefined ? marginSignal(decisions) : recorded(answer.recorded.margin, ''),
    'mean-logprob': logprobSignal(tokens, (values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    'min-logprob': logprobSignal(tokens, (values) => values.reduce((least, value) => Math.min(least, value), 0)),
    stated: recorded(answer.recorded?.stated, 'the model stated no confidence'),
    valid: validSignal(answer.text, output, validation),
    agreement: absent(ONE_ANSWER),
  };
}

/** The value of a signal, or null when it is not available. */
export function signalValue(signals: Signals, name: SignalName): number | null {
  const signal = signals[name];
  return signal.available ? signal.value : null;
}

/** Available signals as plain numbers, for storing; absent ones are left out. */
export function signalValues(signals: Signals): Readonly<Partial<Record<SignalName, number>>> {
  const values: Partial<Record<SignalName, number>> = {};
  for (const [name, signal] of Object.entries(signals) as [SignalName, Signal][]) if (signal.available) values[name] = signal.value;
  return values;
}

/** The most trusted signal that is available, or null when none is: such an answer is never accepted by confidence. */
export function preferredSignal(signals: Signals): { readonly name: SignalName; readonly value: number } | null {
  for (const name of SIGNAL_PREFERENCE) {
    const signal = signals[name];
    if (signal.available) return { name, value: signal.value };
  }
  return null;
}

/** Why an answer is not whole, or null when it is. */
export function whyIncomplete(answer: Pick<Answer, 'stop' | 'refusal'>): string | null {
  if (answer.refusal !== null || answer.stop === 'refusal') return 'the model refused';
  if (answer.stop === 'length') return 'the answer was truncated at its length limit';
  if (answer.stop === 'cut') return 'the stream broke off';
  if (answer.stop === 'content-filter') return 'the answer was filtered';
  return null;
}

function everySignal(signal: Signal): Signals {
  return {
    probability: signal,
    token: signal,
    margin: signal,
    'mean-logprob': signal,
    'min-logprob': signal,
    stated: signal,
    valid: signal,
    agreement: signal,
  };
}

function recorded(value: number | undefined, why: string): Signal {
  if (value === undefined) return absent(why);
  return value >= 0 && value <= 1 ? present(value) : absent('the recorded value is outside 0 to 1');
}

/** Tokens of the answer, or why there are none. */
function placedTokens(answer: Answer): readonly PlacedToken[] | string {
  if (answer.logprobs === null) return NO_LOGPROBS;
  if (answer.logprobs.length === 0) return 'the provider gave an empty list of logprobs';
  return placeTokens(answer.text, answer.logprobs) ?? 'the tokens do not spell the answer';
}

function decisionsOf(text: string, output: Output, tokens: readonly PlacedToken[]): readonly Decision[] | string {
  switch (output.kind) {
    case 'label': {
      if (normaliseLabel(text, output.labels) === null) return 'the answer is not one of the labels';
      const decisions = labelDecisions(tokens, output.labels);
      return decisions.length > 0 ? decisions : 'no token decides between labels';
    }
    case 'json': {
      if (!parseJsonAnswer(text).ok) return 'the answer is not JSON';
      const decisions = jsonDecisions(text, tokens);
      return decisions.length > 0 ? decisions : 'the answer holds no values';
    }
    case 'text':
      return 'free text has no deciding tokens';
  }
}

/** P(every decision): the product, because the answer is right only if each one is. */
function tokenSignal(decisions: readonly Decision[] | string): Signal {
  if (typeof decisions === 'string') return absent(decisions);
  return present(decisions.reduce((product, decision) => product * decision.probability, 1));
}

/** The margin of the decisive token, the one that came closest to going another way. */
function marginSignal(decisions: readonly Decision[] | string): Signal {
  if (typeof decisions === 'string') return absent(decisions);
  let least = 1;
  for (const { margin } of decisions) {
    if (margin === null) return absent('the provider listed no alternatives');
    least = Math.min(least, margin);
  }
  return present(least);
}

function logprobSignal(tokens: readonly TokenLogprob[] | string, reduce: (values: readonly number[]) => number): Signal {
  if (typeof tokens === 'string') return absent(tokens);
  return present(reduce(tokens.map((token) => Math.min(0, token.logprob))));
}

function validSignal(text: string, output: Output, validation: Validation | null): Signal {
  if (validation) return present(validation.valid ? 1 : 0);
  switch (output.kind) {
    case 'label':
      return present(normaliseLabel(text, output.labels) === null ? 0 : 1);
    case 'json':
      return parseJsonAnswer(text).ok ? absent('the answer was not checked against its schema') : present(0);
    case 'text':
      return present(text.trim() === '' ? 0 : 1);
  }
}
