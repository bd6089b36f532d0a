import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nearDuplicateGroups, StreamGroups, shinglesOf, WORD_SHINGLES } from '../src/similarity/index.ts';
import { quantileSorted, seededRandom } from '../src/statistics/index.ts';
import { writeResult } from './result.ts';

/** Near-duplicate groups over seeded texts: 100,000 short rows as a data set has them, and a stream of 1,000,000 log rows from few templates. */
const random = seededRandom(17);
const words = Array.from({ length: 4_000 }, () =>
  Array.from({ length: 3 + random.int(7) }, () => String.fromCharCode(97 + random.int(26))).join(''),
);
const word = () => words[Math.floor(words.length * random.next() ** 3)]!;
const sentence = (n: number) => Array.from({ length: n }, word);

/** A text with some of its words replaced: what a near-duplicate is in practice. */
const edited = (text: readonly string[], edits: number) => {
  const copy = [...text];
  for (let i = 0; i < edits; i += 1) copy[random.int(copy.length)] = word();
  return copy;
};

/** A fifth of the rows are another row with one word of twenty changed. */
function dataSetRows(n: number): string[] {
  const texts: string[][] = [];
  for (let i = 0; i < n; i += 1)
    texts.push(i > 100 && random.next() < 0.2 ? edited(texts[random.int(i)]!, 1) : sentence(12 + random.int(20)));
  return texts.map((text) => text.join(' '));
}

/** Rows of 500 prompt templates, about 60 words each, with four words that vary. */
function* logRows(n: number): Generator<string> {
  const templates = Array.from({ length: 500 }, () => sentence(40 + random.int(40)));
  for (let i = 0; i < n; i += 1) yield edited(templates[Math.floor(500 * random.next() ** 2)]!, 4).join(' ');
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Time of the processor, not of the clock: other processes on the machine do not count. */
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const megabytes = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};

function dataSet(n: number) {
  const rows = dataSetRows(n);
  const sets: Uint32Array[] = [];
  const shingleStart = cpuSeconds();
  for (const row of rows) sets.push(shinglesOf(row));
  const shingleSeconds = cpuSeconds() - shingleStart;
  const start = cpuSeconds();
  const groups = nearDuplicateGroups(sets, 0.8);
  const groupSeconds = cpuSeconds() - start;
  const shingles = quantileSorted(
    [...sets.map((set) => set.length)].sort((a, b) => a - b),
    0.5,
  );
  return { rows: n, threshold: 0.8, medianShingles: shingles, shingleSeconds, groupSeconds, groups: new Set(groups).size };
}

function stream(n: number) {
  const before = megabytes();
  const groups = new StreamGroups(0.5);
  const source = logRows(n);
  let seconds = 0;
  for (let done = 0; done < n; done += 10_000) {
    const rows = Array.from({ length: Math.min(10_000, n - done) }, () => source.next().value as string);
    const start = cpuSeconds();
    for (const row of rows) groups.add(shinglesOf(row, WORD_SHINGLES));
    seconds += cpuSeconds() - start;
  }
  // Read while the groups are still held: what is measured is what they keep.
  const kept = megabytes() - before;
  const largest = Array.from({ length: groups.count }, (_, group) => groups.sizeOf(group)).reduce((most, size) => Math.max(most, size), 0);
  return { rows: n, threshold: 0.5, seconds, groups: groups.count, largest, megabytes: kept };
}

// The stream first: what it keeps is measured in an empty heap.
const large = stream(1_000_000);
const small = dataSet(100_000);
console.log(
  `data set  ${small.rows} rows of ${small.medianShingles} shingles, processor time: ${small.shingleSeconds.toFixed(1)} s shingles, ${small.groupSeconds.toFixed(1)} s groups, ${small.groups} groups`,
);
console.log(
  `stream    ${large.rows} rows of 500 templates, processor time: ${large.seconds.toFixed(1)} s with shingles, ${large.groups} groups, ${large.megabytes.toFixed(0)} MB kept`,
);
console.log(`written to ${writeResult('similarity', { dataSet: small, stream: large })}`);
