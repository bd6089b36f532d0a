import type { Fields, JsonRow } from './certify-row.ts';

/** How a row's own confidence is called beside its named signals. */
const PLAIN = 'confidence';

/**
 * Which of a model's signals is its confidence: the one that was named, else the only one that the file carries. Several without a
 * name are an input error, because a signal chosen on the file that certifies it would make the certificate worthless.
 */
export class SignalChoice {
  readonly #named: string | null;
  #found: string | null = null;
  readonly #seen = new Set<string>();

  constructor(named?: string) {
    this.#named = named ?? null;
  }

  /** The signal that the confidences are: null when only plain `confidence` was read, or nothing. */
  get name(): string | null {
    const name = this.#named ?? this.#found;
    return name === PLAIN && this.#named === null ? null : name;
  }

  /** The confidence of one model's answer; null when it has none. `path` names the answer in messages. */
  confidenceOf(row: JsonRow, answer: Fields, path: string): number | null {
    const values = this.#valuesOf(row, answer, path);
    for (const name of values.keys()) {
      this.#seen.add(name);
      this.#found ??= name;
    }
    if (this.#named === null && this.#seen.size > 1) {
      row.fail(`${path} has several signals (${[...this.#seen].join(', ')}): name one with --signal, chosen without looking at this file`);
    }
    const name = this.#named ?? this.#found;
    const value = name === null ? undefined : values.get(name);
    if (value === undefined) return null;
    const where = name === PLAIN ? `${path}.confidence` : `${path}.signals.${name}`;
    if (!(value >= 0 && value <= 1)) row.fail(`${where} must lie in 0…1, not ${value}`);
    return value;
  }

  /** Signals that some row carries, where the one that was named is not among them; null when all is well. */
  missing(): readonly string[] | null {
    return this.#named === null || this.#seen.has(this.#named) ? null : [...this.#seen];
  }

  #valuesOf(row: JsonRow, answer: Fields, path: string): Map<string, number> {
    const values = new Map<string, number>();
    const plain = answer.confidence;
    if (plain !== undefined && plain !== null) values.set(PLAIN, row.number(plain, `${path}.confidence`));
    if (answer.signals === undefined || answer.signals === null) return values;
    for (const [name, value] of Object.entries(row.object(answer.signals, `${path}.signals`))) {
      if (value === null) continue;
      if (name === PLAIN && values.has(PLAIN)) row.fail(`${path} gives confidence twice, as itself and among its signals`);
      values.set(name, row.number(value, `${path}.signals.${name}`));
    }
    return values;
  }
}
