import { classifyWord, isMonth, isName, isWeekday, namesSecret, type Placeholder } from './classify-word.ts';

/** As much of a prompt as is masked and fingerprinted: what tells templates apart stands before it. */
export const MASKED_LENGTH = 16_384;

/** A quotation is not looked for beyond this, so that a stray quote costs little. */
const QUOTATION_LENGTH = 400;

const CLOSERS: Readonly<Record<string, string>> = { '"': '"', '“': '”', '„': '“', '«': '»', '`': '`', "'": "'", '‘': '’' };
const DELIMITERS: ReadonlySet<string> = new Set('()[]{}<>,;|"“”„«»`‘');
const SPACE = /\s/;
const PARTICLES: ReadonlySet<string> = new Set('van von de der den da di del della dos la le al bin ibn ter zu'.split(' '));

/**
 * A prompt with its variable parts replaced by placeholders: numbers, ids and keys, dates, times, e-mail addresses, URLs, paths,
 * quotations, names (capitalised words that do not begin a sentence) and what is assigned to a password or a token. White space is
 * collapsed. Only the first MASKED_LENGTH characters count. The time is linear in the text, whatever it holds.
 */
export function maskTemplate(text: string): string {
  return new Masker(text.length > MASKED_LENGTH ? text.slice(0, MASKED_LENGTH) : text).run();
}

/** One walk over one text. */
class Masker {
  readonly #text: string;
  #at = 0;
  readonly #out: string[] = [];
  #sentenceStart = true;
  /** The next word is a secret's value. */
  #secretNext = false;
  /** Index in `#out` of a date in words that more words may still belong to, -1 when there is none. */
  #openDate = -1;
  /** By opening quote: no closing one stands before this place. */
  readonly #searched = new Map<string, number>();
  /** The latest name was an initial, so that a full stop after it ends no name. */
  #wasInitial = false;

  constructor(text: string) {
    this.#text = text;
  }

  run(): string {
    const text = this.#text;
    while (this.#at < text.length) {
      const char = text[this.#at] as string;
      if (SPACE.test(char)) this.#space();
      else if (!this.#quotation(char)) {
        if (DELIMITERS.has(char)) {
          this.#out.push(char);
          this.#at += 1;
        } else this.#word();
      }
    }
    return this.#out.join('').trim();
  }

  /** A run of white space is one space, or one line break, which begins a sentence. */
  #space(): void {
    const start = this.#at;
    let breaks = false;
    while (this.#at < this.#text.length && SPACE.test(this.#text[this.#at] as string)) {
      if (this.#text[this.#at] === '\n') breaks = true;
      this.#at += 1;
    }
    if (start === 0) return;
    this.#out.push(breaks ? '\n' : ' ');
    if (breaks) {
      this.#sentenceStart = true;
      this.#openDate = -1;
    }
  }

  #quotation(open: string): boolean {
    const closer = CLOSERS[open];
    if (closer === undefined) return false;
    const from = this.#at + 1;
    const isApostrophe = open === "'" || open === '‘';
    const limit = Math.min(this.#text.length, from + QUOTATION_LENGTH);
    // What was searched in vain for an earlier quote of the kind is not searched again: a run of quotes would take quadratic time.
    for (let end = Math.max(from, this.#searched.get(open) ?? 0); end < limit; end += 1) {
      const char = this.#text[end];
      // It stays at the line's end: no quote before it can be closed.
      if (char === '\n') return this.#failed(open, end);
      // An apostrophe within a word ends no quotation.
      if (char !== closer || (isApostrophe && isWordCharacter(this.#text[end + 1]))) continue;
      // Three backticks are a fence, and an empty quotation holds nothing to mask.
      if (end === from) return false;
      this.#at = end + 1;
      this.#put(this.#secretNext ? '{secret}' : '{quoted}');
      return true;
    }
    return this.#failed(open, limit);
  }

  #failed(open: string, searchedTo: number): false {
    this.#searched.set(open, searchedTo);
    return false;
  }

  #word(): void {
    const start = this.#at;
    const text = this.#text;
    let end = start;
    while (end < text.length && !SPACE.test(text[end] as string) && !DELIMITERS.has(text[end] as string)) end += 1;
    // What follows `scheme://` may hold brackets, commas and semicolons.
    if (text.slice(start, end).includes('://')) while (end < text.length && !/[\s"<>`]/.test(text[end] as string)) end += 1;
    if (end === start) end += 1;
    this.#at = end;
    let from = start;
    while (from < end && isMarkup(text[from] as string)) from += 1;
    let to = end;
    while (to > from && isTrailing(text[to - 1] as string)) to -= 1;
    if (from > start) this.#out.push(text.slice(start, from));
    const trailing = text.slice(to, end);
    if (to > from) this.#core(text.slice(from, to), trailing);
    if (trailing !== '') this.#out.push(trailing);
    if (to > from) this.#sentenceStart = /[.!?…]/.test(trailing);
  }

  /** A word without what surrounds it; `key=value` and `key:value` are two. */
  #core(core: string, trailing: string): void {
    if (!this.#secretNext && announcesSecret(core)) {
      this.#out.push(core);
      this.#secretNext = true;
      return;
    }
    const whole = this.#secretNext ? '{secret}' : classifyWord(core);
    if (whole !== null) {
      this.#put(whole);
      return;
    }
    const split = core.search(/[=:]/);
    if (split > 0 && split < core.length - 1) {
      this.#key(core.slice(0, split));
      this.#out.push(core[split] as string);
      this.#secretNext = namesSecret(core.slice(0, split));
      this.#sentenceStart = false;
      // The rest may hold further separators; the recursion is as deep as there are, so they are bounded.
      const rest = core.slice(split + 1);
      if (this.#secretNext || rest.length > 512) this.#put(this.#secretNext ? '{secret}' : '{id}');
      else this.#core(rest, trailing);
      return;
    }
    this.#plain(core);
    this.#secretNext = trailing.includes(':') && namesSecret(core);
  }

  /** What stands before a separator may itself be made by a machine. */
  #key(key: string): void {
    const whole = classifyWord(key);
    if (whole === null) this.#plain(key);
    else this.#put(whole);
  }

  #plain(core: string): void {
    if (isWeekday(core) || (isMonth(core) && this.#besideNumber())) this.#put('{date}');
    else if (isName(core) && (!this.#sentenceStart || this.#followsName())) this.#name(false);
    else if (core.length === 1 && /\p{Lu}/u.test(core) && this.#followsName()) this.#name(true);
    else {
      this.#openDate = -1;
      this.#out.push(/\d/.test(core) ? core.replace(/\d+(?:[.,]\d+)*/g, '{number}') : core);
    }
  }

  /** Whether a month stands beside a number: only then is it surely one. */
  #besideNumber(): boolean {
    const { length } = this.#out;
    if (this.#openDate >= 0 || (this.#out[length - 1] === ' ' && this.#out[length - 2] === '{number}')) return true;
    return /^[.,]?[ \u00a0]\d/.test(this.#text.slice(this.#at, this.#at + 3));
  }

  /** Whether the word before was a name, with nothing but one space (or an initial's full stop) between. */
  #followsName(): boolean {
    const { length } = this.#out;
    if (this.#out[length - 1] !== ' ') return false;
    return this.#out[length - 2] === '{name}' || (this.#wasInitial && this.#out[length - 2] === '.' && this.#out[length - 3] === '{name}');
  }

  #name(isInitial: boolean): void {
    this.#put('{name}');
    this.#wasInitial = isInitial;
  }

  /** Writes a placeholder, joined to the one before where both are parts of one name or one date. */
  #put(placeholder: Placeholder): void {
    this.#secretNext = false;
    this.#sentenceStart = false;
    if (placeholder === '{name}' && this.#joinName()) return;
    if ((placeholder === '{number}' || placeholder === '{date}') && this.#joinDate(placeholder)) return;
    this.#out.push(placeholder);
    this.#openDate = placeholder === '{date}' ? this.#out.length - 1 : -1;
  }

  #joinName(): boolean {
    const out = this.#out;
    let last = out.length - 1;
    if (out[last] !== ' ') return false;
    last -= 1;
    if (out[last] === '.' && this.#wasInitial) last -= 1;
    // Particles: Ludwig van Beethoven, Charles de Gaulle.
    for (let i = 0; i < 2 && PARTICLES.has(out[last] ?? '') && out[last - 1] === ' '; i += 1) last -= 2;
    if (out[last] !== '{name}') return false;
    out.length = last + 1;
    return true;
  }

  /** `22 November 2026`, `Sunday, November 22nd, 2026`: numbers and names beside a date belong to it. */
  #joinDate(placeholder: Placeholder): boolean {
    const out = this.#out;
    if (placeholder === '{date}' && this.#openDate < 0) {
      if (out[out.length - 1] !== ' ' || out[out.length - 2] !== '{number}') return false;
      out.length -= 2;
      return false;
    }
    if (this.#openDate < 0) return false;
    const between = out.slice(this.#openDate + 1).join('');
    if (between !== ' ' && between !== ', ' && between !== '. ') return false;
    out.length = this.#openDate + 1;
    return true;
  }
}

function isWordCharacter(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char);
}

/** `Bearer`, or a name with `=` whose value stands in quotes of its own. */
function announcesSecret(core: string): boolean {
  if (core.length === 6) return /^bearer$/i.test(core);
  return core.endsWith('=') && namesSecret(core.slice(0, -1)) && classifyWord(core) === null;
}

function isMarkup(char: string): boolean {
  return char === '*' || char === '#' || char === ':' || char === '=' || char === "'" || char === '’';
}

function isTrailing(char: string): boolean {
  return ".!?:…*'’_".includes(char);
}
