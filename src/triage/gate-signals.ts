/** How one signal becomes columns: its value in standard deviations from the mean, and whether it is missing. */
export interface GateSignal {
  readonly name: string;
  /** A share is read by its log-odds, so that .99 and .999 are told apart. */
  readonly input: 'log-odds' | 'value';
  readonly mean: number;
  /** One over the standard deviation; 0 for a signal that never varied. */
  readonly scale: number;
}

/** Signals weigh more than a word of the text: the penalty should shrink them last. */
const WEIGHT = 2;
/** A signal counts at most so many standard deviations. */
const MOST_DEVIATIONS = 3;
/** Shares nearer to 0 or 1 than this are taken as this. */
const CLAMP = 1e-6;
/** Value and whether it is missing. */
const COLUMNS = 2;

/** Learns the columns of every signal that at least half of the rows carry. */
export function fitSignals(rows: readonly Readonly<Record<string, number>>[]): readonly GateSignal[] {
  const names = new Set(rows.flatMap((signals) => Object.keys(signals)));
  return [...names].sort().flatMap((name): readonly GateSignal[] => {
    const values = rows.flatMap((signals) => (Number.isFinite(signals[name] ?? Number.NaN) ? [signals[name]!] : []));
    if (values.length === 0 || 2 * values.length < rows.length) return [];
    const input = values.every((value) => value >= 0 && value <= 1) ? 'log-odds' : 'value';
    const read = values.map((value) => readAs(value, input));
    const mean = read.reduce((sum, value) => sum + value, 0) / read.length;
    const variance = read.reduce((sum, value) => sum + (value - mean) ** 2, 0) / read.length;
    return [{ name, input, mean, scale: variance < 1e-12 ? 0 : 1 / Math.sqrt(variance) }];
  });
}

/** How many columns the signals take. */
export function signalColumns(signals: readonly GateSignal[]): number {
  return signals.length * COLUMNS;
}

/** Writes an answer's signals into their columns. */
export function writeSignals(signals: readonly GateSignal[], values: Readonly<Record<string, number>>, into: Float64Array): void {
  signals.forEach(({ name, input, mean, scale }, at) => {
    const value = values[name];
    const isThere = value !== undefined && Number.isFinite(value);
    const deviations = isThere ? (readAs(value, input) - mean) * scale : 0;
    into[at * COLUMNS] = WEIGHT * Math.max(-MOST_DEVIATIONS, Math.min(MOST_DEVIATIONS, deviations));
    into[at * COLUMNS + 1] = isThere ? 0 : WEIGHT;
  });
}

function readAs(value: number, input: GateSignal['input']): number {
  if (input === 'value') return value;
  const clamped = Math.min(1 - CLAMP, Math.max(CLAMP, value));
  return Math.log(clamped / (1 - clamped));
}
