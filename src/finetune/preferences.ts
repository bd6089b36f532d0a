import type { FineTuneRow, TrainingMessage } from './types.ts';

/** A request that was first answered by the small model and then, or by a person, better. */
export interface AnsweredTwice {
  /** The conversation before the answer. */
  readonly messages: readonly TrainingMessage[];
  readonly small: string | null;
  /** What the frontier model answered when the small one was not trusted; null where nobody asked it. */
  readonly frontier: string | null;
  /** The right answer as people or programs said afterwards; null where nobody did. */
  readonly feedback: string | null;
  readonly group: string | null;
}

/** What came of turning requests into pairs. */
export interface Preferences {
  readonly rows: readonly FineTuneRow[];
  /** Requests without two answers, and those whose two answers are the same: nothing can be learnt from either. */
  readonly incomplete: number;
  readonly same: number;
}

/**
 * Pairs for DPO: the small model's answer is the worse one; the better one is what people said is right, else the frontier's answer. A
 * person's word goes before a model's.
 */
export function preferencePairs(requests: readonly AnsweredTwice[]): Preferences {
  const rows: FineTuneRow[] = [];
  let incomplete = 0;
  let same = 0;
  for (const { messages, small, frontier, feedback, group } of requests) {
    const better = feedback ?? frontier;
    if (small === null || better === null) incomplete += 1;
    else if (small.trim() === better.trim()) same += 1;
    else
      rows.push({
        kind: 'dpo',
        line: rows.length + 1,
        group,
        input: { messages },
        preferred: { role: 'assistant', content: better },
        rejected: { role: 'assistant', content: small },
      });
  }
  return { rows, incomplete, same };
}
