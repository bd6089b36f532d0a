import type { ModelEvent, UpstreamFailure } from '../../../core/index.ts';
import { formatSse, formatSseComment } from '../../sse/index.ts';
import { cutReport } from '../errors.ts';
import { writeLogprobs } from '../logprobs.ts';
import { writeError } from '../openai-chat/write-error.ts';
import { SequentialCalls } from '../sequential-calls.ts';
import { isObject } from '../shape.ts';
import type { AnswerContext, ErrorReport, JsonObject, StreamWriter } from '../types.ts';
import { OpenItem } from './open-item.ts';
import { annotationOf, endState, failedState, incompleteReason, responseObject } from './response-object.ts';

const PROTOCOL = 'openai-responses';

type EndEvent = Extract<ModelEvent, { type: 'end' }>;

/**
 * Writes response events: numbered from 0 without gaps, item after item, each added, filled and done. A cut answer ends in
 * `error` and `response.failed`, never in `response.completed`.
 */
export class ResponseStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  readonly #calls = new SequentialCalls();
  readonly #output: JsonObject[] = [];
  #item: OpenItem | null = null;
  #sequence = 0;
  #started = false;
  #closed = false;
  #refused = false;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  push(event: ModelEvent): string {
    if (this.#closed) return '';
    if (event.type === 'start') return this.#start();
    if (event.type === 'end') return this.#end(event);
    return this.#start() + this.#write(this.#calls.push(event));
  }

  finish(): string {
    return this.#closed ? '' : this.error(cutReport(undefined));
  }

  error(report: ErrorReport, status = 500): string {
    return this.#fail(report, status, undefined);
  }

  ping(): string {
    return this.#closed ? '' : formatSseComment('ping');
  }

  #fail(report: ErrorReport, status: number, failure: UpstreamFailure | undefined): string {
    if (this.#closed) return '';
    const started = this.#start();
    this.#closed = true;
    const error = writeError(status, report).error as JsonObject;
    const told = this.#frame('error', {
      code: error.code ?? error.type ?? null,
      message: report.message,
      param: error.param ?? null,
    });
    const response = responseObject(this.#context, this.#output, failedState(report.message, failure));
    return started + told + this.#frame('response.failed', { response });
  }

  #start(): string {
    if (this.#started) return '';
    this.#started = true;
    const response = responseObject(this.#context, [], {});
    return this.#frame('response.created', { response }) + this.#frame('response.in_progress', { response });
  }

  #write(events: readonly ModelEvent[]): string {
    let text = '';
    for (const event of events) text += this.#one(event);
    return text;
  }

  #one(event: ModelEvent): string {
    switch (event.type) {
      case 'text': {
        if (event.text === '' && event.logprobs === undefined) return '';
        const asked = this.#context.client?.logprobs ?? null;
        const logprobs = asked === null || event.logprobs === undefined ? [] : writeLogprobs(event.logprobs, asked.top);
        return this.#into('text', event) + this.#frames(this.#item?.text(event.text, logprobs));
      }
      case 'refusal':
        if (event.text === '') return '';
        this.#refused = true;
        return this.#into('refusal', event) + this.#frames(this.#item?.refusal(event.text));
      case 'thinking':
        if (event.text === '' && event.signature === null) return '';
        return (
          this.#into('thinking', event) +
          this.#frames(this.#item?.thinking(event)) +
          (event.signature === null ? '' : this.#close('completed'))
        );
      case 'tool-call':
        return this.#into('tool-call', event) + (event.arguments === '' ? '' : this.#frames(this.#item?.arguments(event.arguments)));
      case 'annotation': {
        const annotation = annotationOf(event);
        return annotation === null ? '' : this.#into('text', event) + this.#frames(this.#item?.annotation(annotation));
      }
      case 'opaque': {
        if (event.protocol !== PROTOCOL || !isObject(event.value)) return '';
        const closed = this.#close('completed');
        const place = { output_index: this.#output.length, item: event.value };
        this.#output.push(event.value);
        return closed + this.#frame('response.output_item.added', place) + this.#frame('response.output_item.done', place);
      }
      case 'start':
      case 'end':
        return '';
    }
  }

  /** Makes sure that the open item takes this event. */
  #into(kind: OpenItem['kind'], event: ModelEvent): string {
    const call = event.type === 'tool-call' ? event.index : null;
    if (this.#item !== null && this.#item.kind === kind && this.#item.call === call) return '';
    const closed = this.#close('completed');
    this.#item = new OpenItem(kind, this.#context, this.#output.length, event);
    return closed + this.#frames(this.#item.added());
  }

  #close(status: string): string {
    if (this.#item === null) return '';
    const { frames, item } = this.#item.done(status);
    this.#item = null;
    this.#output.push(item);
    return this.#frames(frames);
  }

  #end(event: EndEvent): string {
    if (event.stop === 'cut') return this.#fail(cutReport(event.failure), 500, event.failure);
    const flushed = this.#start() + this.#write(this.#calls.flush());
    const incomplete = incompleteReason(event, this.#refused) !== null;
    const text = flushed + this.#close(incomplete ? 'incomplete' : 'completed');
    const response = responseObject(this.#context, this.#output, endState(event, this.#refused));
    this.#closed = true;
    return text + this.#frame(incomplete ? 'response.incomplete' : 'response.completed', { response });
  }

  #frames(frames: readonly (readonly [type: string, data: JsonObject])[] = []): string {
    let text = '';
    for (const [type, data] of frames) text += this.#frame(type, data);
    return text;
  }

  #frame(type: string, data: JsonObject): string {
    return formatSse(type, JSON.stringify({ type, sequence_number: this.#sequence++, ...data }));
  }
}
