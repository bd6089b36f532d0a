import type { ModelEvent, TokenLogprob } from '../../../core/index.ts';
import { formatSse, formatSseComment } from '../../sse/index.ts';
import { cutReport } from '../errors.ts';
import { writeLogprobs } from '../logprobs.ts';
import { tierMember } from '../service-tier.ts';
import { isObject } from '../shape.ts';
import type { AnswerContext, ErrorReport, JsonObject, StreamWriter } from '../types.ts';
import { chatUsage } from '../usage-json.ts';
import { callId, completionId, finishReason, urlCitation } from './write-answer.ts';
import { writeError } from './write-error.ts';

type EndEvent = Extract<ModelEvent, { type: 'end' }>;

/**
 * Writes chat completion chunks: the role in the first, usage in one of its own and only when asked, then `[DONE]`.
 * A cut answer ends in an error chunk, without finish reason and without `[DONE]`.
 */
export class ChatStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  readonly #includeUsage: boolean;
  #head: string;
  #served: JsonObject = {};
  #roleSent = false;
  #closed = false;
  #refused = false;
  readonly #named = new Set<number>();

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#includeUsage = context.client?.includeUsage ?? false;
    this.#head = this.#makeHead({});
  }

  push(event: ModelEvent): string {
    if (this.#closed) return '';
    switch (event.type) {
      case 'start':
        if (event.fingerprint !== null) this.#served = { system_fingerprint: event.fingerprint };
        this.#head = this.#makeHead(this.#served);
        return this.#role();
      case 'text':
        return this.#chunk({ content: event.text }, null, this.#scores(event.logprobs, 'content'));
      case 'thinking':
        return event.text === '' ? '' : this.#chunk({ reasoning_content: event.text });
      case 'refusal':
        this.#refused = true;
        return this.#chunk({ refusal: event.text }, null, this.#scores(event.logprobs, 'refusal'));
      case 'tool-call':
        return this.#toolCall(event);
      case 'annotation': {
        const citation = urlCitation(event.protocol, event.value);
        return citation === null ? '' : this.#chunk({ annotations: [citation] });
      }
      case 'opaque': {
        if (event.protocol !== 'openai-chat' || !isObject(event.value)) return '';
        const index = this.#named.size;
        this.#named.add(index);
        return this.#chunk({ tool_calls: [{ index, ...event.value }] });
      }
      case 'end':
        return this.#end(event);
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

  #end(event: EndEvent): string {
    if (event.stop === 'cut') return this.error(cutReport(event.failure));
    const reason = finishReason(event.stop, this.#refused, this.#named.size > 0);
    // The tier is known only now, so that it stands in the last chunks.
    this.#head = this.#makeHead({ ...this.#served, ...tierMember('openai', event.serviceTier) });
    let text = this.#chunk({}, reason);
    if (this.#includeUsage && event.usage !== null) {
      text += formatSse(null, `${this.#head}[],"usage":${JSON.stringify(chatUsage(event.usage))}}`);
    }
    this.#closed = true;
    return `${text}data: [DONE]\n\n`;
  }

  #toolCall(event: Extract<ModelEvent, { type: 'tool-call' }>): string {
    const what = { arguments: event.arguments };
    if (this.#named.has(event.index)) return this.#chunk({ tool_calls: [{ index: event.index, function: what }] });
    this.#named.add(event.index);
    const id = callId(this.#context, event.index, event.id);
    return this.#chunk({ tool_calls: [{ index: event.index, id, type: 'function', function: { name: event.name ?? '', ...what } }] });
  }

  #scores(logprobs: readonly TokenLogprob[] | undefined, of: 'content' | 'refusal'): JsonObject | null {
    const asked = this.#context.client?.logprobs ?? null;
    if (asked === null || logprobs === undefined) return null;
    return { content: null, refusal: null, [of]: writeLogprobs(logprobs, asked.top) };
  }

  #role(): string {
    if (this.#roleSent) return '';
    this.#roleSent = true;
    return this.#chunk({ role: 'assistant', content: '', refusal: null });
  }

  #chunk(delta: JsonObject, reason: string | null = null, scores: JsonObject | null = null): string {
    const role = this.#roleSent ? '' : this.#role();
    const choice = { index: 0, delta, logprobs: scores, finish_reason: reason };
    return `${role}${formatSse(null, `${this.#head}[${JSON.stringify(choice)}]${this.#includeUsage ? ',"usage":null}' : '}'}`)}`;
  }

  /** What every chunk begins with, up to the choices: written once. */
  #makeHead(served: JsonObject): string {
    const { created, model } = this.#context;
    const members = JSON.stringify({ id: completionId(this.#context), object: 'chat.completion.chunk', created, model, ...served });
    return `${members.slice(0, -1)},"choices":`;
  }
}
