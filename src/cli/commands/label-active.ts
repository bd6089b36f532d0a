import { nextToLabel } from '../../dataset/index.ts';
import { labelledRequest } from '../../judge/index.ts';
import type { HumanLabel } from '../../metrics/index.ts';
import type { StoredPair } from '../../store/index.ts';
import type { LabelStore } from './label-store.ts';

/** Pairs that are looked at: choosing among the newest is enough, and a record may hold millions. */
const NEWEST = 20_000;

/**
 * The requests whose labels teach most, in order, each with the reason. What anybody has labelled, and what this person has skipped, is
 * not among them.
 */
export async function chooseToLabel(
  store: Pick<LabelStore, 'calls'>,
  {
    pairs,
    labels,
    by,
    count,
  }: { readonly pairs: readonly StoredPair[]; readonly labels: readonly HumanLabel[]; readonly by: string; readonly count: number },
): Promise<ReadonlyMap<string, string>> {
  // Without both answers a request cannot be shown, whatever it would teach.
  const usable = pairs
    .filter(({ input, smallOutput, bigOutput }) => input !== null && smallOutput !== null && bigOutput !== null)
    .slice(-NEWEST);
  const labelled = new Set(labels.filter(({ skipped, by: who }) => !skipped || who === by).map(({ requestId }) => requestId));
  const rows = nextToLabel({ pairs: usable, labelled, escalated: await escalatedOf(store, usable), count });
  return new Map(rows.map(({ requestId, why }) => [requestId, why]));
}

/** Requests of the pairs whose small answer was not accepted, from the rows of their calls. */
async function escalatedOf(store: Pick<LabelStore, 'calls'>, pairs: readonly StoredPair[]): Promise<ReadonlySet<string>> {
  const wanted = new Set(pairs.map(labelledRequest));
  const [first] = pairs;
  const escalated = new Set<string>();
  if (first === undefined) return escalated;
  const since = pairs.reduce((least, { at }) => Math.min(least, at), first.at);
  let after: { readonly at: number; readonly id: string } | undefined;
  for (;;) {
    const page = await store.calls.requests({ task: first.task, since }, { limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const { requestId, calls } of page) {
      if (wanted.has(requestId) && calls.some(({ outcome, error }) => outcome === 'escalated' && error === null)) escalated.add(requestId);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < 1_000) return escalated;
    after = { at: last.closing.at, id: last.closing.id };
  }
}
