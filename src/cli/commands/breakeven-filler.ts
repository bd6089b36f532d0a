import type { CountTokens } from '../../pricing/index.ts';

const words =
  'order invoice parcel refund customer account delivery address payment contract return policy agent ticket ' +
  'warehouse carrier balance receipt voucher complaint answer question product size colour price date office name';

/** A prompt of about so many tokens by our count, another one for every number: the difference is at its start, where prefix caches look. */
export function filler(seed: number, tokens: number, countTokens: CountTokens): string {
  const list = words.split(' ');
  const parts = [`Request ${seed}: write as much as you can about`];
  let count = countTokens(parts[0] ?? '');
  for (let i = 0; count < tokens; i++) {
    // Common words are one token each with the space before them.
    parts.push(list[(seed * 31 + i * 7) % list.length] ?? 'order');
    count += 1;
  }
  return parts.join(' ');
}
