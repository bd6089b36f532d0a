import type { Feedback, StoredPair } from '../../src/store/index.ts';

/** A recorded pair with everything that a test does not care about filled in. */
export function storedPair(changes: Partial<StoredPair> & { readonly id: string }): StoredPair {
  return {
    task: 'classify',
    small: 'small',
    big: 'frontier',
    at: 1_000,
    drawn: 'uniform',
    inclusion: 1,
    cluster: null,
    smallQuality: 1,
    bigQuality: 1,
    confidence: null,
    signals: {},
    smallCost: null,
    bigCost: null,
    smallLatencyMs: null,
    bigLatencyMs: null,
    requestId: changes.id,
    certificate: null,
    prompt: 'prompt-1',
    servedSmall: null,
    servedBig: null,
    input: null,
    smallOutput: null,
    bigOutput: null,
    by: 'agreement',
    skip: false,
    ...changes,
  };
}

/** Feedback that says what the right answer to a request would have been. */
export function labelOf(requestId: string, label: string, at = 2_000): Feedback {
  return { id: `feedback-${requestId}-${at}`, requestId, at, key: null, label, score: null, comment: null };
}
