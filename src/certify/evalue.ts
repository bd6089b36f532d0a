import { logSumExp } from '../statistics/index.ts';
import type { GradedUnits, PairCounts } from './types.ts';

/** Bets per e-value, spread evenly over the open interval of stakes that cannot go broke. */
const BETS = 60;

/** Factors multiplied before a logarithm is taken: few enough that the product can neither overflow nor vanish. */
const CHUNK = 16;

/** The m-th stake as a share of the largest one, 1…BETS. */
function stake(m: number): number {
  return m / (BETS + 1);
}

/** log of the mean over the stakes, given the log of what each has grown to. */
function logMean(logs: Float64Array): number {
  return logSumExp(logs) - Math.log(logs.length);
}

function overStakes(logGrowth: (share: number) => number): number {
  const logs = new Float64Array(BETS);
  for (let m = 1; m <= BETS; m += 1) logs[m - 1] = logGrowth(stake(m));
  return logMean(logs);
}

/** count · log(factor), where nothing seen contributes nothing. */
function grown(count: number, factor: number): number {
  return count === 0 ? 0 : count * Math.log(factor);
}

/**
 * log E for "retained ≤ floor" on binary pairs: E is the mean over 60 stakes ν in (0, 1/ρ) of Π(1 + νZ), a betting e-value.
 * Under the hypothesis its expectation is at most 1 at every n, and P(E ever reaches 1/α) ≤ α: exact, and free to look at.
 */
export function logEValue(counts: PairCounts, floor: number): number {
  return overStakes(
    (share) => grown(counts.lost, 1 - share) + grown(counts.kept, 1 + share * (1 / floor - 1)) + grown(counts.gained, 1 + share / floor),
  );
}

/** log E for "retained ≤ floor" on graded units of scale 1 (pairs, or cluster means). */
export function gradedLogEValue(units: GradedUnits, floor: number): number {
  const { policy, big } = units;
  return overStakes((share) => logProduct(policy, big, { ofPolicy: share / floor, ofBig: -share }));
}

/** log E for the opposite hypothesis, "retained ≥ floor", on binary pairs: large when the floor is clearly missed. */
export function logEValueBelow(counts: PairCounts, floor: number): number {
  return overStakes(
    (share) => grown(counts.lost, 1 + share * floor) + grown(counts.kept, 1 - share * (1 - floor)) + grown(counts.gained, 1 - share),
  );
}

/** log E for "retained ≥ floor" on graded units of scale 1. */
export function gradedLogEValueBelow(units: GradedUnits, floor: number): number {
  const { policy, big } = units;
  return overStakes((share) => logProduct(policy, big, { ofPolicy: -share, ofBig: share * floor }));
}

/** Σ log(1 + a·policy + c·big), a logarithm per chunk of factors. */
function logProduct(policy: Float64Array, big: Float64Array, bet: { readonly ofPolicy: number; readonly ofBig: number }): number {
  let log = 0;
  for (let start = 0; start < policy.length; start += CHUNK) {
    const end = Math.min(start + CHUNK, policy.length);
    let product = 1;
    for (let i = start; i < end; i += 1) product *= 1 + bet.ofPolicy * policy[i]! + bet.ofBig * big[i]!;
    log += Math.log(product);
  }
  return log;
}

/** The e-value itself; Infinity where a double cannot hold it. */
export function eValue(counts: PairCounts, floor: number): number {
  return Math.exp(logEValue(counts, floor));
}

/** min(1, 1/E): the p-value that an e-value allows. */
export function pOfLogE(logE: number): number {
  return Math.min(1, Math.exp(-logE));
}
