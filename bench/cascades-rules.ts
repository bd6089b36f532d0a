import type { RecordedAnswer } from './cascades-data.ts';

/** A rule of somebody who escalates by a score: the score in 0…1, and the threshold that comes with it. */
export interface Rule {
  readonly name: string;
  /** From this score on the answer is accepted by default; null where the rule has no default. */
  readonly threshold: number | null;
  /** The score, or null when the recorded answer does not hold what the rule needs. Undefined for an answer without confidence. */
  readonly score: (answer: RecordedAnswer) => number | undefined | null;
  readonly remark: string;
}

/** P(deciding token), the signal that `certify` is given here. */
export const OURS: Rule = {
  name: 'smallfirst: token probability, certified',
  threshold: null,
  score: (answer) => answer.probability,
  remark: 'threshold certified on the sample',
};

/**
 * Rules re-implemented from the projects' documentation: vLLM Semantic Router's confidence methods and cascadeflow's quality check. Their
 * logprobs are averages over the reply's tokens; the recordings hold the deciding token alone, so that one is averaged here.
 */
export const PEERS: readonly Rule[] = [
  {
    name: 'SR avg_logprob',
    threshold: -1,
    score: ({ probability }) => (probability === undefined ? undefined : clamp((Math.log(probability) + 3) / 3)),
    remark: 'default −1 on a score of 0…1: accepts everything',
  },
  {
    name: 'SR margin',
    threshold: 0.5,
    score: (answer) => (answer.second === undefined ? null : marginScore(answer)),
    remark: '1 − exp(−(ln p1 − ln p2)/3)',
  },
  {
    name: 'SR hybrid',
    threshold: 0.5,
    score: (answer) => {
      if (answer.second === undefined || answer.probability === undefined) return null;
      return 0.5 * clamp((Math.log(answer.probability) + 3) / 3) + 0.5 * marginScore(answer);
    },
    remark: 'half avg_logprob, half margin',
  },
  { name: 'fixed 0.7', threshold: 0.7, score: (answer) => answer.probability, remark: 'P(deciding token) ≥ 0.7' },
  {
    name: 'CF length heuristic',
    threshold: 0.7,
    score: (answer) => (answer.characters === undefined ? null : lengthScore(answer.characters)),
    remark: 'words taken as characters/6; no text recorded, so no hedging words, paragraphs or alignment',
  },
  {
    name: 'CF logprobs and length',
    threshold: 0.7,
    score: ({ probability, characters }) => {
      if (characters === undefined) return null;
      return probability === undefined ? lengthScore(characters) : 0.7 * probability + 0.3 * lengthScore(characters);
    },
    remark: '0.7 × probability + 0.3 × length heuristic',
  },
];

function clamp(value: number): number {
  return Math.max(0, Math.min(1, value));
}

function marginScore({ probability = 0, second = 0 }: RecordedAnswer): number {
  // The recordings are rounded to four digits, and a runner-up of 0 would be infinitely far away.
  const margin = Math.log(Math.max(probability, 5e-5)) - Math.log(Math.max(second, 5e-5));
  return margin <= 0 ? 0 : 1 - Math.exp(-margin / 3);
}

/** cascadeflow's estimate from the length alone: 0.75, less for short replies, more for long ones. */
function lengthScore(characters: number): number {
  const words = characters / 6;
  const size = words < 10 ? -0.15 : words < 20 ? -0.05 : words > 50 ? 0.05 : 0;
  return 0.75 + size;
}
