import type { ModelEvent } from '../../../core/index.ts';
import { formatSse } from '../../sse/index.ts';
import { cutReport } from '../errors.ts';
import { SequentialCalls } from '../sequential-calls.ts';
import { isObject } from '../shape.ts';
import { wrapSignature } from '../signatures.ts';
import type { AnswerContext, ErrorReport, JsonObject, StreamWriter } from '../types.ts';
import { anthropicUsage } from '../usage-json.ts';
import { messageId, stopMembers, toolUseId } from './write-answer.ts';
import { writeError } from './write-error.ts';

const PROTOCOL = 'anthropic-messages';

type Event<T extends ModelEvent['type']> = Extract<ModelEvent, { type: T }>;

/**
 * Writes message events: start with real input tokens, blocks one after the other, cumulative usage with the stop reason.
 * Every frame is named after its type, because clients skip frames without a name. A cut answer ends in `error`.
 */
export class MessageStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  readonly #calls = new SequentialCalls();
  #started = false;
  #closed = false;
  #blocks = 0;
  #open: 'text' | 'thinking' | 'tool_use' | null = null;
  #openCall: number | null = null;
  #calledTool = false;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  push(event: ModelEvent): string {
    if (this.#closed) return '';
    if (event.type === 'start') return this.#start(event.inputTokens);
    if (event.type === 'end') return this.#end(event);
    return this.#start(null) + this.#write(this.#calls.push(event));
  }

  finish(): string {
    return this.#closed ? '' : this.error(cutReport(undefined));
  }

  error(report: ErrorReport, status = 500): string {
    if (this.#closed) return '';
    this.#closed = true;
    return formatSse('error', JSON.stringify(writeError(status, report)));
  }

  ping(): string {
    return this.#closed ? '' : formatSse('ping', '{"type": "ping"}');
  }

  #start(inputTokens: number | null): string {
    if (this.#started) return '';
    this.#started = true;
    const usage = {
      input_tokens: inputTokens ?? this.#context.inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    };
    const head = { id: messageId(this.#context), type: 'message', role: 'assistant', model: this.#context.model, content: [] };
    return frame({ type: 'message_start', message: { ...head, stop_reason: null, stop_sequence: null, usage } });
  }

  #write(events: readonly ModelEvent[]): string {
    let text = '';
    for (const event of events) text += this.#one(event);
    return text;
  }

  #one(event: ModelEvent): string {
    switch (event.type) {
      case 'text':
      case 'refusal':
        return event.text === ''
          ? ''
          : this.#ensure('text', { type: 'text', text: '' }) + this.#delta({ type: 'text_delta', text: event.text });
      case 'thinking':
        return this.#thinking(event);
      case 'tool-call':
        return this.#toolCall(event);
      case 'annotation':
        if (event.protocol !== PROTOCOL) return '';
        return this.#ensure('text', { type: 'text', text: '' }) + this.#delta({ type: 'citations_delta', citation: event.value });
      case 'opaque': {
        if (event.protocol !== PROTOCOL || !isObject(event.value)) return '';
        const closed = this.#close();
        const start = frame({ type: 'content_block_start', index: this.#blocks, content_block: event.value });
        return closed + start + frame({ type: 'content_block_stop', index: this.#blocks++ });
      }
      case 'start':
      case 'end':
        return '';
    }
  }

  #thinking(event: Event<'thinking'>): string {
    let text = '';
    if (event.text !== '' || event.signature !== null) text += this.#ensure('thinking', { type: 'thinking', thinking: '', signature: '' });
    if (event.text !== '') text += this.#delta({ type: 'thinking_delta', thinking: event.text });
    if (event.signature === null) return text;
    const signature = wrapSignature(event.signature, event.protocol, PROTOCOL);
    return text + this.#delta({ type: 'signature_delta', signature }) + this.#close();
  }

  #toolCall(event: Event<'tool-call'>): string {
    let text = '';
    if (this.#open !== 'tool_use' || this.#openCall !== event.index) {
      this.#calledTool = true;
      const id = toolUseId(this.#context, event.index, event.id);
      text = this.#close() + this.#ensure('tool_use', { type: 'tool_use', id, name: event.name ?? '', input: {} });
      this.#openCall = event.index;
    }
    return event.arguments === '' ? text : text + this.#delta({ type: 'input_json_delta', partial_json: event.arguments });
  }

  #end(event: Event<'end'>): string {
    if (event.stop === 'cut') return this.error(cutReport(event.failure));
    const text = this.#start(null) + this.#write(this.#calls.flush()) + this.#close();
    // Without reported counts the client keeps what the start told it.
    const usage = event.usage === null ? { output_tokens: 0 } : anthropicUsage(event.usage);
    const delta = stopMembers(event.stop, this.#calledTool, event.stopSequence);
    this.#closed = true;
    return text + frame({ type: 'message_delta', delta, usage }) + frame({ type: 'message_stop' });
  }

  /** Opens a block of that type unless one is open. */
  #ensure(type: 'text' | 'thinking' | 'tool_use', block: JsonObject): string {
    if (this.#open === type) return '';
    const closed = this.#close();
    this.#open = type;
    return closed + frame({ type: 'content_block_start', index: this.#blocks, content_block: block });
  }

  #close(): string {
    if (this.#open === null) return '';
    this.#open = null;
    this.#openCall = null;
    return frame({ type: 'content_block_stop', index: this.#blocks++ });
  }

  #delta(delta: JsonObject): string {
    return frame({ type: 'content_block_delta', index: this.#blocks, delta });
  }
}

function frame(data: JsonObject & { readonly type: string }): string {
  return formatSse(data.type, JSON.stringify(data));
}
