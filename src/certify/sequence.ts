/** Where a fixed sequence ended. Indices count from 0. */
export interface SequenceEnd {
  /** Last point that passed before the first that failed; −1 when the first one failed. */
  readonly deployed: number;
  /** Last point that was examined: the first that failed, or the last of all. */
  readonly examined: number;
}

/**
 * Fixed-sequence testing (learn then test): walks p-values from the safest point to the boldest and stops at the first above δ.
 * The chance to deploy any point that breaks the floor is at most δ, however long the sequence.
 */
export function fixedSequence(pValues: readonly number[], delta: number): SequenceEnd {
  const failed = pValues.findIndex((p) => !(p <= delta));
  if (failed < 0) return { deployed: pValues.length - 1, examined: pValues.length - 1 };
  return { deployed: failed - 1, examined: failed };
}

/** Holm's step-down test of several hypotheses promised together: which may be rejected with a family-wise error of δ. */
export function holm(pValues: readonly number[], delta: number): boolean[] {
  return jointFixedSequences(
    pValues.map((p) => [p]),
    delta,
  ).map((end) => end.deployed === 0);
}

/**
 * Fixed sequences of several tasks promised together. Each starts with an equal share of δ; a task whose whole sequence has passed
 * hands its share on to the others in equal parts. With sequences of length 1 this is Holm's procedure.
 */
export function jointFixedSequences(sequences: readonly (readonly number[])[], delta: number): SequenceEnd[] {
  let ends: SequenceEnd[] = [];
  let open = sequences.length;
  for (;;) {
    const share = delta / Math.max(1, open);
    ends = sequences.map((pValues) => fixedSequence(pValues, share));
    const unfinished = ends.filter((end, i) => end.deployed < sequences[i]!.length - 1).length;
    if (unfinished === open || unfinished === 0) return ends;
    open = unfinished;
  }
}
