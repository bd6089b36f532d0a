import { type Message, type ModelEvent, type ModelRequest, SmallfirstError, textOf } from '../core/index.ts';
import type { Recording } from './recording.ts';
import type { CallContext, ModelClient } from './types.ts';

/**
 * A recording served as a model: each item gets the answer that the model really gave, found by item id, else by the exact input.
 * It does not wait: the recorded latency is reported, not relived. Throws RECORDING_MISSING for what was not recorded.
 */
export function replayClient(recording: Recording, model: string): ModelClient {
  return {
    version: recording.version,
    async *call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent> {
      throwIfAborted(context);
      const answer = recording.answer(itemOf(request, context, recording), model);
      yield {
        type: 'start',
        servedModel: model,
        fingerprint: null,
        upstreamId: null,
        inputTokens: answer.usage ? answer.usage.freshInput : null,
      };
      if (answer.text !== '') yield { type: 'text', text: answer.text, ...(answer.logprobs ? { logprobs: answer.logprobs } : {}) };
      throwIfAborted(context);
      yield { type: 'end', stop: answer.stop, usage: answer.usage, usageSource: 'recorded', recorded: answer.signals };
    },
  };
}

function itemOf(request: ModelRequest, context: CallContext, recording: Recording): string {
  if (context.itemId !== null) return context.itemId;
  const id = recording.idOf(inputOf(request, context));
  if (id !== null) return id;
  throw new SmallfirstError(
    'RECORDING_MISSING',
    `The recording ${recording.file} holds no item with this input, and the request names no item.`,
  );
}

/** The input of a task: as the caller gives it, else the text of the last user message. */
export function inputOf(request: ModelRequest, context: CallContext): string {
  if (context.input !== null) return context.input;
  const last: Message | undefined = request.messages.findLast((message) => message.role === 'user');
  return last ? textOf(last) : '';
}

/** Throws ABORTED when the caller has gone. */
export function throwIfAborted(context: CallContext): void {
  if (context.signal?.aborted) throw new SmallfirstError('ABORTED', 'The call was aborted.');
}
