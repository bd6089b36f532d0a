/** Milliseconds since the Unix epoch. */
export type EpochMs = number;

/** Where time comes from. Pure code takes a time as an argument; engines take a clock; only the edges read the real one. */
export interface Clock {
  /** Wall-clock time, for records. */
  now(): EpochMs;
  /** Milliseconds that never go back, for durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
