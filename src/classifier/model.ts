import type { Encoding } from './encoding.ts';
import type { LinearHead } from './linear-head.ts';
import type { Mixture } from './mixture.ts';
import type { Network } from './network.ts';
import type { Certain } from './scope.ts';

/** Everything a trained classifier is: plain arrays, which `serialiseClassifier` writes and `parseClassifier` reads. */
export interface ClassifierModel {
  readonly encoding: Encoding;
  /** Distinct, sorted by code unit; class k is `labels[k]`. */
  readonly labels: readonly string[];
  readonly linear: LinearHead;
  /** Their scores are averaged; none in default mode. */
  readonly networks: readonly Network[];
  readonly mixture: Mixture;
  readonly certain: Certain;
}
