/** Four label values; a metric with fewer labels leaves the last ones ''. */
export type LabelValues = readonly [string, string, string, string];

/** Sets of labels that are told apart; whatever comes later counts as `other`. */
const MAX_SETS = 5_000;

type Leaves<Cell> = Map<string, Cell>;
type Tree<Cell> = Map<string, Map<string, Map<string, Leaves<Cell>>>>;

/**
 * What is counted under each set of labels. A set is found level by level, so that no key is put together for a request, and the
 * bookkeeping of a metrics library waits until somebody reads.
 */
export class LabelTree<Cell> {
  readonly #make: () => Cell;
  readonly #tree: Tree<Cell> = new Map();
  readonly #sets: { readonly labels: LabelValues; readonly cell: Cell }[] = [];

  constructor(make: () => Cell) {
    this.#make = make;
  }

  /** The cell of these labels, to be counted in; that of `other` once there are too many sets. */
  at(a: string, b: string, c: string, d: string): Cell {
    return this.#tree.get(a)?.get(b)?.get(c)?.get(d) ?? this.#add([a, b, c, d]);
  }

  /** Every set with its cell, in the order in which they were first asked for. */
  get sets(): Iterable<{ readonly labels: LabelValues; readonly cell: Cell }> {
    return this.#sets;
  }

  #add(labels: LabelValues): Cell {
    if (this.#sets.length >= MAX_SETS && labels.some((label) => label !== 'other')) return this.at('other', 'other', 'other', 'other');
    const [a, b, c, d] = labels;
    const cell = this.#make();
    childOf(childOf(childOf(this.#tree, a), b), c).set(d, cell);
    this.#sets.push({ labels, cell });
    return cell;
  }
}

function childOf<Value>(parent: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let child = parent.get(key);
  if (child === undefined) {
    child = new Map();
    parent.set(key, child);
  }
  return child;
}
