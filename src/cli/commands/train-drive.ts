import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../core/index.ts';
import { type DriveDeps, driveJob, type FineTuneAdapter, type JobRecord, type JobStore, LOCAL } from '../../finetune/index.ts';
import type { CommandIo, ExitCode, Progress } from '../io.ts';
import { askPerson, type SpendOptions } from './train-ask.ts';

/** What driving a job at the terminal needs. */
export interface DriveWorld {
  readonly store: JobStore;
  readonly adapter: FineTuneAdapter;
  readonly io: CommandIo;
  readonly options: SpendOptions;
}

/** The world that a job is driven in: real time, a person to ask, and a progress line. */
export function driveDeps({ store, adapter, io, options }: DriveWorld, onChange: (job: JobRecord) => void = () => {}): DriveDeps {
  return {
    store,
    adapter,
    clock: systemClock,
    signal: io.signal,
    sleep: async (ms, signal) => {
      await delay(ms, undefined, { signal }).catch(() => {});
    },
    ask: (estimate, why) => askPerson(estimate, why, { io, options }),
    onChange,
    // A file of one's own is looked at more often than a provider is asked.
    pollMs: adapter.name === LOCAL ? [200, 5_000] : [2_000, 30_000],
  };
}

/** Drives a job and shows where it is. */
export async function driveShown(id: string, until: Parameters<typeof driveJob>[1], world: DriveWorld): Promise<JobRecord> {
  const bar: Progress = world.io.progress('training', 100);
  let state = '';
  try {
    return await driveJob(
      id,
      until,
      driveDeps(world, (job) => {
        bar.advance(Math.round((job.remote.progress ?? 0) * 100), job.remote.status ?? job.state);
        if (job.state !== state)
          world.io.note(
            `${job.state}${job.remote.status === null ? '' : ` (${job.remote.status})`}${job.error === null ? '' : `: ${job.error}`}`,
          );
        state = job.state;
      }),
    );
  } finally {
    bar.end();
  }
}

/** 0 for a job that is on its way or done; 1 for one that failed, was stopped, or waits for a person. */
export function exitCodeOf({ state }: JobRecord): ExitCode {
  return ['failed', 'cancelled', 'expired', 'priced'].includes(state) ? 1 : 0;
}
