/** What stands for a variable part in a masked template. */
export type Placeholder = '{number}' | '{id}' | '{date}' | '{time}' | '{email}' | '{url}' | '{path}' | '{quoted}' | '{name}' | '{secret}';

const DATE = /^(?:\d{4}-\d{1,2}-\d{1,2}(?:T[\d:.,+-]*Z?)?|\d{1,4}([./-])\d{1,2}\1\d{1,4})$/;
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2}|[ap]m)?$/i;
const NUMBER = /^[+-]?[$€£¥]?\d[\d.,_]*(?:e[+-]?\d+)?(?:%|st|nd|rd|th)?$/i;
const PATH = /^(?:\/[^/]|~\/|\.{1,2}\/|[A-Za-z]:[\\/])/;
const HEX = /^(?:0x)?[0-9a-f]{8,}$/i;
/** From this length on, hexadecimal digits are an id whatever they are: a word of sixteen letters from a to f does not exist. */
const LONG_HEX = 16;
const HEX_GROUPS = /^[0-9a-f]+(?:-[0-9a-f]+){2,}$/i;
const IDENTIFIER = /^[A-Za-z0-9_+/=.~-]+$/;
const HOST = /^[\w-]+(?:\.[\w-]+)+(?::\d+)?\//;

/**
 * The placeholder of a word that is variable as a whole, or null. Every pattern is anchored and without nested repetition, so the time
 * is linear in the word.
 */
export function classifyWord(word: string): Placeholder | null {
  if (word.includes('://') || word.startsWith('www.') || word.startsWith('mailto:')) return '{url}';
  const at = word.indexOf('@');
  if (at > 0 && word.indexOf('.', at) > at + 1) return '{email}';
  if (PATH.test(word)) return '{path}';
  if (DATE.test(word)) return '{date}';
  if (TIME.test(word)) return '{time}';
  // Before numbers: a hexadecimal id may happen to have no letter (or one, an `e` like an exponent's), and nobody counts that far.
  if (word.length >= LONG_HEX && HEX.test(word)) return '{id}';
  if (NUMBER.test(word)) return '{number}';
  if (HOST.test(word)) return '{url}';
  return isIdentifier(word) ? '{id}' : null;
}

/** Whether a word was made by a machine: hexadecimal, a UUID, base64, a key, a token. Words of people are not: long ones are lower-case. */
function isIdentifier(word: string): boolean {
  if (word.length < 8 || !IDENTIFIER.test(word)) return false;
  const kinds = countKinds(word);
  if (HEX.test(word) && kinds.digits > 0) return true;
  if (HEX_GROUPS.test(word) && kinds.digits > 0 && word.length >= 16) return true;
  if (kinds.digits >= 2 && (kinds.turns >= 3 || word.length >= 16)) return true;
  return word.length >= 20 && (kinds.digits > 0 || kinds.innerCapitals >= 2 || kinds.symbols > 0);
}

interface Kinds {
  readonly digits: number;
  /** Changes between letters and digits. */
  readonly turns: number;
  /** Capitals that follow a small letter. */
  readonly innerCapitals: number;
  /** Characters of base64 that no ordinary word holds. */
  readonly symbols: number;
}

function countKinds(word: string): Kinds {
  let digits = 0;
  let turns = 0;
  let innerCapitals = 0;
  let symbols = 0;
  let before: 'digit' | 'lower' | 'upper' | null = null;
  for (let i = 0; i < word.length; i += 1) {
    const code = word.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) {
      digits += 1;
      if (before !== null && before !== 'digit') turns += 1;
      before = 'digit';
    } else if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) {
      if (before === 'digit') turns += 1;
      if (code < 0x61 && before === 'lower') innerCapitals += 1;
      before = code < 0x61 ? 'upper' : 'lower';
    } else if (code === 0x2b || code === 0x3d) symbols += 1;
  }
  return { digits, turns, innerCapitals, symbols };
}

const MONTH =
  /^(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)$/i;
const WEEKDAY = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?$/i;

/** Whether a capitalised word names a month; alone it may be a word like any other (May, March). */
export function isMonth(word: string): boolean {
  return word.length <= 9 && isCapital(word.charCodeAt(0)) && MONTH.test(word);
}

/** Whether a capitalised word is a day of the week written in full. */
export function isWeekday(word: string): boolean {
  return word.length <= 9 && isCapital(word.charCodeAt(0)) && word.endsWith('day') && WEEKDAY.test(word);
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

const NAME = /^\p{Lu}[\p{L}\p{M}'’-]*\p{Ll}/u;
const PRONOUN = /^I['’]/;

/** Whether a word is written as a name: a capital, then something small. Acronyms are not: JSON is no person. */
export function isName(word: string): boolean {
  return NAME.test(word) && !PRONOUN.test(word);
}

const SECRET_WORDS: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'secret',
  'token',
  'apikey',
  'key',
  'authorization',
  'bearer',
  'credential',
  'credentials',
  'cookie',
]);

/** Whether what is assigned to a word of this name is a secret: `password`, `api_key`, `DB_PASSWORD` … */
export function namesSecret(word: string): boolean {
  if (word.length > 64) return false;
  return word
    .toLowerCase()
    .split(/[_-]/)
    .some((part) => SECRET_WORDS.has(part));
}
