import { hasLuhnSum, hasMod1110Sum, hasVerhoeffSum, hasWeightedSum, remainder } from './checksums.ts';

/** A country's number: how it is written, and what tells it from any other number. */
interface IdRule {
  readonly pattern: RegExp;
  readonly isValid: (compact: string) => boolean;
}

const SEPARATORS = /[ .+-]/g;

/**
 * Numbers that states give to people, each with its checksum or its rules of issue. Those that are nothing but digits need the number's
 * own name shortly before them: one in ten order numbers has a right check digit.
 */
const rules: readonly IdRule[] = [
  // United States: social security numbers as issued since 2011 and taxpayer numbers (ITIN). No check digit: the dashes are needed.
  { pattern: /(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])/g, isValid: isSocialSecurityNumber },
  { pattern: /(?<=\b(?:SSN|social security(?: (?:number|no\.?|#))?)(?: is)?:? {0,2}#?)\d{9}(?!\d)/gi, isValid: isSocialSecurityNumber },
  // United Kingdom: national insurance number, by the prefixes that HMRC allots.
  {
    pattern: /\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b/g,
    isValid: () => true,
  },
  // Spain: DNI and NIE, whose letter is the number modulo 23.
  { pattern: /\b(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]\b/g, isValid: isSpanish },
  // France: NIR with its key; Corsica writes 2A and 2B.
  { pattern: /(?<!\d)[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\d)/g, isValid: isFrench },
  // Italy: codice fiscale with its check letter.
  { pattern: /\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b/g, isValid: isItalian },
  // Sweden: personnummer, a date and a Luhn digit.
  {
    pattern: /(?<![\d-])(?:\d{2})?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-+]\d{4}(?![\d-])/g,
    isValid: (digits) => hasLuhnSum(digits.slice(-10)),
  },
  // Canada: SIN in its groups, with a Luhn digit.
  { pattern: /(?<![\d-])[1-79]\d{2}([ -])\d{3}\1\d{3}(?![\d-])/g, isValid: hasLuhnSum },
  // Brazil: CPF with its two check digits.
  { pattern: /(?<![\d.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)/g, isValid: isBrazilian },
  // India: Aadhaar in its groups, with Verhoeff's digit.
  { pattern: /(?<![\d-])[2-9]\d{3}([ -])\d{4}\1\d{4}(?![ -]?\d)/g, isValid: hasVerhoeffSum },
  // Poland, Germany, the Netherlands: digits alone, so only after their names.
  {
    pattern: /(?<=\bPESEL\b[^0-9\n]{0,12})\d{11}(?!\d)/gi,
    isValid: (digits) => hasWeightedSum(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10),
  },
  {
    pattern: /(?<=\b(?:Steuer-?ID|IdNr|Steueridentifikationsnummer)\b[^0-9\n]{0,12})[1-9]\d(?: ?\d{3}){3}(?!\d)/gi,
    isValid: hasMod1110Sum,
  },
  { pattern: /(?<=\b(?:BSN|burgerservicenummer)\b[^0-9\n]{0,12})\d{9}(?!\d)/gi, isValid: isDutch },
];

/** Replaces every number of a person that a state gave; `hit` is told of each. */
export function replaceNationalIds(text: string, hit: () => string): string {
  let replaced = text;
  for (const { pattern, isValid } of rules) {
    replaced = replaced.replace(pattern, (match) => (isValid(match.replace(SEPARATORS, '')) ? hit() : match));
  }
  return replaced;
}

function isSocialSecurityNumber(digits: string): boolean {
  const [area, group, serial] = [Number(digits.slice(0, 3)), Number(digits.slice(3, 5)), Number(digits.slice(5))];
  if (area === 0 || area === 666 || group === 0 || serial === 0) return false;
  if (area < 900) return true;
  return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) || (group >= 90 && group <= 92) || group >= 94;
}

function isSpanish(compact: string): boolean {
  const number = compact.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(number) % 23] === compact.at(-1);
}

function isFrench(compact: string): boolean {
  const number = compact.slice(0, 13).replace('2A', '19').replace('2B', '18');
  return 97 - remainder(number, 97) === Number(compact.slice(13));
}

const ODD: readonly number[] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/** Characters at odd places (counted from 1) have values of their own, the others count in order. */
function isItalian(compact: string): boolean {
  let sum = 0;
  for (let i = 0; i < 15; i += 1) {
    const character = compact[i]!;
    const order = /\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65;
    sum += i % 2 === 0 ? ODD[order]! : order;
  }
  return String.fromCharCode(65 + (sum % 26)) === compact[15];
}

function isBrazilian(digits: string): boolean {
  if (/^(\d)\1*$/.test(digits)) return false;
  const check = (length: number): number => {
    let sum = 0;
    for (let i = 0; i < length; i += 1) sum += Number(digits[i]) * (length + 1 - i);
    return ((sum * 10) % 11) % 10;
  };
  return check(9) === Number(digits[9]) && check(10) === Number(digits[10]);
}

function isDutch(digits: string): boolean {
  return digits !== '000000000' && hasWeightedSum(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1], 11);
}
