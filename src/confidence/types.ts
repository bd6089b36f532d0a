/** What may be known about how sure a model was of one answer. */
export type SignalName = 'probability' | 'token' | 'margin' | 'mean-logprob' | 'min-logprob' | 'stated' | 'valid' | 'agreement';

/** A number that is always finite, or the declared reason why there is none. */
export type Signal = { readonly available: true; readonly value: number } | { readonly available: false; readonly why: string };

/** Every signal by name: a missing one is declared, never left out and never invented. */
export type Signals = Readonly<Record<SignalName, Signal>>;

/** A signal with a value; one that is not a finite number is absent. */
export function present(value: number): Signal {
  return Number.isFinite(value) ? { available: true, value } : absent('the value is not a finite number');
}

/** A signal that is not available, and why. */
export function absent(why: string): Signal {
  return { available: false, why };
}
