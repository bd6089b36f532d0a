import { StreamGroups, shinglesOf } from '../similarity/index.ts';
import type { StoredPair } from '../store/index.ts';
import { unitHash } from './draft.ts';

/** Why a row is worth a person's time. */
export type ActiveReason = 'escalated' | 'disagreement' | 'low-confidence' | 'new-cluster';

/** Reasons in the order in which rows are taken for them, in turn. */
const REASONS: readonly ActiveReason[] = ['escalated', 'disagreement', 'low-confidence', 'new-cluster'];

/** A request to label, with every reason that holds for it. */
export interface ActiveRow {
  readonly requestId: string;
  /** The reason that it was taken for comes first. */
  readonly reasons: readonly ActiveReason[];
  /** One sentence for people. */
  readonly why: string;
}

/** What the choice rests on. */
export interface ActiveQuestion {
  /** Pairs of the task; those without an input cannot be labelled and are left out. */
  readonly pairs: readonly StoredPair[];
  /** Requests that somebody has labelled already. */
  readonly labelled: ReadonlySet<string>;
  /** Requests whose small answer was not accepted. */
  readonly escalated: ReadonlySet<string>;
  readonly count: number;
}

/** Inputs this alike are of one kind: far below a near-duplicate. */
const CLUSTER_THRESHOLD = 0.4;

/** The share of the confidences that counts as low. */
const LOW_SHARE = 0.2;

/**
 * Which requests a person should label next: escalated ones, ones where the models disagree, the least confident ones and ones of kinds
 * that nobody has labelled, taken in turn, the most telling of each first, and no two of one kind as long as there are others. The rows
 * are chosen by what they are, so their labels are for FIT: they say nothing about all requests.
 */
export function nextToLabel({ pairs, labelled, escalated, count }: ActiveQuestion): readonly ActiveRow[] {
  const candidates = candidatesOf(pairs);
  const clusters = clustersOf(candidates, labelled);
  const open = candidates.filter(({ requestId }) => !labelled.has(requestId));
  const low = quantile(
    open.flatMap(({ pair }) => pair.confidence ?? []),
    LOW_SHARE,
  );
  const judged = open.map((candidate): Judged => {
    const cluster = clusters.of.get(candidate.requestId)!;
    return {
      ...candidate,
      cluster,
      size: clusters.size(cluster),
      reasons: reasonsFor(candidate, { low, escalated, isNew: !clusters.labelled.has(cluster) }),
    };
  });
  return inTurn(judged, count);
}

interface Candidate {
  readonly requestId: string;
  readonly pair: StoredPair;
}

interface Judged extends Candidate {
  readonly cluster: number;
  readonly size: number;
  readonly reasons: readonly ActiveReason[];
}

/** One pair for each request: the one whose models disagree, else the least confident. */
function candidatesOf(pairs: readonly StoredPair[]): readonly Candidate[] {
  const best = new Map<string, StoredPair>();
  for (const pair of pairs) {
    if (pair.input === null) continue;
    const requestId = pair.requestId ?? pair.id;
    const known = best.get(requestId);
    if (known === undefined || weight(pair) > weight(known)) best.set(requestId, pair);
  }
  return [...best].map(([requestId, pair]) => ({ requestId, pair }));
}

function weight(pair: StoredPair): number {
  return (isDisagreement(pair) ? 2 : 0) + 1 - (pair.confidence ?? 1);
}

function isDisagreement({ smallOutput, bigOutput, smallQuality, bigQuality }: StoredPair): boolean {
  return smallOutput !== null && bigOutput !== null && smallOutput.trim() !== bigOutput.trim() && smallQuality !== bigQuality;
}

function clustersOf(candidates: readonly Candidate[], labelled: ReadonlySet<string>) {
  const groups = new StreamGroups(CLUSTER_THRESHOLD);
  const of = new Map<string, number>();
  const labelledClusters = new Set<number>();
  for (const { requestId, pair } of candidates) {
    const cluster = groups.add(shinglesOf((pair.input ?? '').slice(0, 4_000)));
    of.set(requestId, cluster);
    if (labelled.has(requestId)) labelledClusters.add(cluster);
  }
  return { of, labelled: labelledClusters, size: (cluster: number) => groups.sizeOf(cluster) };
}

interface Standards {
  readonly low: number | null;
  readonly escalated: ReadonlySet<string>;
  readonly isNew: boolean;
}

function reasonsFor({ requestId, pair }: Candidate, { low, escalated, isNew }: Standards): readonly ActiveReason[] {
  const holds: Readonly<Record<ActiveReason, boolean>> = {
    escalated: escalated.has(requestId),
    disagreement: isDisagreement(pair),
    'low-confidence': low !== null && pair.confidence !== null && pair.confidence <= low,
    'new-cluster': isNew,
  };
  return REASONS.filter((reason) => holds[reason]);
}

/** How telling a row is for a reason; larger is taken first. Equals go by hash, so that the order of the record says nothing. */
function strength({ pair, size }: Judged, reason: ActiveReason): number {
  if (reason === 'new-cluster') return size;
  if (reason === 'disagreement') return Math.abs(pair.bigQuality - pair.smallQuality) + (pair.confidence ?? 0);
  return 1 - (pair.confidence ?? 0);
}

function inTurn(judged: readonly Judged[], count: number): readonly ActiveRow[] {
  const queues = REASONS.map((reason) => ({
    reason,
    rows: judged
      .filter(({ reasons }) => reasons.includes(reason))
      .sort((a, b) => strength(b, reason) - strength(a, reason) || unitHash('active', a.requestId) - unitHash('active', b.requestId)),
  }));
  const taken = new Map<string, ActiveRow>();
  const clusters = new Set<number>();
  // First one row of each kind of input, then whatever is left.
  for (const onlyNew of [true, false]) {
    const at = queues.map(() => 0);
    for (let moved = true; moved && taken.size < count; ) {
      moved = false;
      for (const [q, { reason, rows }] of queues.entries()) {
        while (at[q]! < rows.length && (taken.has(rows[at[q]!]!.requestId) || (onlyNew && clusters.has(rows[at[q]!]!.cluster))))
          at[q] = at[q]! + 1;
        const row = rows[at[q]!];
        if (row === undefined || taken.size >= count) continue;
        taken.set(row.requestId, asTold(row, reason));
        clusters.add(row.cluster);
        moved = true;
      }
    }
  }
  return [...taken.values()];
}

function asTold(row: Judged, reason: ActiveReason): ActiveRow {
  const { requestId, reasons, pair, size } = row;
  const words: Readonly<Record<ActiveReason, string>> = {
    escalated: 'the small answer was not accepted',
    disagreement: `${pair.small} and ${pair.big} answer differently`,
    'low-confidence': `the confidence of ${pair.small} is ${(pair.confidence ?? 0).toFixed(2)}`,
    'new-cluster': size === 1 ? 'nothing like it is labelled' : `none of ${size} requests like it is labelled`,
  };
  const ordered = [reason, ...reasons.filter((other) => other !== reason)];
  return { requestId, reasons: ordered, why: ordered.map((each) => words[each]).join('; ') };
}

function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? null;
}
