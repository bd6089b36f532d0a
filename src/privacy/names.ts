import { GIVEN_NAMES } from './given-names.ts';

const CAPITALISED = "\\p{Lu}[\\p{L}'’]{0,24}(?:-\\p{Lu}[\\p{L}]{1,24})?";
const PARTICLE = '(?:(?:van|von|de|da|di|del|der|den|la|le|bin|al|zu) ){0,2}';
const SURNAME = `${PARTICLE}${CAPITALISED}`;

/** A title, then one to three capitalised words: whoever bears it is a person. */
const TITLED = new RegExp(
  `(?<![\\p{L}])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Herrn?|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Signora?)\\b\\.? (${SURNAME}(?: ${SURNAME}){0,2})`,
  'gu',
);
/** Two capitalised words in a row, up to three names and an initial between them; the first must be a listed given name. */
const FULL = new RegExp(`(?<![\\p{L}\\p{N}@/.-])(${CAPITALISED})((?: ${CAPITALISED}| \\p{Lu}\\.){0,2} ${SURNAME})`, 'gu');
/** Where people say or write their own or another's name. Case does not matter there, so the listed given name decides. */
const INTRODUCED =
  /(?<![\p{L}])((?:my name is|my name's|my name:|name is|i am|i'm|i’m|this is|ich heiße|mein name ist|je m'appelle|je m’appelle|me llamo|mi chiamo|(?:kind |best |warm )?regards,?|sincerely,?|cheers,?|dear|hi|hello|hey|hallo|liebe|lieber|cher|chère|estimado|estimada)[ \t]*\n?[ \t]*)([\p{L}'’]{2,24}(?:-[\p{L}]{2,24})?)((?: \p{Lu}[\p{L}'’-]{1,24}){0,2})/giu;

/** Capitalised words that stand beside a given name without being part of a person's name. */
const NOT_SURNAMES: ReadonlySet<string> = new Set(
  `i i'm i've the a an and or but is was has had will would can could please thanks thank you your my our hi hello dear regards inc ltd llc gmbh corp
  street road avenue lane square airport university college hospital school church station bridge island day bank hotel store shop office monday
  tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december`
    .trim()
    .split(/\s+/),
);

/** Replaces names of people; `hit` is told of each. Precision before recall: a word alone, even a listed one, stays. */
export function replaceNames(text: string, hit: () => string): string {
  const titled = text.replace(TITLED, (match: string, name: string) => `${match.slice(0, -name.length)}${hit()}`);
  const full = titled.replace(FULL, (match: string, given: string, rest: string) => fullName(match, [given, rest], hit));
  return full.replace(INTRODUCED, (match: string, before: string, given: string, rest: string) =>
    GIVEN_NAMES.has(given.toLowerCase()) ? `${before}${hit()}${isSurname(rest) ? '' : rest}` : match,
  );
}

/** The words of a match may begin before the name (`When John Smith …`): the first listed given name that a surname follows starts it. */
function fullName(match: string, [given, rest]: readonly [string, string], hit: () => string): string {
  const words = [given, ...rest.trim().split(' ')];
  const start = words.findIndex((word, i) => i < words.length - 1 && GIVEN_NAMES.has(word.toLowerCase()) && isSurname(words[i + 1]!));
  if (start < 0) return match;
  const end = words.findIndex((word, i) => i > start && !isSurname(word));
  const name = end < 0 ? [] : words.slice(end);
  return [...words.slice(0, start), hit(), ...name].join(' ');
}

function isSurname(words: string): boolean {
  const each = words.trim().split(' ');
  return each.every((word) => !NOT_SURNAMES.has(word.toLowerCase()));
}
