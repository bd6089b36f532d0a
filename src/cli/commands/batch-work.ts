import type { Estimate } from '../../batch/index.ts';
import type { Config, PipelineConfig } from '../../config/index.ts';
import type { Json } from '../../core/index.ts';
import type { PipelineApp } from '../../pipeline-app.ts';

/** What `smallfirst batch` was asked for. */
export interface BatchOptions {
  readonly input: string;
  readonly output: string;
  readonly errors?: string;
  readonly resume: boolean;
  readonly ordered: boolean;
  readonly maxCost?: number;
  readonly concurrency: number;
  readonly request: Readonly<Record<string, Json>>;
  readonly dryRun: boolean;
  readonly mode: 'live' | 'batch';
  readonly batchSize: number;
  /** In seconds. */
  readonly poll: number;
  readonly cancel: boolean;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** What a job is about. */
export interface Work {
  readonly config: Config;
  readonly pipeline: PipelineConfig;
  readonly files: { readonly input: string; readonly output: string; readonly errors: string };
  readonly estimate: Estimate;
}

/** How long the record may take to be whole at the end; what is left then is taken in by the next process. */
export const DRAIN_MS = 60_000;

/** A database that is gone holds nothing up: what is recorded waits on the disk. */
export function backlogOf({ recorder }: PipelineApp): number {
  const { queuedBytes, lastError } = recorder.state();
  return lastError === null ? queuedBytes : 0;
}
