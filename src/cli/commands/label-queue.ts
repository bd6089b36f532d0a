import { contentHash } from '../../core/index.ts';
import { labelledRequest } from '../../judge/index.ts';
import type { HumanLabel } from '../../metrics/index.ts';
import type { StoredPair } from '../../store/index.ts';

/** In which order requests are labelled: only a uniform draw says something about all of them. */
export type LabelSample = 'uniform' | 'disagreement' | 'low-confidence' | 'active';

/** One answer, and every model that gave it, word for word. Whose it is, nobody who labels is told. */
export interface ShownAnswer {
  readonly models: readonly string[];
  readonly text: string;
}

/** One request to label: its text, and its answers in the order in which they are shown. */
export interface LabelItem {
  readonly requestId: string;
  readonly input: string;
  readonly answers: readonly ShownAnswer[];
  /** Why it was chosen; null where chance or one measure alone ordered the queue. */
  readonly why: string | null;
}

/** What makes a queue. */
export interface QueueOptions {
  readonly kind: 'label' | 'json' | 'text';
  readonly sample: LabelSample;
  readonly seed: number;
  /** The person who labels: what they have labelled or skipped does not come again. */
  readonly by: string;
  /** For the sample `active`: what to label, in order, by request; whatever is not in it is left out. */
  readonly chosen?: ReadonlyMap<string, string>;
}

/** The pairs of a task that can be labelled and are not yet, in the order of the sample. */
export function labelQueue(
  pairs: readonly StoredPair[],
  labels: readonly HumanLabel[],
  options: QueueOptions,
): { readonly items: readonly LabelItem[]; readonly done: number; readonly withoutTexts: number } {
  const seen = new Set(labels.flatMap(({ by, requestId, answer }) => (by === options.by ? [placeOf(requestId, answer)] : [])));
  const items: LabelItem[] = [];
  const requests = new Set<string>();
  let done = 0;
  let withoutTexts = 0;
  for (const pair of ordered(pairs, options)) {
    const requestId = labelledRequest(pair);
    // A request that several candidates answered is labelled once.
    if (requests.has(requestId)) continue;
    const { input, smallOutput, bigOutput } = pair;
    if (input === null || smallOutput === null || bigOutput === null) {
      withoutTexts += 1;
      continue;
    }
    requests.add(requestId);
    const answers = shownAnswers(pair, { small: smallOutput, big: bigOutput }, options.seed);
    const places = options.kind === 'label' ? [null] : answers.flatMap(({ models }) => models);
    if (seen.has(placeOf(requestId, null)) || places.every((place) => seen.has(placeOf(requestId, place)))) done += 1;
    else items.push({ requestId, input, answers, why: options.chosen?.get(requestId) ?? null });
  }
  return { items, done, withoutTexts };
}

function placeOf(requestId: string, answer: string | null): string {
  return JSON.stringify([requestId, answer]);
}

function ordered(pairs: readonly StoredPair[], { sample, seed, chosen }: QueueOptions): readonly StoredPair[] {
  const shuffled = new Map(pairs.map((pair) => [pair, contentHash({ seed, id: pair.id, small: pair.small })]));
  const byChance = (a: StoredPair, b: StoredPair): number => ((shuffled.get(a) ?? '') < (shuffled.get(b) ?? '') ? -1 : 1);
  if (sample === 'uniform') return pairs.filter(({ drawn }) => drawn === 'uniform' || drawn === 'upload').sort(byChance);
  if (sample === 'active') {
    const place = new Map([...(chosen?.keys() ?? [])].map((requestId, i) => [requestId, i]));
    const placeFor = (pair: StoredPair): number => place.get(labelledRequest(pair)) ?? Number.POSITIVE_INFINITY;
    return pairs.filter((pair) => Number.isFinite(placeFor(pair))).sort((a, b) => placeFor(a) - placeFor(b) || byChance(a, b));
  }
  const apart = ({ smallQuality, bigQuality }: StoredPair): number => Math.abs(smallQuality - bigQuality);
  if (sample === 'disagreement')
    return pairs.filter((pair) => pair.smallOutput !== pair.bigOutput).sort((a, b) => apart(b) - apart(a) || byChance(a, b));
  return [...pairs].sort((a, b) => (a.confidence ?? 0) - (b.confidence ?? 0) || byChance(a, b));
}

/** Both answers in an order that the seed and the request decide; the same text once. */
function shownAnswers(pair: StoredPair, texts: { readonly small: string; readonly big: string }, seed: number): readonly ShownAnswer[] {
  if (texts.small.trim() === texts.big.trim()) return [{ models: [pair.small, pair.big], text: texts.small }];
  const answers = [
    { models: [pair.small], text: texts.small },
    { models: [pair.big], text: texts.big },
  ];
  return Number.parseInt(contentHash({ order: labelledRequest(pair), seed }).slice(0, 8), 16) % 2 === 0 ? answers : answers.reverse();
}
