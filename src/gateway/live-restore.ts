import type { EpochMs, NanoUsd, Purpose } from '../core/index.ts';
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
  return { shadow: byTask('shadow', ever, today), audit: byTask('audit', ever, today) };
}

function byTask(purpose: Purpose, ever: readonly BillRow[], today: readonly BillRow[]): ReadonlyMap<string, Spent> {
  const found = new Map<string, Spent>();
  for (const { dimensions, cost } of ever) {
    if (dimensions.purpose === purpose && dimensions.task != null) found.set(dimensions.task, { ...NOTHING, total: cost });
  }
  for (const { dimensions, cost } of today) {
    const before = dimensions.purpose === purpose ? found.get(dimensions.task ?? '') : undefined;
    if (before !== undefined) found.set(dimensions.task ?? '', { ...before, today: cost });
  }
  return found;
}

/** What is on record about one certificate. */
export interface CertificateRecord {
  readonly pairs: readonly StoredPair[];
  readonly events: readonly TaskEvent[];
}

/** Reads the audits and the events of a certificate, each oldest first. */
export async function readCertificateRecord(
  store: Pick<Store, 'pairs' | 'events'>,
  certificate: { readonly id: string; readonly task: string },
): Promise<CertificateRecord> {
  const { id, task } = certificate;
  return {
    pairs: await store.pairs.list({ task, certificate: id }),
    events: (await store.events.list({ task })).filter((event) => event.certificate === id),
  };
}
