import type { LifeTask, LookRequest } from './life/index.ts';
import type { Look, StoreLocation } from './store/index.ts';

/** What the thread of the looks is started with. */
export interface LifeThreadData {
  readonly tasks: readonly LifeTask[];
  readonly store: StoreLocation;
  /** Time until the first round, and between rounds. */
  readonly firstMs: number;
  readonly everyMs: number;
  /** What the caller's clock is ahead of the system's: a thread cannot be given a clock. */
  readonly clockAheadMs: number;
  readonly gate: boolean;
}

/** What the thread is told. A request is answered under its number. */
export type LifeOrder = { readonly kind: 'look'; readonly number: number; readonly request: LookRequest } | { readonly kind: 'end' };

/** What the thread says. */
export type LifeNews =
  | { readonly kind: 'looked'; readonly number: number; readonly looks: readonly Look[] }
  | { readonly kind: 'failed'; readonly number: number; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string };
