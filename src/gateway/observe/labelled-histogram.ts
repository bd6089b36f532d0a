import type { Metric, Registry } from 'prom-client';

/** What a histogram is called and how it counts. */
export interface HistogramShape {
  readonly name: string;
  readonly help: string;
  /** The name of its one label. */
  readonly label: string;
  /** Upper bounds, rising; each is inclusive, and what lies above the last one counts in `+Inf` alone. */
  readonly bounds: readonly number[];
}

/** One line of the page. */
interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface Row {
  sum: number;
  count: number;
  /** How many fell between a bound and the one below it. */
  readonly between: Float64Array;
}

/**
 * A histogram with one label that shows itself as prom-client's own does, but costs next to nothing per observation: that one checks
 * and hashes its labels each time. Whoever chooses the label's values bounds them.
 */
export class LabelledHistogram {
  readonly name: string;
  readonly #shape: HistogramShape;
  readonly #rows = new Map<string, Row>();

  constructor(shape: HistogramShape, registry: Registry) {
    this.name = shape.name;
    this.#shape = shape;
    // The registry asks a metric for its name and for what `get` says; its types know only the library's own classes.
    registry.registerMetric(this as unknown as Metric);
  }

  /** Counts one value, which must be a number. */
  observe(label: string, value: number): void {
    const { bounds } = this.#shape;
    let row = this.#rows.get(label);
    if (row === undefined) {
      row = { sum: 0, count: 0, between: new Float64Array(bounds.length) };
      this.#rows.set(label, row);
    }
    row.sum += value;
    row.count += 1;
    for (let i = 0; i < bounds.length; i += 1) {
      if (value > (bounds[i] as number)) continue;
      row.between[i] = (row.between[i] as number) + 1;
      return;
    }
  }

  /** The series as the registry writes them. */
  async get(): Promise<{ readonly name: string; readonly help: string; readonly type: string; readonly values: readonly Sample[] }> {
    const { name, help, label, bounds } = this.#shape;
    const values: Sample[] = [];
    for (const [text, { sum, count, between }] of this.#rows) {
      let upTo = 0;
      for (let i = 0; i < bounds.length; i += 1) {
        upTo += between[i] as number;
        values.push({ metricName: `${name}_bucket`, labels: { le: bounds[i] as number, [label]: text }, value: upTo });
      }
      values.push({ metricName: `${name}_bucket`, labels: { le: '+Inf', [label]: text }, value: count });
      values.push({ metricName: `${name}_sum`, labels: { [label]: text }, value: sum });
      values.push({ metricName: `${name}_count`, labels: { [label]: text }, value: count });
    }
    return { name, help, type: 'histogram', values };
  }
}
