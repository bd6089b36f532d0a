/** A calendar day as numbers. */
export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const NUMBER_WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The number that a text writes ("1,234.50", "$ 12", "three"), or null. A comma before one or two last digits is a decimal comma. */
export function numberOf(text: string): number | null {
  const plain = text.trim().toLowerCase();
  const word = NUMBER_WORDS.indexOf(plain);
  if (word >= 0) return word;
  const digits = /^[^\p{L}\d-]*(-?)(?:rm|usd|eur|gbp)?\s*(\d[\d.,\s]*)[^\p{L}\d]*$/u.exec(plain);
  if (!digits) return null;
  let number = digits[2]!.replace(/\s|[.,]$/g, '');
  const decimal = /[.,](\d{1,2})$/.exec(number);
  if (decimal) number = `${number.slice(0, -decimal[0].length).replace(/[.,]/g, '')}.${decimal[1]}`;
  else number = number.replace(/[.,]/g, '');
  const value = Number(number);
  return Number.isFinite(value) ? (digits[1] ? -value : value) : null;
}

/** The days that a text may write: "25/12/2018" is one, "03/04/2018" is two; day first comes first. None for anything else. */
export function daysOf(text: string): readonly Day[] {
  const plain = text.trim().toLowerCase();
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(plain) ?? /^(\d{4})(\d{2})(\d{2})$/.exec(plain);
  if (iso) return valid([dayAt(iso[1]!, iso[2]!, iso[3]!)]);
  const numeric = /^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})$/.exec(plain);
  if (numeric) {
    const days = [dayAt(numeric[3]!, numeric[2]!, numeric[1]!)];
    if (numeric[1] !== numeric[2]) days.push(dayAt(numeric[3]!, numeric[1]!, numeric[2]!));
    return valid(days);
  }
  const named = /^(\d{1,2})(?:st|nd|rd|th)?[-/., ]*(?:of )?([a-z]{3,9})[-/., ]*(\d{4}|\d{2})$/.exec(plain);
  if (named) return valid([dayAt(named[3]!, monthNumber(named[2]!), named[1]!)]);
  const american = /^([a-z]{3,9})[-/., ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4}|\d{2})$/.exec(plain);
  return american ? valid([dayAt(american[3]!, monthNumber(american[1]!), american[2]!)]) : [];
}

/** Writes a day as YYYY-MM-DD. */
export function isoDay(day: Day): string {
  return `${String(day.year).padStart(4, '0')}-${String(day.month).padStart(2, '0')}-${String(day.day).padStart(2, '0')}`;
}

function dayAt(year: string, month: string, day: string): Day {
  return { year: year.length === 2 ? 2000 + Number(year) : Number(year), month: Number(month), day: Number(day) };
}

function monthNumber(name: string): string {
  return String(MONTHS.indexOf(name.slice(0, 3)) + 1);
}

function valid(days: readonly Day[]): readonly Day[] {
  return days.filter(({ month, day }) => month >= 1 && month <= 12 && day >= 1 && day <= 31);
}

/** Ways to write what stands in the text; training takes for each field the one that most of its values are written in. */
export const FORMATS = [
  'as it stands',
  'space after commas',
  'lower case',
  'upper case',
  'number',
  'two decimals',
  'day first',
  'month first',
] as const;
export type Format = (typeof FORMATS)[number];

/** Writes a passage in a format; where the format does not apply, as it stands with each run of spaces and line ends as one space. */
export function formatted(passage: string, format: Format): string {
  const plain = passage.replace(/\s+/g, ' ').trim();
  if (format === 'as it stands') return plain;
  if (format === 'space after commas') return plain.replace(/\s*,\s*(?=\S)/g, ', ');
  if (format === 'lower case') return plain.toLowerCase();
  if (format === 'upper case') return plain.toUpperCase();
  if (format === 'number' || format === 'two decimals') {
    const value = numberOf(plain);
    if (value === null) return plain;
    return format === 'number' ? String(value) : value.toFixed(2);
  }
  const days = daysOf(plain);
  const day = format === 'day first' ? days[0] : days.at(-1);
  return day ? isoDay(day) : plain;
}

/** What two writings of the same value share: letters and digits only, in lower case. */
export function valueKey(value: string): string {
  const key = value.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  return key === '' ? value.trim() : key;
}
