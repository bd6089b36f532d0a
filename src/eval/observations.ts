import { SIGNAL_PREFERENCE, type SignalName } from '../confidence/index.ts';
import type { NanoUsd, UsageSource } from '../core/index.ts';

/** One answered cell as numbers: all that a report needs of it. */
export interface Observation {
  readonly quality: number;
  readonly valid: boolean;
  /** The label, for label tasks. */
  readonly label: string | null;
  readonly signals: Readonly<Record<string, number>>;
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
  readonly usageSource: UsageSource;
}

/** Numbers by unit in growing blocks; what was never set is NaN. */
class Column {
  #values = new Float64Array(1024).fill(Number.NaN);

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const grown = new Float64Array(Math.max(at + 1, this.#values.length * 2)).fill(Number.NaN);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
  }

  get(at: number): number {
    return this.#values[at] ?? Number.NaN;
  }
}

/** What is known of one model, by unit (an item's repeat): a few numbers a cell and no text, so that large sets fit. */
export class Observations {
  readonly #quality = new Column();
  readonly #cost = new Column();
  readonly #latency = new Column();
  readonly #signals = new Map<string, Column>();
  readonly #signalCounts = new Map<string, number>();
  readonly labels: (string | null)[] = [];
  readonly usage: Record<UsageSource, number> = { reported: 0, recorded: 0, counted: 0 };
  invalid = 0;
  errors = 0;
  unpriced = 0;

  add(unit: number, observation: Observation): void {
    this.#quality.set(unit, observation.quality);
    if (observation.cost === null) this.unpriced += 1;
    else this.#cost.set(unit, observation.cost);
    if (observation.latencyMs !== null) this.#latency.set(unit, observation.latencyMs);
    if (!observation.valid) this.invalid += 1;
    this.labels[unit] = observation.label;
    this.usage[observation.usageSource] += 1;
    for (const [name, value] of Object.entries(observation.signals)) {
      let column = this.#signals.get(name);
      if (!column) {
        column = new Column();
        this.#signals.set(name, column);
      }
      column.set(unit, value);
      this.#signalCounts.set(name, (this.#signalCounts.get(name) ?? 0) + 1);
    }
  }

  /** NaN when the unit has no scored answer. */
  quality(unit: number): number {
    return this.#quality.get(unit);
  }

  cost(unit: number): NanoUsd | null {
    const cost = this.#cost.get(unit);
    return Number.isNaN(cost) ? null : (cost as NanoUsd);
  }

  latencyMs(unit: number): number | null {
    const latency = this.#latency.get(unit);
    return Number.isNaN(latency) ? null : latency;
  }

  /** A signal of a unit; null when it has none. */
  signal(name: string, unit: number): number | null {
    const value = this.#signals.get(name)?.get(unit) ?? Number.NaN;
    return Number.isNaN(value) ? null : value;
  }

  /** How many answers carry a signal. */
  carrying(name: string): number {
    return this.#signalCounts.get(name) ?? 0;
  }

  /** The signal that most answers carry, the more trusted one of equals; one signal for all, because signals do not compare. */
  bestSignal(): SignalName | null {
    let best: SignalName | null = null;
    for (const name of SIGNAL_PREFERENCE) if (this.carrying(name) > (best === null ? 0 : this.carrying(best))) best = name;
    return best;
  }
}
