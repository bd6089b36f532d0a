import { type Pair, SmallfirstError } from '../core/index.ts';
import type { CertifyOptions } from './types.ts';

/** Checks what types cannot. Throws USAGE for options and INPUT_INVALID for pairs; callers that read files check rows first, with lines. */
export function validateInput(pairs: readonly Pair[], options: CertifyOptions): void {
  if (!(options.floor > 0 && options.floor <= 1))
    throw new SmallfirstError('USAGE', `floor must be above 0 and at most 1, not ${options.floor}`);
  if (!(options.level > 0 && options.level < 1)) throw new SmallfirstError('USAGE', `level must lie between 0 and 1, not ${options.level}`);
  if (options.look !== undefined && !(Number.isInteger(options.look) && options.look >= 1 && options.look <= 1000)) {
    throw new SmallfirstError('USAGE', `look must be a whole number from 1, not ${options.look}`);
  }
  if (options.grid && (options.grid.length === 0 || !options.grid.every(Number.isFinite))) {
    throw new SmallfirstError('USAGE', 'grid must hold at least one threshold, and finite numbers only');
  }
  if (pairs.length === 0) throw new SmallfirstError('INPUT_INVALID', 'there are no pairs to certify');
  const seen = new Set<string>();
  for (const pair of pairs) {
    if (seen.has(pair.id))
      throw new SmallfirstError('INPUT_INVALID', `id ${JSON.stringify(pair.id)} occurs twice; duplicates would count as evidence twice`);
    seen.add(pair.id);
    for (const [name, value] of sharesOf(pair)) {
      if (value !== undefined && !(value >= 0 && value <= 1)) {
        throw new SmallfirstError('INPUT_INVALID', `${name} of pair ${JSON.stringify(pair.id)} must lie in 0…1, not ${value}`);
      }
    }
    const graded = !Number.isInteger(pair.small.quality) || !Number.isInteger(pair.big.quality);
    if (graded && options.method === 'clopper-pearson') {
      throw new SmallfirstError(
        'INPUT_INVALID',
        `pair ${JSON.stringify(pair.id)} has a graded quality; clopper-pearson needs 0 or 1, use score or evalue`,
      );
    }
  }
}

function sharesOf(pair: Pair): readonly (readonly [string, number | undefined])[] {
  return [
    ['small.quality', pair.small.quality],
    ['small.confidence', pair.small.confidence],
    ['big.quality', pair.big.quality],
  ];
}
