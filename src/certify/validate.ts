import { type Pair, SmallfirstError } from '../core/index.ts';
import type { CertifyOptions } from './types.ts';

/** Checks what types cannot. Throws USAGE for options and INPUT_INVALID for pairs; callers that read files check rows first, with lines. */
export function validateInput(pairs: readonly Pair[], options: CertifyOptions): void {
  validateGoal(options);
  if (options.grid && (options.grid.length === 0 || !options.grid.every(Number.isFinite))) {
    throw new SmallfirstError('USAGE', 'grid must hold at least one threshold, and finite numbers only');
  }
  validateIds(pairs, 'pairs');
  for (const pair of pairs) {
    for (const [name, value] of sharesOf(pair)) requireShare(value, `${name} of pair ${JSON.stringify(pair.id)}`);
    const graded = !Number.isInteger(pair.small.quality) || !Number.isInteger(pair.big.quality);
    if (graded && options.method === 'clopper-pearson') {
      throw new SmallfirstError(
        'INPUT_INVALID',
        `pair ${JSON.stringify(pair.id)} has a graded quality; clopper-pearson needs 0 or 1, use score or evalue`,
      );
    }
  }
}

/** What every certification promises: floor, level and look. Throws USAGE for what is out of range. */
export function validateGoal(options: Pick<CertifyOptions, 'floor' | 'level' | 'look'>): void {
  if (!(options.floor > 0 && options.floor <= 1))
    throw new SmallfirstError('USAGE', `floor must be above 0 and at most 1, not ${options.floor}`);
  if (!(options.level > 0 && options.level < 1)) throw new SmallfirstError('USAGE', `level must lie between 0 and 1, not ${options.level}`);
  if (options.look !== undefined && !(Number.isInteger(options.look) && options.look >= 1 && options.look <= 1000)) {
    throw new SmallfirstError('USAGE', `look must be a whole number from 1, not ${options.look}`);
  }
}

/** Throws INPUT_INVALID when there are no rows, or when an id occurs twice. */
export function validateIds(rows: readonly { readonly id: string }[], what: string): void {
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', `there are no ${what} to certify`);
  const seen = new Set<string>();
  for (const { id } of rows) {
    if (seen.has(id))
      throw new SmallfirstError('INPUT_INVALID', `id ${JSON.stringify(id)} occurs twice; duplicates would count as evidence twice`);
    seen.add(id);
  }
}

/** Throws INPUT_INVALID for a value that is there and not within 0…1. */
export function requireShare(value: number | undefined, name: string): void {
  if (value !== undefined && !(value >= 0 && value <= 1)) {
    throw new SmallfirstError('INPUT_INVALID', `${name} must lie in 0…1, not ${value}`);
  }
}

function sharesOf(pair: Pair): readonly (readonly [string, number | undefined])[] {
  return [
    ['small.quality', pair.small.quality],
    ['small.confidence', pair.small.confidence],
    ['big.quality', pair.big.quality],
  ];
}
