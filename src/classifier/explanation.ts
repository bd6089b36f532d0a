import type { EncodedInput, Encoding } from './encoding.ts';
import { nameFeatures } from './feature-names.ts';
import { FeatureScanner } from './feature-scanner.ts';
import type { FeatureContribution, StudentInput } from './types.ts';

/** The `count` features of an input whose value times weight is largest either way, named from the input itself. */
export function explainDifference(
  input: StudentInput,
  encoding: Encoding,
  row: EncodedInput,
  count: number,
  weightOf: (feature: number) => number,
): FeatureContribution[] {
  const contributions: { readonly feature: number; readonly contribution: number }[] = [];
  for (let i = 0; i < row.size; i += 1) {
    const feature = row.indices[i]!;
    contributions.push({ feature, contribution: row.values[i]! * weightOf(feature) });
  }
  contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution) || a.feature - b.feature);
  const strongest = contributions.slice(0, count).filter(({ contribution }) => contribution !== 0);
  if (encoding.input === 'vector' || typeof input !== 'string')
    return strongest.map(({ feature, contribution }) => ({ kind: 'dimension', text: String(feature), contribution }));
  const scanner = new FeatureScanner();
  scanner.scan(input);
  const names = nameFeatures(scanner);
  // A feature is a hash: what has that hash in this very text is its name.
  const nameOf = new Map<number, (typeof names)[number]>();
  names.forEach((name, i) => {
    if (!nameOf.has(scanner.hashes[i]!)) nameOf.set(scanner.hashes[i]!, name);
  });
  return strongest.map(({ feature, contribution }) => ({ ...nameOf.get(encoding.hashes[feature]!)!, contribution }));
}
