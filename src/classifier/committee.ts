import { BLOCKS } from './feature-scanner.ts';
import { type Network, type NetworkOptions, trainNetwork } from './network.ts';
import { NetworkRunner } from './network-runner.ts';
import type { SparseRows } from './weighting.ts';

/** A member of a committee of networks: how it is trained, and which blocks of features it sees. */
interface Member {
  readonly blocks: ReadonlySet<(typeof BLOCKS)[number]>;
  readonly options: Omit<NetworkOptions, 'seed'>;
}

const OPTIONS: Member['options'] = { units: 48, epochs: 12, learningRate: 0.15, featureDropout: 0.5, unitDropout: 0.3 };

/**
 * Two networks of every feature and one that sees words and pairs only. Chosen on folds of Banking77's training rows: the linear model alone
 * .910, with one network .914, with three .918; more of them are worth less than they cost.
 */
const MEMBERS: readonly Member[] = [
  { blocks: new Set(BLOCKS), options: OPTIONS },
  { blocks: new Set(BLOCKS), options: OPTIONS },
  { blocks: new Set(['word', 'pair']), options: OPTIONS },
];

/** Trains every member on rows and their classes (−1: none of them). `blockOf` is the block of each column. Yields after parts of an epoch. */
export function* trainCommittee(
  x: SparseRows,
  blockOf: Uint8Array,
  problem: { readonly gold: Int32Array; readonly classes: number; readonly seed: number },
  onShare: (share: number) => void,
): Generator<void, Network[]> {
  const networks: Network[] = [];
  for (const [at, { blocks, options }] of MEMBERS.entries()) {
    const seen = blocks.size === BLOCKS.length ? x : viewOf(x, (column) => blocks.has(BLOCKS[blockOf[column]!]!));
    const steps = trainNetwork(seen, problem.gold, problem.classes, { ...options, seed: problem.seed * 31 + at });
    for (;;) {
      const step = steps.next();
      if (step.done) {
        networks.push(step.value);
        break;
      }
      onShare((at + step.value) / MEMBERS.length);
      yield;
    }
  }
  return networks;
}

/** The same rows with the features of some columns only. */
function viewOf(x: SparseRows, isSeen: (column: number) => boolean): SparseRows {
  const offsets = new Int32Array(x.rows + 1);
  const indices = new Int32Array(x.indices.length);
  const values = new Float32Array(x.indices.length);
  let size = 0;
  for (let row = 0; row < x.rows; row += 1) {
    for (let i = x.offsets[row]!; i < x.offsets[row + 1]!; i += 1) {
      if (!isSeen(x.indices[i]!)) continue;
      indices[size] = x.indices[i]!;
      values[size] = x.values[i]!;
      size += 1;
    }
    offsets[row + 1] = size;
  }
  return { ...x, offsets, indices: indices.subarray(0, size), values: values.subarray(0, size) };
}

/** Mean scores of a committee's members; one input at a time, buffers are reused. */
export class CommitteeRunner {
  readonly #runners: readonly NetworkRunner[];
  /** What `run` fills. */
  readonly scores: Float64Array;

  /** Needs a network at least. */
  constructor(networks: readonly Network[]) {
    this.#runners = networks.map((network) => new NetworkRunner(network));
    this.scores = new Float64Array(networks[0]!.output.biases.length);
  }

  /** Fills and returns `scores`, which are valid until the next call. */
  run(row: { readonly indices: Int32Array; readonly values: Float32Array; readonly size: number }): Float64Array {
    const scores = this.scores.fill(0);
    const share = 1 / this.#runners.length;
    for (const runner of this.#runners) {
      const own = runner.run(row);
      for (let k = 0; k < scores.length; k += 1) scores[k] = scores[k]! + share * own[k]!;
    }
    return scores;
  }

  /** For the last input: how much one more of a feature adds to class `a` over class `b`. */
  slopes(a: number, b: number): (feature: number) => number {
    const each = this.#runners.map((runner) => runner.slopes(a, b));
    return (feature) => each.reduce((sum, slope) => sum + slope(feature), 0) / each.length;
  }
}
