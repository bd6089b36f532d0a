import type { ModelEvent, StopReason } from '../../../core/index.ts';
import { usageFromOpenAiResponses } from '../../../pricing/index.ts';
import { endEvent, failureOf, unreadable } from '../end-event.ts';
import { readLogprobs } from '../logprobs.ts';
import { isList, isObject } from '../shape.ts';
import { unwrapSignature } from '../signatures.ts';
import type { JsonObject, Reading } from '../types.ts';
import { reasoningText } from './read-input.ts';

const PROTOCOL = 'openai-responses';

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The `start` event of a response object. */
export function startOf(response: JsonObject): ModelEvent {
  return {
    type: 'start',
    servedModel: text(response.model),
    fingerprint: text(response.system_fingerprint),
    upstreamId: text(response.id),
    inputTokens: null,
  };
}

/** A text event with the log-probabilities that came with it. */
export function textEvent(said: unknown, logprobs: unknown): ModelEvent[] {
  const scores = readLogprobs(logprobs);
  const written = typeof said === 'string' ? said : '';
  return written === '' && scores === null ? [] : [{ type: 'text', text: written, ...(scores === null ? {} : { logprobs: scores }) }];
}

/** Reads whole items, and counts what decides the stop reason. Streams use it for what came without deltas. */
export class ItemReader {
  readonly textTool: string | undefined;
  refused = false;
  calls = 0;

  constructor(reading: Reading) {
    this.textTool = reading.textTool;
  }

  item(item: JsonObject): ModelEvent[] {
    switch (item.type) {
      case 'message':
        return isList(item.content) ? item.content.flatMap((part) => (isObject(part) ? this.part(part) : [])) : [];
      case 'function_call': {
        const written = typeof item.arguments === 'string' ? item.arguments : '';
        if (this.textTool !== undefined && item.name === this.textTool) return textEvent(written, null);
        return [{ type: 'tool-call', index: this.calls++, id: text(item.call_id), name: text(item.name), arguments: written }];
      }
      case 'reasoning': {
        const thought = reasoningText(item);
        return [...(thought === '' ? [] : [thinking(thought)]), ...this.signature(item)];
      }
      default:
        return [{ type: 'opaque', protocol: PROTOCOL, value: item }];
    }
  }

  part(part: JsonObject): ModelEvent[] {
    if (part.type === 'refusal') return this.refusal(part.refusal);
    const annotations = isList(part.annotations) ? part.annotations : [];
    return [
      ...textEvent(part.text, part.logprobs),
      ...annotations.map((value): ModelEvent => ({ type: 'annotation', protocol: PROTOCOL, value })),
    ];
  }

  refusal(said: unknown): ModelEvent[] {
    if (typeof said !== 'string' || said === '') return [];
    this.refused = true;
    return [{ type: 'refusal', text: said }];
  }

  signature(item: JsonObject): ModelEvent[] {
    const signed = text(item.encrypted_content);
    return signed === null ? [] : [{ type: 'thinking', text: '', ...unwrapSignature(signed, PROTOCOL) }];
  }

  /** The end of a response whose status is final. */
  end(response: JsonObject): ModelEvent {
    const details = { rawUsage: response.usage, normalise: usageFromOpenAiResponses, serviceTier: response.service_tier };
    const status = response.status;
    if (status === 'completed') return endEvent(this.#stop(), details);
    if (status === 'incomplete') {
      const why = isObject(response.incomplete_details) ? response.incomplete_details.reason : null;
      return endEvent(why === 'content_filter' ? 'content-filter' : 'length', details);
    }
    if (isObject(response.error)) return endEvent('cut', { ...details, failure: failureOf(response.error) });
    return endEvent('cut', { ...details, failure: unreadable(`a response with status ${JSON.stringify(status ?? null)}`) });
  }

  #stop(): StopReason {
    if (this.calls > 0) return 'tool-call';
    return this.refused ? 'refusal' : 'done';
  }
}

/** A piece of thinking in words. */
export function thinking(said: string): ModelEvent {
  return { type: 'thinking', text: said, signature: null, protocol: PROTOCOL };
}

/** Reads a whole response. */
export function readResponse(json: unknown, reading: Reading = {}): ModelEvent[] {
  const normalise = usageFromOpenAiResponses;
  if (!isObject(json)) return [endEvent('cut', { normalise, failure: unreadable('an answer that is no JSON object') })];
  if (isObject(json.error) && json.object !== 'response') return [endEvent('cut', { normalise, failure: failureOf(json.error) })];
  const reader = new ItemReader(reading);
  const output = isList(json.output) ? json.output : [];
  return [startOf(json), ...output.flatMap((item) => (isObject(item) ? reader.item(item) : [])), reader.end(json)];
}
