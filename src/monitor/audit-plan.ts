import { neymanShares, type Stratum } from './neyman.ts';
import { binOf } from './population-stability.ts';

/**
 * π_min as a share of the mean audit probability. A detector's evidence per audit falls with it, as w = π_min/π: at ¾ the delay is at most
 * 4/3 of uniform sampling's, and the stratum next to the threshold can still be audited at twice the mean and more.
 */
export const MINIMUM_OF_SHARE = 0.75;

const STRATA = 5;
/** Audits until strata are first formed, and the most that are looked back on. */
const FIRST = 100;
const KEPT = 2_000;
/** Audits that the deviation which the confidence itself predicts counts for. */
const PRIOR = 20;

interface Audit {
  readonly confidence: number;
  readonly score: number;
  /** 1/π. */
  readonly weight: number;
}

/**
 * With which probability an accepted answer is audited: uniform at first, then by Neyman's allocation over strata of confidence, formed
 * anew from the latest audits each time their number has doubled, and each 2,000 later. The past alone decides it and π_min stays, so that
 * weighting by π_min/π keeps every guarantee across changes.
 */
export class AuditPlan {
  readonly #audits: Audit[] = [];
  #seen = 0;
  #next = FIRST;
  #share: number;
  #cuts: readonly number[] = [];
  #strata: readonly Stratum[] = [];
  #probabilities: readonly number[];

  /** `share` is the mean probability over accepted answers, in (0, 1]. */
  constructor(share: number) {
    this.#share = checked(share);
    this.#probabilities = [share];
  }

  /** Folds one audited accepted answer. */
  add(confidence: number | null, score: number, inclusion: number): void {
    this.#audits[this.#seen % KEPT] = { confidence: confidence ?? 0, score, weight: 1 / inclusion };
    this.#seen += 1;
    if (this.#seen < this.#next) return;
    this.#next = this.#seen + Math.min(this.#seen, KEPT);
    this.#formStrata();
  }

  /** Changes the mean probability, and π_min with it: detectors must begin anew. */
  spend(share: number): void {
    this.#share = checked(share);
    this.#allocate();
  }

  /** π of an accepted answer with this confidence. */
  probability(confidence: number | null): number {
    return this.#probabilities[binOf(this.#cuts, confidence ?? 0)]!;
  }

  get share(): number {
    return this.#share;
  }

  /** π_min: the least probability of any request, and that of escalated ones. */
  get minimum(): number {
    return this.#share === 1 ? 1 : MINIMUM_OF_SHARE * this.#share;
  }

  /** The strata as they are now, by rising confidence; `from` of the first is null. */
  get strata(): readonly { readonly from: number | null; readonly probability: number }[] {
    return this.#probabilities.map((probability, i) => ({ from: i === 0 ? null : this.#cuts[i - 1]!, probability }));
  }

  #formStrata(): void {
    const sorted = [...this.#audits].sort((a, b) => a.confidence - b.confidence);
    this.#cuts = weightedCuts(sorted);
    const members: Audit[][] = Array.from({ length: this.#cuts.length + 1 }, () => []);
    for (const audit of sorted) members[binOf(this.#cuts, audit.confidence)]!.push(audit);
    this.#strata = members.map(stratumOf);
    this.#allocate();
  }

  #allocate(): void {
    this.#probabilities =
      this.#strata.length === 0 ? [this.#share] : neymanShares(this.#strata, { share: this.#share, minimum: this.minimum });
  }
}

function checked(share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`not an audit share: ${share}`);
  return share;
}

/** Cuts into strata of about equal traffic. */
function weightedCuts(sorted: readonly Audit[]): number[] {
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  const cuts: number[] = [];
  let passed = 0;
  for (const { confidence, weight } of sorted) {
    const bin = Math.floor((STRATA * passed) / total);
    if (bin > cuts.length && confidence > sorted[0]!.confidence && confidence !== cuts.at(-1)) cuts.push(confidence);
    passed += weight;
  }
  return cuts;
}

/**
 * Traffic and deviation of a stratum. A few audits without a loss do not prove that there is none: what the calibrated confidence c predicts,
 * c·(1 − c), counts as 20 audits more.
 */
function stratumOf(audits: readonly Audit[]): Stratum {
  const weight = audits.reduce((sum, audit) => sum + audit.weight, 0);
  const mean = (of: (audit: Audit) => number) => audits.reduce((sum, audit) => sum + audit.weight * of(audit), 0) / weight;
  const score = mean((audit) => audit.score);
  const seen = mean((audit) => (audit.score - score) ** 2);
  const confidence = Math.min(
    1,
    Math.max(
      0,
      mean((audit) => audit.confidence),
    ),
  );
  const variance = (audits.length * seen + PRIOR * confidence * (1 - confidence)) / (audits.length + PRIOR);
  return { weight, deviation: Math.sqrt(variance) };
}
