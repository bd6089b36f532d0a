import { seededRandom } from '../statistics/index.ts';
import type { Corpus } from './corpus.ts';
import { Lattice, Transitions } from './lattice.ts';
import { type LocatedRow, tagsOf } from './located-row.ts';
import { buildPairs, type PairTable } from './pair-table.ts';

/** How the random field is learnt. */
export interface SequenceSettings {
  /** How often each row is learnt from. */
  readonly passes: number;
  readonly rate: number;
  readonly decay: number;
  /** Share of a token's features that are left out at random in each pass. */
  readonly dropout: number;
  /** Head start of wrong tags in training, in log-odds. */
  readonly margin: number;
  /** Features that stand less often in training have no weight. */
  readonly least: number;
  readonly useBag: boolean;
  readonly seed: number;
}

/** A learnt random field: one weight per pair, and the transitions. */
export interface SequenceModel {
  readonly pairs: PairTable;
  readonly weights: Float32Array;
  readonly transitions: Float32Array;
}

/** Gradients below this are noise. */
const NEGLIGIBLE = 1e-4;
const NEGLIGIBLE_PAIR = 1e-3;
const FIRST_SQUARES = 1e-3;

/** Learns a linear-chain conditional random field by AdaGrad on its likelihood; yields after each hundred rows. */
export function* trainSequence(
  corpus: Corpus,
  rows: readonly LocatedRow[],
  fields: number,
  settings: SequenceSettings,
): Generator<number, SequenceModel> {
  const learner = new SequenceLearner(corpus, rows, fields, settings);
  const random = seededRandom(settings.seed);
  const order = rows.map((_, row) => row);
  for (let pass = 0; pass < settings.passes; pass += 1) {
    let done = 0;
    for (const row of random.shuffle(order)) {
      learner.learn(row);
      done += 1;
      if (done % 100 === 0) yield (pass + done / rows.length) / settings.passes;
    }
    // Early, while the model has not yet learnt the wrong places by heart.
    if (pass === 1 || pass === 3) learner.choosePlaces();
    if (pass >= settings.passes / 2) learner.average();
    yield (pass + 1) / settings.passes;
  }
  return learner.result();
}

class SequenceLearner {
  readonly #corpus: Corpus;
  readonly #rows: readonly LocatedRow[];
  readonly #settings: SequenceSettings;
  readonly #gold: Int32Array[];
  readonly #pairs: PairTable;
  readonly #weights: Float32Array;
  readonly #squares: Float32Array;
  readonly #sums: Float32Array;
  /** Slopes of the current row's pairs, which `#steep` lists; all 0 between rows. */
  readonly #slopes: Float32Array;
  #steep = new Int32Array(4096);
  #steepCount = 0;
  readonly #transitions: Transitions;
  readonly #transitionSquares: Float32Array;
  readonly #transitionSums: Float32Array;
  readonly #transitionGradient: Float64Array;
  readonly #lattice: Lattice;
  readonly #bagScores: Float64Array;
  readonly #bagGradient: Float64Array;
  readonly #difference: Float64Array;
  readonly #kept: Uint8Array;
  readonly #touched: number[] = [];
  #averaged = 0;
  #noise: number;

  constructor(corpus: Corpus, rows: readonly LocatedRow[], fields: number, settings: SequenceSettings) {
    const tags = 1 + 2 * fields;
    this.#corpus = corpus;
    this.#rows = rows;
    this.#settings = settings;
    this.#gold = rows.map((row) => tagsOf(row));
    this.#pairs = buildPairs(corpus, this.#gold, settings.least, settings.useBag);
    this.#weights = new Float32Array(this.#pairs.tags.length);
    this.#squares = new Float32Array(this.#pairs.tags.length).fill(FIRST_SQUARES);
    this.#sums = new Float32Array(this.#pairs.tags.length);
    this.#slopes = new Float32Array(this.#pairs.tags.length);
    this.#transitions = new Transitions(tags);
    this.#transitionSquares = new Float32Array(this.#transitions.scores.length).fill(FIRST_SQUARES);
    this.#transitionSums = new Float32Array(this.#transitions.scores.length);
    this.#transitionGradient = new Float64Array(this.#transitions.scores.length);
    this.#lattice = new Lattice(tags);
    this.#bagScores = new Float64Array(tags);
    this.#bagGradient = new Float64Array(tags);
    this.#difference = new Float64Array(tags);
    this.#kept = new Uint8Array(
      Math.max(1, ...rows.map((_, row) => corpus.tokenStarts[corpus.rowStarts[row + 1]!]! - corpus.tokenStarts[corpus.rowStarts[row]!]!)),
    );
    this.#noise = settings.seed >>> 0 || 1;
  }

  /** One step up the likelihood of one row. */
  learn(row: number): void {
    this.#score(row, this.#settings.dropout);
    this.#handicap(row);
    this.#lattice.run(this.#transitions);
    this.#stepFeatures(row);
    this.#stepTransitions(row);
  }

  /** Where a value stands in several places, keeps those that the model finds likely. */
  choosePlaces(): void {
    this.#rows.forEach((row, r) => {
      if (!row.values.some(({ spans }) => spans.length > 1)) return;
      this.#score(r, 0);
      this.#lattice.run(this.#transitions);
      const { tags, marginals } = this.#lattice;
      this.#gold[r] = tagsOf(row, (field, { from, to }) => {
        let least = marginals[from * tags + 1 + 2 * field]!;
        for (let i = from + 1; i < to; i += 1) least = Math.min(least, marginals[i * tags + 2 + 2 * field]!);
        return least;
      });
    });
  }

  average(): void {
    this.#averaged += 1;
    for (let p = 0; p < this.#weights.length; p += 1) this.#sums[p] = this.#sums[p]! + this.#weights[p]!;
    const { scores } = this.#transitions;
    for (let p = 0; p < scores.length; p += 1) this.#transitionSums[p] = this.#transitionSums[p]! + scores[p]!;
  }

  result(): SequenceModel {
    return {
      pairs: this.#pairs,
      weights: this.#sums.map((sum) => sum / this.#averaged),
      transitions: this.#transitionSums.map((sum) => sum / this.#averaged),
    };
  }

  #score(row: number, dropout: number): void {
    const { rowStarts, tokenStarts, bagStarts, features, bag } = this.#corpus;
    const { starts, tags } = this.#pairs;
    const weights = this.#weights;
    const lattice = this.#lattice;
    const first = rowStarts[row]!;
    const size = rowStarts[row + 1]! - first;
    lattice.begin(size);
    const base = tokenStarts[first]!;
    const bagScores = this.#bagScores.fill(0);
    if (this.#settings.useBag)
      for (let at = bagStarts[row]!; at < bagStarts[row + 1]!; at += 1)
        for (let p = starts[bag[at]!]!; p < starts[bag[at]! + 1]!; p += 1) bagScores[tags[p]!] = bagScores[tags[p]!]! + weights[p]!;
    for (let i = 0; i < size; i += 1) {
      const cell = i * lattice.tags;
      const scores = lattice.scores;
      if (this.#settings.useBag) for (let k = 1; k < lattice.tags; k += 2) scores[cell + k] = bagScores[k]!;
      for (let at = tokenStarts[first + i]!; at < tokenStarts[first + i + 1]!; at += 1) {
        const kept = dropout === 0 || this.#random() >= dropout;
        this.#kept[at - base] = kept ? 1 : 0;
        if (!kept) continue;
        const feature = features[at]!;
        for (let p = starts[feature]!; p < starts[feature + 1]!; p += 1) scores[cell + tags[p]!] = scores[cell + tags[p]!]! + weights[p]!;
      }
    }
  }

  /** Softmax margin (Gimpel and Smith 2010): a wrong tag must lose by a distance, not just lose. */
  #handicap(row: number): void {
    const gold = this.#gold[row]!;
    const { margin } = this.#settings;
    const { scores, size, tags } = this.#lattice;
    for (let i = 0; i < size; i += 1) {
      const cell = i * tags;
      for (let k = 0; k < tags; k += 1) scores[cell + k] = scores[cell + k]! + margin;
      scores[cell + gold[i]!] = scores[cell + gold[i]!]! - margin;
    }
  }

  #stepFeatures(row: number): void {
    const { rowStarts, tokenStarts, bagStarts, features, bag } = this.#corpus;
    const gold = this.#gold[row]!;
    const lattice = this.#lattice;
    const first = rowStarts[row]!;
    const base = tokenStarts[first]!;
    const difference = this.#difference;
    const bagGradient = this.#bagGradient.fill(0);
    for (let i = 0; i < lattice.size; i += 1) {
      const cell = i * lattice.tags;
      let largest = 0;
      for (let k = 0; k < lattice.tags; k += 1) {
        const gap = (k === gold[i] ? 1 : 0) - lattice.marginals[cell + k]!;
        difference[k] = gap;
        if (k % 2 === 1) bagGradient[k] = bagGradient[k]! + gap;
        largest = Math.max(largest, Math.abs(gap));
      }
      if (largest < NEGLIGIBLE) continue;
      for (let at = tokenStarts[first + i]!; at < tokenStarts[first + i + 1]!; at += 1)
        if (this.#kept[at - base] === 1) this.#collect(features[at]!, difference);
    }
    if (this.#settings.useBag) for (let at = bagStarts[row]!; at < bagStarts[row + 1]!; at += 1) this.#collect(bag[at]!, bagGradient);
    this.#step();
  }

  /** Adds up the slopes of the pairs of one feature: a feature that stands at many tokens of a text makes one step, not many. */
  #collect(feature: number, gradient: Float64Array): void {
    const { starts, tags } = this.#pairs;
    const slopes = this.#slopes;
    for (let p = starts[feature]!; p < starts[feature + 1]!; p += 1) {
      const slope = gradient[tags[p]!]!;
      if (slope < NEGLIGIBLE && slope > -NEGLIGIBLE) continue;
      if (slopes[p] === 0) {
        if (this.#steepCount === this.#steep.length) this.#steep = grown(this.#steep);
        this.#steep[this.#steepCount] = p;
        this.#steepCount += 1;
      }
      slopes[p] = slopes[p]! + slope;
    }
  }

  /** AdaGrad (Duchi et al. 2011) with weight decay, on the pairs that the row moved. */
  #step(): void {
    const { rate, decay } = this.#settings;
    const slopes = this.#slopes;
    const squares = this.#squares;
    const weights = this.#weights;
    for (let at = 0; at < this.#steepCount; at += 1) {
      const p = this.#steep[at]!;
      const slope = slopes[p]! - decay * weights[p]!;
      slopes[p] = 0;
      const sum = squares[p]! + slope * slope;
      squares[p] = sum;
      weights[p] = weights[p]! + (rate * slope) / Math.sqrt(sum);
    }
    this.#steepCount = 0;
  }

  #stepTransitions(row: number): void {
    const gold = this.#gold[row]!;
    const lattice = this.#lattice;
    const { tags, powers, scores } = this.#transitions;
    const gradient = this.#transitionGradient;
    const touched = this.#touched;
    touched.length = 0;
    const add = (at: number, amount: number) => {
      if (gradient[at] === 0) touched.push(at);
      gradient[at] = gradient[at]! + amount;
    };
    for (let i = 0; i < lattice.size; i += 1) {
      add((i === 0 ? tags : gold[i - 1]!) * tags + gold[i]!, 1);
      lattice.visitPairs(i, powers, NEGLIGIBLE_PAIR, (at, probability) => add(at, -probability));
    }
    for (const at of touched) {
      const slope = gradient[at]! - this.#settings.decay * scores[at]!;
      gradient[at] = 0;
      const squares = this.#transitionSquares[at]! + slope * slope;
      this.#transitionSquares[at] = squares;
      scores[at] = scores[at]! + (this.#settings.rate * slope) / Math.sqrt(squares);
      this.#transitions.refresh(at);
    }
  }

  /** xorshift32 (Marsaglia 2003): fast, and the same on every machine. */
  #random(): number {
    let state = this.#noise;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#noise = state;
    return (state >>> 0) / 4_294_967_296;
  }
}

function grown(list: Int32Array): Int32Array<ArrayBuffer> {
  const more = new Int32Array(list.length * 2);
  more.set(list);
  return more;
}
