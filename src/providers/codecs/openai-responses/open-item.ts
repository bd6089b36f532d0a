import type { Json, ModelEvent } from '../../../core/index.ts';
import { wrapSignature } from '../signatures.ts';
import type { AnswerContext, JsonObject } from '../types.ts';
import { callId, itemId, wantsEncryptedReasoning } from './response-object.ts';

type Frame = readonly [type: string, data: JsonObject];
type Kind = 'text' | 'refusal' | 'thinking' | 'tool-call';

const prefixes = { text: 'msg', refusal: 'msg', thinking: 'rs', 'tool-call': 'fc' } as const;

/** One output item while it is streamed: it knows its frames and what it adds up to. */
export class OpenItem {
  readonly kind: Kind;
  /** Number of the tool call, null for other items. */
  readonly call: number | null;
  readonly #at: number;
  readonly #id: string;
  readonly #wantsEncrypted: boolean;
  readonly #head: JsonObject;
  #text = '';
  #logprobs: JsonObject[] = [];
  readonly #annotations: JsonObject[] = [];
  #encrypted: JsonObject = {};
  #hasPart = false;

  constructor(kind: Kind, context: AnswerContext, outputIndex: number, event: ModelEvent) {
    this.kind = kind;
    this.#at = outputIndex;
    this.#id = itemId(prefixes[kind], context, outputIndex);
    this.#wantsEncrypted = wantsEncryptedReasoning(context);
    this.call = event.type === 'tool-call' ? event.index : null;
    this.#head = event.type === 'tool-call' ? { call_id: callId(context, event.index, event.id), name: event.name ?? '' } : {};
  }

  added(): Frame[] {
    const frames: Frame[] = [['response.output_item.added', { output_index: this.#at, item: this.#item('in_progress', false) }]];
    if (this.kind === 'text' || this.kind === 'refusal') {
      frames.push(['response.content_part.added', { ...this.#place, content_index: 0, part: this.#part(false) }]);
    }
    return frames;
  }

  text(delta: string, logprobs: readonly JsonObject[]): Frame[] {
    this.#text += delta;
    for (const item of logprobs) this.#logprobs.push(item);
    return [['response.output_text.delta', { ...this.#place, content_index: 0, delta, logprobs: logprobs as Json }]];
  }

  refusal(delta: string): Frame[] {
    this.#text += delta;
    return [['response.refusal.delta', { ...this.#place, content_index: 0, delta }]];
  }

  thinking(event: Extract<ModelEvent, { type: 'thinking' }>): Frame[] {
    if (event.signature !== null && this.#wantsEncrypted) {
      this.#encrypted = { encrypted_content: wrapSignature(event.signature, event.protocol, 'openai-responses') };
    }
    if (event.text === '') return [];
    const frames: Frame[] = [];
    if (!this.#hasPart) {
      this.#hasPart = true;
      const part = { type: 'summary_text', text: '' };
      frames.push(['response.reasoning_summary_part.added', { ...this.#place, summary_index: 0, part }]);
    }
    this.#text += event.text;
    frames.push(['response.reasoning_summary_text.delta', { ...this.#place, summary_index: 0, delta: event.text }]);
    return frames;
  }

  arguments(delta: string): Frame[] {
    this.#text += delta;
    return [['response.function_call_arguments.delta', { ...this.#place, delta }]];
  }

  annotation(annotation: JsonObject): Frame[] {
    const annotation_index = this.#annotations.length;
    this.#annotations.push(annotation);
    return [['response.output_text.annotation.added', { ...this.#place, content_index: 0, annotation_index, annotation }]];
  }

  done(status: string): { readonly frames: Frame[]; readonly item: JsonObject } {
    const item = this.#item(status, true);
    return { frames: [...this.#closing(), ['response.output_item.done', { output_index: this.#at, item }]], item };
  }

  get #place(): JsonObject {
    return { item_id: this.#id, output_index: this.#at };
  }

  #closing(): Frame[] {
    const text = this.#text;
    const part = this.#part(true);
    switch (this.kind) {
      case 'text': {
        const logprobs = this.#logprobs;
        return [
          ['response.output_text.done', { ...this.#place, content_index: 0, text, logprobs }],
          ['response.content_part.done', { ...this.#place, content_index: 0, part }],
        ];
      }
      case 'refusal':
        return [
          ['response.refusal.done', { ...this.#place, content_index: 0, refusal: text }],
          ['response.content_part.done', { ...this.#place, content_index: 0, part }],
        ];
      case 'thinking':
        if (!this.#hasPart) return [];
        return [
          ['response.reasoning_summary_text.done', { ...this.#place, summary_index: 0, text }],
          ['response.reasoning_summary_part.done', { ...this.#place, summary_index: 0, part: { type: 'summary_text', text } }],
        ];
      case 'tool-call':
        return [['response.function_call_arguments.done', { ...this.#place, name: this.#head.name, arguments: text }]];
    }
  }

  #part(whole: boolean): JsonObject {
    const text = whole ? this.#text : '';
    if (this.kind === 'refusal') return { type: 'refusal', refusal: text };
    return { type: 'output_text', text, annotations: whole ? this.#annotations : [], logprobs: whole ? this.#logprobs : [] };
  }

  #item(status: string, whole: boolean): JsonObject {
    switch (this.kind) {
      case 'text':
      case 'refusal':
        return { id: this.#id, type: 'message', status, role: 'assistant', content: whole ? [this.#part(true)] : [] };
      case 'thinking': {
        const summary = whole && this.#hasPart ? [{ type: 'summary_text', text: this.#text }] : [];
        return { id: this.#id, type: 'reasoning', summary, ...(whole ? this.#encrypted : {}) };
      }
      case 'tool-call':
        return { id: this.#id, type: 'function_call', status, ...this.#head, arguments: whole ? this.#text : '' };
    }
  }
}
