import { CategoryMix, NumberMix } from './covariate-mix.ts';
import type { KolmogorovSmirnov } from './kolmogorov-smirnov.ts';
import { PSI_WARNING } from './population-stability.ts';

/** What is watched of a request. */
export const COVARIATES = ['confidence', 'length', 'category'] as const;
export type Covariate = (typeof COVARIATES)[number];

/** One request as the guard sees it; null where it has none. */
export interface CovariateObservation {
  readonly confidence: number | null;
  /** Characters of the input. */
  readonly length: number | null;
  readonly category: string | null;
}

/** The requests that a certificate was issued on; a covariate that too few of them have is learned from the first live ones. */
export type CovariateReference = readonly CovariateObservation[];

/** How one covariate of the latest requests compares with the reference. */
export interface CovariateShift {
  readonly covariate: Covariate;
  readonly psi: number;
  /** Null for categories. Shown beside PSI: on much traffic its p is small for shifts that do not matter. */
  readonly ks: KolmogorovSmirnov | null;
  readonly warned: boolean;
}

/** Requests that are compared, at least and at most. */
const LEAST = 500;
const WINDOW = 1_000;
/** Requests of a reference that is too small, and those that one is learned from. */
const LEAST_REFERENCE = 200;
const LEARNED = 1_000;
const CHECK_EVERY = 100;
/** A warning is not repeated before its index fell below this. */
const REARM_BELOW = 0.1;

interface Watch {
  readonly covariate: Covariate;
  /** Null while the reference is being learned. */
  mix: CategoryMix | NumberMix | null;
  readonly learning: (number | string)[];
  warned: boolean;
}

/**
 * Warns when requests no longer look like those that a certificate was issued on: PSI above .2 of confidence, input length or category
 * mix between the reference and the latest 1,000 requests. It proves no loss of quality; it says that the evidence is about other requests.
 */
export class CovariateGuard {
  readonly #watches: readonly Watch[];
  #seen = 0;

  constructor(reference: CovariateReference) {
    this.#watches = COVARIATES.map((covariate) => {
      const values = reference.map((row) => row[covariate]).filter((value) => value !== null);
      return { covariate, mix: values.length < LEAST_REFERENCE ? null : mixOf(values), learning: [], warned: false };
    });
  }

  /** Folds one request; gives the covariates that it began to warn of. */
  add(observation: CovariateObservation): readonly CovariateShift[] {
    for (const watch of this.#watches) {
      const value = observation[watch.covariate];
      if (value === null) continue;
      if (watch.mix !== null) watch.mix.add(value);
      else if (watch.learning.push(value) >= LEARNED) watch.mix = mixOf(watch.learning.splice(0));
    }
    this.#seen += 1;
    return this.#seen % CHECK_EVERY === 0 ? this.#check() : [];
  }

  /** Marks a warning as given, as a record says that it was. */
  warnedOf(covariate: Covariate): void {
    const watch = this.#watches.find((candidate) => candidate.covariate === covariate);
    if (watch) watch.warned = true;
  }

  /** The covariates that have enough requests on both sides. */
  get shifts(): readonly CovariateShift[] {
    return this.#watches.flatMap((watch) => (watch.mix !== null && watch.mix.size >= LEAST ? [shiftOf(watch, watch.mix)] : []));
  }

  #check(): readonly CovariateShift[] {
    const begun: CovariateShift[] = [];
    for (const watch of this.#watches) {
      if (watch.mix === null || watch.mix.size < LEAST) continue;
      const index = watch.mix.psi;
      if (index < REARM_BELOW) watch.warned = false;
      if (watch.warned || index <= PSI_WARNING) continue;
      watch.warned = true;
      begun.push(shiftOf(watch, watch.mix));
    }
    return begun;
  }
}

function shiftOf(watch: Watch, mix: CategoryMix | NumberMix): CovariateShift {
  return { covariate: watch.covariate, psi: mix.psi, ks: mix instanceof NumberMix ? mix.ks : null, warned: watch.warned };
}

function mixOf(values: readonly (number | string)[]): CategoryMix | NumberMix {
  const numbers = values.filter((value) => typeof value === 'number');
  const window = { size: WINDOW, least: LEAST };
  return numbers.length > 0
    ? new NumberMix(numbers, window)
    : new CategoryMix(
        values.filter((value) => typeof value === 'string'),
        window,
      );
}
