import { type Clock, type ModelEvent, type ModelRequest, NO_USAGE, systemClock } from '../core/index.ts';
import { inputOf, throwIfAborted } from './replay.ts';
import type { CallContext, ModelClient, StudentModel } from './types.ts';

/**
 * An embedded classifier as a model: it reads the task's input without the prompt around it, answers with a label, and states its
 * calibrated probability. It uses no tokens; what it costs is what its declared price says, 0 unless configured.
 */
export function studentClient(student: StudentModel, clock: Pick<Clock, 'monotonic'> = systemClock): ModelClient {
  return {
    version: student.version,
    async *call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent> {
      throwIfAborted(context);
      yield { type: 'start', servedModel: student.version, fingerprint: null, upstreamId: null, inputTokens: 0 };
      const input = inputOf(request, context);
      const begun = clock.monotonic();
      const { label, probability } = student.predict(input);
      const latencyMs = clock.monotonic() - begun;
      yield { type: 'text', text: label };
      yield { type: 'end', stop: 'done', usage: NO_USAGE, usageSource: 'counted', recorded: { probability, latencyMs } };
    },
  };
}
