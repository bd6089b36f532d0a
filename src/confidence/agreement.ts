import { type Answer, canonicalJson, normaliseLabel, type Output, parseJsonAnswer } from '../core/index.ts';
import { whyIncomplete } from './signals.ts';
import { absent, present, type Signal } from './types.ts';

/** How far several answers to one request agree. */
export interface Agreement {
  /** Votes for the winner / all answers. */
  readonly signal: Signal;
  /** Index of the first answer that says what most say; null when no answer could vote. */
  readonly winner: number | null;
  readonly votes: number;
}

/**
 * Majority vote over k ≥ 2 answers: equal labels, or equal JSON whatever the order of keys. An incomplete or invalid answer votes
 * for nothing and still counts among the k. A draw goes to the answer that came first. Free text cannot vote.
 */
export function agreementOf(answers: readonly Answer[], output: Output): Agreement {
  if (answers.length < 2) return { signal: absent('agreement needs at least two answers'), winner: null, votes: 0 };
  if (output.kind === 'text') return { signal: absent('free text has no equality to vote by'), winner: null, votes: 0 };
  const tally = new Map<string, { readonly first: number; votes: number }>();
  for (const [index, answer] of answers.entries()) {
    const ballot = ballotOf(answer, output);
    if (ballot === null) continue;
    const row = tally.get(ballot) ?? { first: index, votes: 0 };
    row.votes += 1;
    tally.set(ballot, row);
  }
  let best: { readonly first: number; readonly votes: number } | null = null;
  for (const row of tally.values()) if (best === null || row.votes > best.votes) best = row;
  if (best === null) return { signal: absent('no answer is complete and valid'), winner: null, votes: 0 };
  return { signal: present(best.votes / answers.length), winner: best.first, votes: best.votes };
}

function ballotOf(answer: Answer, output: Exclude<Output, { kind: 'text' }>): string | null {
  if (whyIncomplete(answer) !== null) return null;
  if (output.kind === 'label') return normaliseLabel(answer.text, output.labels);
  const parsed = parseJsonAnswer(answer.text);
  return parsed.ok ? canonicalJson(parsed.value) : null;
}
