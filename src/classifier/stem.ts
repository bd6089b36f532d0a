const A = 97;
const D = 100;
const E = 101;
const G = 103;
const I = 105;
const L = 108;
const N = 110;
const S = 115;
const U = 117;
const Y = 121;

/**
 * Length of the prefix of a token (codes from start to before end) that stands for its inflected forms: card, cards, card's; arrive, arrived, arriving.
 * English endings only and never below three letters; other languages lose at most a final s, e or y, which their character grams make up for.
 */
export function stemLength(codes: Uint16Array, start: number, end: number): number {
  let length = end - start;
  const at = (fromEnd: number) => codes[start + length - fromEnd]!;
  if (length >= 4 && at(1) === S && (at(2) === 39 || at(2) === 0x2019)) length -= 2;
  if (length <= 3) return length;
  if (at(1) === S && at(2) !== S && at(2) !== U && at(2) !== I) length -= 1;
  if (length >= 6 && at(1) === G && at(2) === N && at(3) === I) length = undoubled(codes, start, length - 3);
  else if (length >= 5 && at(1) === D && at(2) === E) length = undoubled(codes, start, length - 2);
  else if (length >= 6 && at(1) === Y && at(2) === L) length -= 2;
  if (length > 3 && at(1) === E) length -= 1;
  if (length > 3 && (at(1) === Y || at(1) === I)) length -= 1;
  return length;
}

/** stopp(ing) and stop are one stem; so are call and call(ing), whose double l stays. */
function undoubled(codes: Uint16Array, start: number, length: number): number {
  const last = codes[start + length - 1]!;
  const doubled = length > 3 && last === codes[start + length - 2] && last !== L && last !== S && last > A;
  return doubled ? length - 1 : length;
}
