import { SmallfirstError } from '../core/index.ts';

/** Rows that fail one after the other, with no answer between them, before the provider is taken to be gone. */
const IN_A_ROW = 20;
/** What a provider says of our account: it holds for every row. */
const ACCOUNT: ReadonlySet<string> = new Set(['authentication', 'permission', 'quota', 'billing']);

/** Whether a failure says nothing about its row: the provider does not answer, or does not accept us. */
export function isOutage(error: unknown): error is SmallfirstError {
  if (!(error instanceof SmallfirstError) || !error.code.startsWith('UPSTREAM_')) return false;
  const { told } = error as { readonly told?: { readonly kind: string } | null };
  return error.row.retry || ACCOUNT.has(told?.kind ?? '');
}

/**
 * Holds back rows that fail for no reason of their own until an answer shows that the provider is there: where none comes, they are not
 * failed rows, and a job that goes on later asks them again.
 */
export class Outage<Row> {
  #held: Row[] = [];

  /** Takes a failed row; false where it is the row's own failure. */
  holds(row: Row, error: SmallfirstError): boolean {
    if (!isOutage(error)) return false;
    this.#held.push(row);
    return true;
  }

  get isCertain(): boolean {
    return this.#held.length >= IN_A_ROW;
  }

  /** The rows that were held back, which have failed after all: others got answers. */
  over(): readonly Row[] {
    if (this.#held.length === 0) return [];
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
