import { addUsd, type Certificate, type EpochMs, type NanoUsd, type Purpose } from '../core/index.ts';
import type { BillRow, Store, StoredPair, TaskEvent } from '../store/types.ts';
import { dayStart, type Spent } from './live-spend.ts';

const HOUR_MS = 3_600_000;
const NOTHING: Spent = { today: 0 as NanoUsd, total: 0 as NanoUsd };

/** What calls beside the answers have cost, by task. */
export interface SpentBefore {
  readonly shadow: ReadonlyMap<string, Spent>;
  readonly audit: ReadonlyMap<string, Spent>;
}

/** Reads what shadow calls and audits have cost, today (UTC) and in all, from rollups alone. */
export async function readSpent(calls: Pick<Store['calls'], 'bill'>, now: EpochMs): Promise<SpentBefore> {
  const to = Math.floor(now / HOUR_MS) * HOUR_MS + HOUR_MS;
  const ever = await calls.bill({ from: 0, to }, ['task', 'purpose']);
  const today = await calls.bill({ from: dayStart(now), to }, ['task', 'purpose']);
  // Rows of a judge do not say which of the two they were for: the larger spender, shadow calls, is charged with them.
  return { shadow: byTask(['shadow', 'judge'], ever, today), audit: byTask(['audit'], ever, today) };
}

function byTask(purposes: readonly Purpose[], ever: readonly BillRow[], today: readonly BillRow[]): ReadonlyMap<string, Spent> {
  const found = new Map<string, Spent>();
  const isOne = (purpose: string | null | undefined): boolean => purposes.some((one) => one === purpose);
  for (const { dimensions, cost } of ever) {
    if (!isOne(dimensions.purpose) || dimensions.task == null) continue;
    const before = found.get(dimensions.task) ?? NOTHING;
    found.set(dimensions.task, { ...before, total: addUsd(before.total, cost) });
  }
  for (const { dimensions, cost } of today) {
    const before = isOne(dimensions.purpose) ? found.get(dimensions.task ?? '') : undefined;
    if (before !== undefined) found.set(dimensions.task ?? '', { ...before, today: addUsd(before.today, cost) });
  }
  return found;
}

/** What is on record about one certificate. */
export interface CertificateRecord {
  readonly pairs: readonly StoredPair[];
  readonly events: readonly TaskEvent[];
  /** The latest pairs of before it was issued: what requests looked like then. */
  readonly evidence: readonly StoredPair[];
}

/** Pairs that tell what requests looked like. */
const EVIDENCE = 2_000;

/** Reads the audits and the events of a certificate, each oldest first. */
export async function readCertificateRecord(
  store: Pick<Store, 'pairs' | 'events'>,
  certificate: Pick<Certificate, 'id' | 'task' | 'small' | 'big' | 'issuedAt'>,
): Promise<CertificateRecord> {
  const { id, task, small, big, issuedAt } = certificate;
  const before = await store.pairs.list({ task, small, big, drawn: 'uniform', until: issuedAt });
  return {
    evidence: before.slice(-EVIDENCE),
    pairs: await store.pairs.list({ task, certificate: id }),
    events: (await store.events.list({ task })).filter((event) => event.certificate === id),
  };
}
