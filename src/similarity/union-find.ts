/** Disjoint groups of the numbers 0 to n − 1 that can only be joined (path halving, union by size). */
export class UnionFind {
  readonly #parent: Int32Array;
  readonly #sizes: Int32Array;

  constructor(n: number) {
    this.#parent = Int32Array.from({ length: n }, (_, i) => i);
    this.#sizes = new Int32Array(n).fill(1);
  }

  /** The group that a number is in, as the number of one of its members. */
  find(of: number): number {
    let at = of;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at]!]!;
      at = this.#parent[at]!;
    }
    return at;
  }

  /** Makes two numbers' groups one. */
  join(a: number, b: number): void {
    let [large, small] = [this.find(a), this.find(b)];
    if (large === small) return;
    if (this.#sizes[large]! < this.#sizes[small]!) [large, small] = [small, large];
    this.#parent[small] = large;
    this.#sizes[large] = this.#sizes[large]! + this.#sizes[small]!;
  }
}
