import type { ModelEvent, TokenLogprob } from '../../../core/index.ts';
import { formatSse, formatSseComment } from '../../sse/index.ts';
import { cutReport } from '../errors.ts';
import { writeError } from '../openai-chat/write-error.ts';
import type { AnswerContext, ErrorReport, JsonObject, StreamWriter } from '../types.ts';
import { chatUsage } from '../usage-json.ts';
import { completionId, finishReason, writeTokens } from './write-answer.ts';

/**
 * Writes text completion chunks: usage in one of its own and only when asked, then `[DONE]`. A cut answer ends in an error chunk,
 * without finish reason and without `[DONE]`.
 */
export class CompletionStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  readonly #includeUsage: boolean;
  #served: JsonObject = {};
  #written = 0;
  #closed = false;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#includeUsage = context.client?.includeUsage ?? false;
  }

  push(event: ModelEvent): string {
    if (this.#closed) return '';
    switch (event.type) {
      case 'start':
        if (event.fingerprint !== null) this.#served = { system_fingerprint: event.fingerprint };
        return '';
      case 'text':
      case 'refusal':
        return this.#text(event.text, event.logprobs);
      case 'end':
        return this.#end(event);
      default:
        return '';
    }
  }

  finish(): string {
    return this.#closed ? '' : this.error(cutReport(undefined));
  }

  error(report: ErrorReport, status = 502): string {
    if (this.#closed) return '';
    this.#closed = true;
    return formatSse(null, JSON.stringify(writeError(status, report)));
  }

  ping(): string {
    return this.#closed ? '' : formatSseComment('ping');
  }

  #text(text: string, tokens: readonly TokenLogprob[] | undefined): string {
    const asked = this.#context.client?.logprobs ?? null;
    const logprobs = asked === null || tokens === undefined ? null : writeTokens(tokens, asked.top, this.#written);
    this.#written += text.length;
    return text === '' ? '' : this.#chunk([{ text, index: 0, logprobs, finish_reason: null }]);
  }

  #end(event: Extract<ModelEvent, { type: 'end' }>): string {
    if (event.stop === 'cut') return this.error(cutReport(event.failure));
    let written = this.#chunk([{ text: '', index: 0, logprobs: null, finish_reason: finishReason(event.stop) }]);
    if (this.#includeUsage && event.usage !== null) written += this.#chunk([], chatUsage(event.usage));
    this.#closed = true;
    return `${written}data: [DONE]\n\n`;
  }

  #chunk(choices: readonly JsonObject[], usage: JsonObject | null = null): string {
    const { created, model } = this.#context;
    const document = { id: completionId(this.#context), object: 'text_completion', created, model, ...this.#served, choices };
    return formatSse(null, JSON.stringify(this.#includeUsage ? { ...document, usage } : document));
  }
}
