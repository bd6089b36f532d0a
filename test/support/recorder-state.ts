import type { Recorder, RecorderState } from '../../src/run/index.ts';

/** Looks at a recorder's state, a turn of the event loop apart, until it is as wanted. Throws with the last state after a minute. */
export async function recorderState(recorder: Recorder, isWanted: (state: RecorderState) => boolean): Promise<RecorderState> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const state = recorder.state();
    if (isWanted(state)) return state;
    if (performance.now() > deadline) throw new Error(`never as wanted: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
