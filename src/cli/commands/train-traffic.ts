import type { NanoUsd } from '../../core/index.ts';
import { systemClock } from '../../core/index.ts';
import { DAYS_PER_MONTH } from '../../finops/index.ts';
import { openStoreToRead } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';
import type { TrainWorld } from './train-rows.ts';

const HOUR_MS = 3_600_000;
const SPAN_DAYS = 30;

/** What a task's traffic was lately. */
export interface Traffic {
  /** Mean cost of a client request; null where none has a price. */
  readonly costPerCall: NanoUsd | null;
  readonly callsPerMonth: number;
}

/** The traffic of a task over the last 30 days, from the record; null without one. A record that cannot be read stops no training: it is told. */
export async function recordedTraffic({ task, dataDir, config }: TrainWorld, io: CommandIo): Promise<Traffic | null> {
  try {
    const store = await openStoreToRead(dataDir, config?.store ?? null);
    try {
      const to = Math.ceil(systemClock.now() / HOUR_MS) * HOUR_MS;
      const rows = await store.calls.bill({ from: to - SPAN_DAYS * 24 * HOUR_MS, to }, ['task']);
      const row = rows.find(({ dimensions }) => dimensions.task === task);
      if (row === undefined || row.requests === 0) return null;
      return {
        costPerCall: row.unpricedCalls === row.calls ? null : (Math.round(row.cost / row.requests) as NanoUsd),
        callsPerMonth: Math.round((row.requests / SPAN_DAYS) * DAYS_PER_MONTH),
      };
    } finally {
      await store.close();
    }
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'INPUT_NOT_FOUND') return null;
    io.note(`The record could not be read for what calls cost now: ${(error as Error).message}`);
    return null;
  }
}
