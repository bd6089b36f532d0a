import { hasIbanSum, hasLuhnSum } from './checksums.ts';
import { replaceNames } from './names.ts';
import { replaceNationalIds } from './national-ids.ts';

/** Kinds of private text that are found. */
export type PrivateKind = 'key' | 'email' | 'iban' | 'national-id' | 'card' | 'phone' | 'ip' | 'name';

/** Every kind, in the order in which they are looked for: what an earlier one took, a later one does not see. */
export const PRIVATE_KINDS: readonly PrivateKind[] = ['key', 'email', 'iban', 'national-id', 'card', 'phone', 'ip', 'name'];

/** How often each kind was found; kinds that were not are absent. */
export type PrivateCounts = Readonly<Partial<Record<PrivateKind, number>>>;

/** A text without its private parts, and what they were. */
export interface Scrubbed {
  readonly text: string;
  readonly counts: PrivateCounts;
}

/**
 * Replaces private texts of the given kinds by `[KEY]`, `[EMAIL]`, `[IBAN]`, `[ID]`, `[CARD]`, `[PHONE]`, `[IP]` and `[NAME]`, and counts
 * them. Linear in the text, and what it wrote it does not find again. A net with holes: what has neither a checksum nor a telling shape
 * (addresses, account numbers, rare names) stays.
 */
export function scrub(text: string, kinds: readonly PrivateKind[] = PRIVATE_KINDS): Scrubbed {
  const counts: Partial<Record<PrivateKind, number>> = {};
  let scrubbed = text;
  for (const kind of kinds) {
    scrubbed = replacers[kind](scrubbed, () => {
      counts[kind] = (counts[kind] ?? 0) + 1;
      return PLACEHOLDERS[kind];
    });
  }
  return { text: scrubbed, counts };
}

/**
 * Applies a change to every string of a JSON text as it reads without its escapes, and to whole numbers as long as a card's, which become
 * strings where they change; the rest of the text stays as it is. A text that is no JSON is changed as a whole. Depth does not matter.
 */
export function changeStrings(body: string, change: (text: string) => string): string {
  if (!isJson(body)) return change(body);
  return body.replace(JSON_TOKEN, (token) => {
    const text = token.startsWith('"') ? (JSON.parse(token) as string) : token;
    const changed = change(text);
    return changed === text ? token : JSON.stringify(changed);
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

const PLACEHOLDERS: Readonly<Record<PrivateKind, string>> = {
  key: '[KEY]',
  email: '[EMAIL]',
  iban: '[IBAN]',
  'national-id': '[ID]',
  card: '[CARD]',
  phone: '[PHONE]',
  ip: '[IP]',
  name: '[NAME]',
};

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
/** Four octets, not part of a longer dotted number nor a version. */
const IPV4 = /(?<![\w.])(?<!\b(?:v|version|release) ?)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)/gi;
/** Eight groups, or fewer with one `::` among them; a time or a MAC address has neither. `a::b` is code. */
const IPV6 =
  /(?<![\w:.])(?=[a-f:]{0,30}\d)(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6})(?![\w:])/gi;

type Replacer = (text: string, hit: () => string) => string;

const replacers: Readonly<Record<PrivateKind, Replacer>> = {
  key: (text, hit) => text.replace(KEY, hit),
  email: (text, hit) => text.replace(EMAIL, hit),
  iban: (text, hit) => text.replace(IBAN, (match) => replaceIban(match, hit)),
  'national-id': replaceNationalIds,
  card: (text, hit) => text.replace(CARD, (match) => (hasLuhnSum(match.replace(/[ -]/g, '')) ? hit() : match)),
  phone: (text, hit) => text.replace(PHONE, (match) => (match.replace(/\D/g, '').length >= 8 ? hit() : match)),
  ip: (text, hit) => text.replace(IPV4, hit).replace(IPV6, hit),
  name: replaceNames,
};

/** A match may run on into the words after the account: the longest right beginning that ends with a group is what is replaced. */
function replaceIban(match: string, hit: () => string): string {
  for (let end = match.length; end >= 15; end--) {
    if (end < match.length && match[end] !== ' ') continue;
    const compact = match.slice(0, end).replaceAll(' ', '');
    if (compact.length <= 34 && hasIbanSum(compact)) return `${hit()}${match.slice(end)}`;
  }
  return match;
}
