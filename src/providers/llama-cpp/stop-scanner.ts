import type { TokenLogprob } from '../../core/index.ts';

/** One token's text. */
export interface Piece {
  readonly text: string;
  readonly logprob: TokenLogprob | null;
}

/** Lets pieces out once no stop sequence can begin in them. */
export class StopScanner {
  readonly #stops: readonly string[];
  readonly #held: Piece[] = [];
  #text = '';
  /** The stop sequence that was met, null while none was. */
  met: string | null = null;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** What may go out after this piece. After a stop was met: the rest before it, and nothing more. */
  push(piece: Piece): readonly Piece[] {
    if (this.met !== null) return [];
    this.#held.push(piece);
    if (this.#stops.length === 0) return this.#held.splice(0);
    this.#text += piece.text;
    const found = this.#firstStop();
    if (found !== null) {
      this.met = found.stop;
      return this.#cutAt(found.at);
    }
    return this.#release(this.#text.length - this.#openTail());
  }

  /** The text is over: what was held back was no stop sequence. */
  end(): readonly Piece[] {
    return this.met === null ? this.#held.splice(0) : [];
  }

  #firstStop(): { readonly stop: string; readonly at: number } | null {
    let first: { readonly stop: string; readonly at: number } | null = null;
    for (const stop of this.#stops) {
      const at = this.#text.indexOf(stop);
      if (at >= 0 && (first === null || at < first.at)) first = { stop, at };
    }
    return first;
  }

  /** Length of the longest end of the text that a stop sequence begins with. */
  #openTail(): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, this.#text.length); length > longest; length -= 1) {
        if (this.#text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }

  #release(length: number): readonly Piece[] {
    const out: Piece[] = [];
    let at = 0;
    while (this.#held[0] !== undefined && at + this.#held[0].text.length <= length) {
      const piece = this.#held.shift() as Piece;
      at += piece.text.length;
      out.push(piece);
    }
    this.#text = this.#text.slice(at);
    return out;
  }

  #cutAt(length: number): readonly Piece[] {
    const whole = this.#release(length);
    const rest = this.#text.slice(0, length - whole.reduce((sum, { text }) => sum + text.length, 0));
    this.#held.length = 0;
    // A token that the stop sequence cuts in two has no probability of its own.
    return rest === '' ? whole : [...whole, { text: rest, logprob: null }];
  }
}
