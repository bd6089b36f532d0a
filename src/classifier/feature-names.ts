import { type FeatureScanner, LONGEST_GRAM, PAIR_REACH } from './feature-scanner.ts';
import type { FeatureContribution } from './types.ts';

type FeatureName = Pick<FeatureContribution, 'kind' | 'text'>;

/** What a reader would call each feature of the text that was scanned last, in the order of the scanner's hashes. */
export function nameFeatures(scanner: FeatureScanner): FeatureName[] {
  const tokens = scanner.tokens();
  return [...wordNames(tokens), ...characterNames(tokens), ...pairNames(tokens)];
}

function wordNames(tokens: readonly string[]): FeatureName[] {
  if (tokens.length === 0) return [];
  const names = [`^ ${tokens[0]}`, `${tokens.at(-1)} $`];
  tokens.forEach((token, i) => {
    names.push(token);
    if (i > 0) names.push(`${tokens[i - 1]} ${token}`);
  });
  return names.map((text) => ({ kind: 'word', text }));
}

/** A hyphen stands where the word goes on: `pay-`, `-ment`, `-ym-`. */
function characterNames(tokens: readonly string[]): FeatureName[] {
  const names: FeatureName[] = [];
  for (const token of tokens) {
    const last = token.length + 1;
    for (let from = 0; from < last; from += 1) {
      const to = Math.min(last, from + LONGEST_GRAM - 1);
      for (let end = from + 1; end <= to; end += 1) {
        const letters = token.slice(Math.max(0, from - 1), Math.min(token.length, end));
        names.push({ kind: 'character', text: `${from === 0 ? '' : '-'}${letters}${end === last ? '' : '-'}` });
      }
    }
  }
  return names;
}

function pairNames(tokens: readonly string[]): FeatureName[] {
  const names: FeatureName[] = [];
  for (let i = 0; i < tokens.length; i += 1)
    for (let j = i + 1; j < Math.min(tokens.length, i + PAIR_REACH + 1); j += 1)
      names.push({ kind: 'pair', text: `${tokens[i]} … ${tokens[j]}` });
  return names;
}
