/**
 * What was made of the keys that came last, found by comparing instead of by hashing: for keys of many members that are few at a time,
 * which is many times cheaper than building the text that a map would need. Forgets the oldest.
 */
export class Recent<Key, Value> {
  readonly #size: number;
  readonly #isSame: (a: Key, b: Key) => boolean;
  readonly #keys: Key[] = [];
  readonly #values: Value[] = [];
  #last = 0;
  #next = 0;

  constructor(size: number, isSame: (a: Key, b: Key) => boolean) {
    this.#size = size;
    this.#isSame = isSame;
  }

  /** The value of a key; undefined where it is not, or no longer, known. */
  get(key: Key): Value | undefined {
    const keys = this.#keys;
    const last = this.#last;
    if (last < keys.length && this.#isSame(keys[last] as Key, key)) return this.#values[last];
    for (let at = 0; at < keys.length; at += 1) {
      if (at !== last && this.#isSame(keys[at] as Key, key)) {
        this.#last = at;
        return this.#values[at];
      }
    }
    return undefined;
  }

  /** Remembers a key that `get` did not know. */
  set(key: Key, value: Value): void {
    this.#keys[this.#next] = key;
    this.#values[this.#next] = value;
    this.#last = this.#next;
    this.#next = (this.#next + 1) % this.#size;
  }
}
