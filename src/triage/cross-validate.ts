import { dealFolds, groupKeys, without } from './folds.ts';
import { countGroups, fitLookup } from './lookup.ts';
import { fitRouter, predictGains, type TrainingData } from './router.ts';

/** Every row's gain as predicted by a router, and by the lookup, that had seen neither the row nor its cluster. */
export interface HeldOutGains {
  readonly router: Float64Array;
  /** Null when all rows have the same task and category. */
  readonly lookup: Float64Array | null;
}

/** Cross-validates router and lookup on the same folds; the router's penalty is chosen anew inside each training part. */
export function crossValidate(
  data: TrainingData,
  options: { readonly folds: number; readonly seed: number; readonly onFold?: (done: number) => void },
): HeldOutGains {
  const n = data.rows.length;
  const router = new Float64Array(n);
  const lookup = countGroups(data.rows) > 1 ? new Float64Array(n) : null;
  dealFolds(groupKeys(data.rows), options.folds, options.seed).forEach((fold, index) => {
    const train = without(n, fold);
    const gains = predictGains(fitRouter(data, train, options.seed + index + 1), data, fold);
    fold.forEach((row, at) => {
      router[row] = gains[at]!;
    });
    if (lookup) {
      const table = fitLookup(train.map((row) => data.rows[row]!));
      for (const row of fold) lookup[row] = table.gain(data.rows[row]!);
    }
    options.onFold?.(index + 1);
  });
  return { router, lookup };
}
