import type { Json } from './json.ts';

/** What an answer is: one of some labels, a JSON value, or free text. */
export type Output =
  | { readonly kind: 'label'; readonly labels: readonly string[] }
  | { readonly kind: 'json'; readonly schema: Json }
  | { readonly kind: 'text' };

/** What the cheap path must keep: this share of the ceiling, at this confidence level. */
export interface Floor {
  /** ρ, in (0, 1]: 0.98 keeps 98 % of the ceiling's quality. */
  readonly retain: number;
  /** 1 − α, in (0, 1): 0.95 means that a certificate is wrong at most once in 20. */
  readonly level: number;
}

export const DEFAULT_FLOOR: Floor = { retain: 0.98, level: 0.95 };

/** A named, repeatable job: one prompt, one output kind, a metric and a floor. */
export interface Task {
  readonly name: string;
  readonly output: Output;
  /** Models from the cheapest to the ceiling. The last one needs no certificate. */
  readonly ladder: readonly string[];
  /** Name of a metric in `metrics/`. */
  readonly metric: string;
  readonly floor: Floor;
}
