/** What a fine-tuned model costs and saves. Dollars. */
export interface Tuning {
  /** Once: data, training, evals. */
  readonly usdOnce: number;
  /** A dedicated endpoint, dollars a month; 0 where the tuned model is paid per token. */
  readonly endpointUsdPerMonth: number;
  /** Tasks that share the endpoint, as many adapters on one GPU do; 1 for a task of its own. */
  readonly sharedBy: number;
  /** Months over which `usdOnce` must come back. */
  readonly months: number;
  readonly usdPerCallBefore: number;
  readonly usdPerCallAfter: number;
}

/** When a fine-tune pays. */
export interface TuningPayback {
  /** Calls after which what was paid once has come back, were the endpoint free: F ÷ Δc; null for never. */
  readonly calls: number | null;
  /** Calls a month from which it pays within the months given: (D ÷ shared + F ÷ months) ÷ Δc; null for never. */
  readonly callsPerMonth: number | null;
}

/** The payback of a fine-tune with its dedicated endpoint. Throws RangeError outside its domain. */
export function tuningPayback(tuning: Tuning): TuningPayback {
  const { usdOnce, endpointUsdPerMonth, sharedBy, months, usdPerCallBefore, usdPerCallAfter } = tuning;
  if (!(usdOnce >= 0 && endpointUsdPerMonth >= 0 && sharedBy >= 1 && months > 0)) {
    throw new RangeError('needs dollars from 0, at least one task on the endpoint and months above 0');
  }
  const difference = usdPerCallBefore - usdPerCallAfter;
  if (!(difference > 0)) return { calls: null, callsPerMonth: null };
  return { calls: usdOnce / difference, callsPerMonth: (endpointUsdPerMonth / sharedBy + usdOnce / months) / difference };
}

/** Months until what was paid once has come back at a volume; null where a month saves less than the endpoint costs. */
export function monthsToPayback(tuning: Tuning, callsPerMonth: number): number | null {
  const saved = callsPerMonth * (tuning.usdPerCallBefore - tuning.usdPerCallAfter) - tuning.endpointUsdPerMonth / tuning.sharedBy;
  return saved > 0 ? tuning.usdOnce / saved : null;
}
