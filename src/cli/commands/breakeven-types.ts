/** Where a figure comes from: a price list, a benchmark, the command line or a default. */
export interface Assumption {
  readonly name: string;
  readonly value: number | string;
  readonly source: string;
  /** The day, or the month, that the figure holds for or was read: `2026-11-22` or `2026-11`. */
  readonly date: string;
}

/** A way to run the same calls. */
export interface BreakevenOption {
  readonly kind: 'hosted-small' | 'hosted-open' | 'self-hosted' | 'fine-tuned';
  readonly model: string;
  readonly usdPerMonth: number;
  /** Whole calls a month from which it costs no more than the baseline: 0 for the first call; null where no volume is enough as planned. */
  readonly breakEvenVolume: number | null;
  /**
   * u*: for hosts of one's own, the share of their hours that they must be busy for the rent alone to cost what the baseline does; above 1 it is
   * never. What is paid per call has no idle hours: 0. Null where the baseline is free, which nothing breaks even with.
   */
  readonly utilisation: number | null;
  /** Whether it can never cost less than the baseline, however many calls and however busy. */
  readonly never: boolean;
}

/** What `smallfirst breakeven --json` prints: exactly this. */
export interface BreakevenDocument {
  readonly baseline: { readonly model: string; readonly usdPerMonth: number };
  /** Hosted ones in the order of the list, then hosts of one's own, cheapest first within a kind. */
  readonly options: readonly BreakevenOption[];
  readonly assumptions: readonly Assumption[];
}
