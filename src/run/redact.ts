/** Finds one kind of private text and replaces it. Pure, and linear in the text. */
export type Redactor = (text: string) => string;

/**
 * Replaces what looks like a key, an e-mail address, a bank account (IBAN with a right check sum), a payment card (a right Luhn sum) or
 * a telephone number by `[KEY]`, `[EMAIL]`, `[IBAN]`, `[CARD]`, `[PHONE]`, then applies the user's own redactors. It is a net with
 * holes: names, addresses and account numbers of other shapes stay. For a text that may be JSON, see `redactBody`.
 */
export function redact(text: string, own: readonly Redactor[] = []): string {
  let redacted = text;
  for (const redactor of builtIn) redacted = redactor(redacted);
  for (const redactor of own) redacted = redactor(redacted);
  return redacted;
}

/**
 * The same for a request or answer body. In JSON every string is redacted as it reads without its escapes, and what is left is JSON
 * again, otherwise as it was; a number with a card's sum becomes a string. Depth does not matter.
 */
export function redactBody(body: string, own: readonly Redactor[] = []): string {
  if (!isJson(body)) return redact(body, own);
  return body.replace(JSON_TOKEN, (token) => {
    const text = token.startsWith('"') ? (JSON.parse(token) as string) : token;
    const redacted = redact(text, own);
    return redacted === text ? token : JSON.stringify(redacted);
  });
}

/** A string, or a whole number as long as a card's. */
const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])\d{13,19}(?![\d.eE])/g;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Prefixes that vendors put before their secrets, so that leaks can be found. Bounded runs keep matching linear. */
const KEY =
  /\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,250}|\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,250}|\bgithub_pat_[A-Za-z0-9_]{20,250}|\bxox[abeoprs]-[A-Za-z0-9-]{10,250}|\bAKIA[0-9A-Z]{16}\b|\bAIza[A-Za-z0-9_-]{35}|\bhf_[A-Za-z0-9]{20,250}|\bglpat-[A-Za-z0-9_-]{20,250}|\beyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,4000}/g;
const EMAIL = /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/g;
const IBAN = /\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b/g;
/** 13 to 19 digits with at most one space or hyphen between two. */
const CARD = /(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d])/g;
/** An international number, or a national one in groups: digits alone could be any number, so those are left. */
const PHONE =
  /(?<![\w.])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}|\(\d{2,5}\)[ .-]?\d{2,4}(?:[ .-]\d{2,4}){1,3}|0\d{1,4}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w])/g;

const builtIn: readonly Redactor[] = [
  (text) => text.replace(KEY, '[KEY]'),
  (text) => text.replace(EMAIL, '[EMAIL]'),
  (text) => text.replace(IBAN, redactIban),
  (text) => text.replace(CARD, (match) => (hasLuhnSum(match.replace(/[ -]/g, '')) ? '[CARD]' : match)),
  (text) => text.replace(PHONE, (match) => (match.replace(/\D/g, '').length >= 8 ? '[PHONE]' : match)),
];

/** A match may run on into the words after the account: the longest right beginning that ends with a group is what is replaced. */
function redactIban(match: string): string {
  for (let end = match.length; end >= 15; end--) {
    if (end < match.length && match[end] !== ' ') continue;
    const compact = match.slice(0, end).replaceAll(' ', '');
    if (compact.length <= 34 && hasIbanSum(compact)) return `[IBAN]${match.slice(end)}`;
  }
  return match;
}

/** ISO 7064, modulus 97: country and check digits go last, letters count as 10 to 35. */
function hasIbanSum(compact: string): boolean {
  let rest = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** ISO/IEC 7812, appendix B: every second digit from the right is doubled. */
function hasLuhnSum(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
