import { type Clock, type ModelEvent, type ModelRequest, NO_USAGE, type Output, systemClock, usage } from '../core/index.ts';
import { inputOf, throwIfAborted } from './replay.ts';
import { answerText } from './student-output.ts';
import type { CallContext, ModelClient, StudentModel } from './types.ts';

/**
 * An embedded student as a model: it reads the task's input without the prompt around it, answers in the task's output form, and
 * states its calibrated probability; `answers` is the form for a call that names no task. Only a student over embeddings uses tokens: those that its endpoint counted.
 */
export function studentClient(
  student: StudentModel,
  { answers = null, clock = systemClock }: { readonly answers?: Output | null; readonly clock?: Pick<Clock, 'monotonic'> } = {},
): ModelClient {
  return {
    version: student.version,
    async *call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent> {
      throwIfAborted(context);
      const input = inputOf(request, context);
      const begun = clock.monotonic();
      const answered = student.answer(input, context.signal);
      // No promise, no turn of the event loop: the common student answers in microseconds.
      const answer = answered instanceof Promise ? await answered : answered;
      const { confidence, inputTokens } = answer;
      const latencyMs = clock.monotonic() - begun;
      yield { type: 'start', servedModel: student.version, fingerprint: null, upstreamId: null, inputTokens: inputTokens ?? 0 };
      yield { type: 'text', text: answerText(answer, formOf(context, answers)) };
      yield {
        type: 'end',
        stop: 'done',
        usage: inputTokens === undefined ? NO_USAGE : usage({ freshInput: inputTokens }),
        usageSource: inputTokens === undefined ? 'counted' : 'reported',
        recorded: { probability: confidence, latencyMs },
      };
    },
  };
}

/** A call that names no task asks for text: then the form counts that the student's own tasks agree on. */
function formOf({ output }: CallContext, answers: Output | null): Output | null {
  return output === undefined || output.kind === 'text' ? answers : output;
}
