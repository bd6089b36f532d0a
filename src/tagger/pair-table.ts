import type { Corpus } from './corpus.ts';

/** The (feature, tag) pairs that have a weight: those of feature f lie from `starts[f]` to before `starts[f + 1]` in `tags`. */
export interface PairTable {
  readonly starts: Int32Array;
  readonly tags: Uint8Array;
}

/** Pairs that stand together in training at least once, of features that stand there at least `least` times. Text-wide features pair with beginnings only. */
export function buildPairs(corpus: Corpus, gold: readonly Int32Array[], least: number, useBag: boolean): PairTable {
  const size = corpus.index.size;
  const counts = new Int32Array(size + 1);
  visitOccurrences(corpus, gold, useBag, (feature) => {
    counts[feature + 1] = counts[feature + 1]! + 1;
  });
  for (let f = 0; f < size; f += 1) counts[f + 1] = counts[f + 1]! + counts[f]!;
  const seen = new Uint8Array(counts[size]!);
  const cursor = counts.slice();
  visitOccurrences(corpus, gold, useBag, (feature, tag) => {
    seen[cursor[feature]!] = tag;
    cursor[feature] = cursor[feature]! + 1;
  });
  const starts = new Int32Array(size + 1);
  const tags = new Uint8Array(counts[size]!);
  const stamp = new Int32Array(256).fill(-1);
  let at = 0;
  for (let f = 0; f < size; f += 1) {
    starts[f] = at;
    if (counts[f + 1]! - counts[f]! >= least)
      for (let i = counts[f]!; i < counts[f + 1]!; i += 1) {
        const tag = seen[i]!;
        if (stamp[tag] === f) continue;
        stamp[tag] = f;
        tags[at] = tag;
        at += 1;
      }
  }
  starts[size] = at;
  return { starts, tags: tags.slice(0, at) };
}

function visitOccurrences(
  corpus: Corpus,
  gold: readonly Int32Array[],
  useBag: boolean,
  visit: (feature: number, tag: number) => void,
): void {
  for (let row = 0; row < gold.length; row += 1) {
    const tags = gold[row]!;
    const first = corpus.rowStarts[row]!;
    for (let i = 0; i < tags.length; i += 1)
      for (let at = corpus.tokenStarts[first + i]!; at < corpus.tokenStarts[first + i + 1]!; at += 1) visit(corpus.features[at]!, tags[i]!);
    if (!useBag) continue;
    for (const tag of tags)
      if (tag % 2 === 1) for (let at = corpus.bagStarts[row]!; at < corpus.bagStarts[row + 1]!; at += 1) visit(corpus.bag[at]!, tag);
  }
}
