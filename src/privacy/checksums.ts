/** ISO/IEC 7812, appendix B: every second digit from the right is doubled. Cards, Canadian and Swedish numbers. */
export function hasLuhnSum(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 7064, modulus 97, of an IBAN without spaces: country and check digits go last, letters count as 10 to 35. */
export function hasIbanSum(compact: string): boolean {
  let rest = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Whether the weighted sum of digits, by the weights in order, is a multiple of the modulus. */
export function hasWeightedSum(digits: string, weights: readonly number[], modulus: number): boolean {
  return weights.reduce((sum, weight, i) => sum + weight * Number(digits[i]), 0) % modulus === 0;
}

/** The digits of an integer modulo a small number, without leaving the safe integers. */
export function remainder(digits: string, modulus: number): number {
  let rest = 0;
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % modulus;
  return rest;
}

/** ISO 7064, modulus 11, 10: the last digit of a German tax number. */
export function hasMod1110Sum(digits: string): boolean {
  let product = 10;
  for (const digit of digits.slice(0, -1)) {
    const sum = (Number(digit) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === Number(digits.at(-1));
}

/** Verhoeff's sum over the dihedral group of ten elements: the last digit of an Indian Aadhaar number. */
export function hasVerhoeffSum(digits: string): boolean {
  let check = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i]);
    check = dihedral(check, permuted(digit, i % 8));
  }
  return check === 0;
}

/** The product of two elements of the dihedral group of the pentagon. */
function dihedral(a: number, b: number): number {
  if (a < 5) return b < 5 ? (a + b) % 5 : ((a + b - 5) % 5) + 5;
  return b < 5 ? ((a - 5 - b + 5) % 5) + 5 : (a - b + 5) % 5;
}

const PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4] as const;

function permuted(digit: number, times: number): number {
  let value = digit;
  for (let i = 0; i < times; i += 1) value = PERMUTATION[value]!;
  return value;
}
