/** Runs something later on the real clock; returns how to call it off. Longer than 24.8 days is never, as timers hold no more. */
export function systemTimer(ms: number, run: () => void): () => void {
  if (ms > 2 ** 31 - 1) return () => undefined;
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
