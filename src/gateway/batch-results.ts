import { hash } from 'node:crypto';
import { type Call, NO_USAGE, type Usage, ZERO_USD } from '../core/index.ts';
import {
  type AnswerHead,
  createTap,
  JsonShapeError,
  type Member,
  memberValue,
  scanMembers,
  type TapProtocol,
  type TapReport,
} from '../providers/index.ts';
import { LineCutter } from './batch-lines.ts';
import type { Exchange } from './exchange.ts';
import type { GatewayDeps, ServedModel } from './types.ts';

/** Where batches' results are fetched. What else lies there is told apart by its first line. */
const RESULTS = /^\/v1\/(?:messages\/batches\/([^/]+)\/results|files\/([^/]+)\/content)$/;
/** Longer lines are not read; they pass like the others. */
const MAX_LINE = 16 * 1024 * 1024;
const MAX_TAG = 128;

/** One line of a batch's results. */
interface ResultLine {
  readonly customId: string;
  /** What the vendor calls the line, where it does. */
  readonly lineId: string;
  /** The answer and in whose words it is; null for a request that has none. */
  readonly answer: { readonly body: Buffer; readonly protocol: TapProtocol } | null;
}

/**
 * Books what a batch's results say that it used, one row a line at the price of batches, while its bytes go on untouched. A row's id is made
 * from the batch and the line, so that results that are fetched twice are booked once.
 */
export class BatchResults {
  readonly #exchange: Exchange;
  readonly #deps: GatewayDeps;
  readonly #head: AnswerHead;
  readonly #source: string;
  readonly #lines = new LineCutter(MAX_LINE);
  /** False once something was no result: then none of it is read. */
  #isRead = true;
  #hasBooked = false;
  #unread = 0;

  constructor(exchange: Exchange, deps: GatewayDeps, head: AnswerHead, source: string) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#head = head;
    this.#source = source;
  }

  /** Takes the next bytes; what they complete is durable when this returns, and so before they go on. */
  push(chunk: Buffer): void {
    if (this.#isRead) this.#book(this.#lines.push(chunk));
  }

  /** The results are complete. */
  end(): void {
    const last = this.#isRead ? this.#lines.end() : null;
    if (last !== null) this.#book([last]);
    const unread = this.#unread + this.#lines.tooLong;
    if (this.#isRead && unread > 0)
      this.#deps.observer.warn(`${unread} results of the batch ${this.#source} could not be read, and are not in the bill`);
  }

  #book(lines: readonly Buffer[]): void {
    const rows: Call[] = [];
    for (const line of lines) {
      if (isBlank(line)) continue;
      const read = readLine(line);
      if (read !== null) rows.push(this.#row(read));
      else if (this.#hasBooked) this.#unread += 1;
      else {
        // A file of another kind.
        this.#isRead = false;
        return;
      }
      this.#hasBooked = true;
    }
    if (rows.length > 0) this.#deps.recorder.record(rows);
  }

  #row({ customId, lineId, answer: said }: ResultLine): Call {
    const { at, caller, path } = this.#exchange;
    const { provider } = this.#head.target;
    const answer = said === null ? null : reportOf(said);
    const wire = answer?.servedModel ?? '';
    const served = wire === '' ? null : this.#modelOf(wire, provider);
    const used: Usage | null = answer?.usage ?? null;
    const price =
      used === null ? null : this.#deps.prices.price({ provider, model: served?.model ?? wire }, used, at, { serviceTier: 'batch' });
    const id = idOf([provider, this.#source, lineId, customId]);
    return {
      id,
      requestId: id,
      at,
      task: null,
      step: null,
      pipeline: null,
      key: caller.key,
      team: caller.team,
      model: served?.name ?? (wire === '' ? nameOf(path) : wire),
      provider,
      servedModel: answer?.servedModel ?? null,
      tier: served?.tier ?? 'frontier',
      purpose: 'passthrough',
      outcome: answer === null ? 'failed' : 'accepted',
      error: answer === null ? 'UPSTREAM_FAILED' : null,
      stop: answer?.stop ?? null,
      usage: used ?? NO_USAGE,
      usageSource: 'reported',
      priceId: price?.priceId ?? null,
      // A request of a batch that failed, expired or was cancelled costs nothing.
      cost: answer === null ? ZERO_USD : (price?.cost ?? null),
      latencyMs: null,
      firstTokenMs: null,
      streamed: false,
      confidence: null,
      decision: null,
      fingerprint: null,
      bodyHash: null,
      tags: { batch: this.#source.slice(0, MAX_TAG), custom_id: customId.slice(0, MAX_TAG) },
    };
  }

  /** The model of the config that answered, by its name on the wire, or by that and the date of its version. */
  #modelOf(wire: string, provider: string): ServedModel | null {
    const undated = wire.replace(DATE, '');
    let dated: ServedModel | null = null;
    for (const model of this.#deps.directory.models.values()) {
      if (model.provider !== provider) continue;
      if (model.model === wire) return model;
      if (model.model === undated) dated ??= model;
    }
    return dated;
  }
}

const DATE = /-\d{4}-?\d{2}-?\d{2}$/;

/** Reads the results of a batch where an answer may be one; null elsewhere. */
export function batchResultsOf(exchange: Exchange, deps: GatewayDeps, head: AnswerHead): BatchResults | null {
  const { route, request, path } = exchange;
  if (route.kind !== 'endpoint' || request.method !== 'GET' || head.status >= 300 || head.contentEncoding !== null) return null;
  const found = RESULTS.exec(path);
  const source = found?.[1] ?? found?.[2];
  return source === undefined ? null : new BatchResults(exchange, deps, head, source);
}

/** A line as either family writes it: `{custom_id, result}`, or `{id, custom_id, response, error}`. Null for anything else. */
function readLine(line: Buffer): ResultLine | null {
  try {
    const members = scanMembers(line);
    const customId = memberValue(line, members, 'custom_id');
    if (typeof customId !== 'string') return null;
    const lineId = memberValue(line, members, 'id');
    const of = (body: Buffer | null): ResultLine => ({
      customId,
      lineId: typeof lineId === 'string' ? lineId : '',
      answer: body && { body, protocol: protocolOf(body) },
    });
    const result = objectAt(line, members, 'result');
    if (result !== null) return of(memberValue(line, result, 'type') === 'succeeded' ? bytesAt(line, result, 'message') : null);
    const response = objectAt(line, members, 'response');
    if (response !== null) {
      const status = memberValue(line, response, 'status_code');
      return of(typeof status === 'number' && status >= 400 ? null : bytesAt(line, response, 'body'));
    }
    // Without an answer a line says why; a request of a batch has neither.
    return objectAt(line, members, 'error') === null ? null : of(null);
  } catch (error) {
    if (error instanceof JsonShapeError) return null;
    throw error;
  }
}

function objectAt(line: Buffer, members: readonly Member[], key: string): readonly Member[] | null {
  const member = members.find((one) => one.key === key);
  return member === undefined || line[member.valueStart] !== OPEN_BRACE ? null : scanMembers(line, member.valueStart, member.valueEnd);
}

function bytesAt(line: Buffer, members: readonly Member[], key: string): Buffer | null {
  const member = members.find((one) => one.key === key);
  return member === undefined || line[member.valueStart] !== OPEN_BRACE ? null : line.subarray(member.valueStart, member.valueEnd);
}

const OPEN_BRACE = 0x7b;

/** What an answer of a batch says of itself. */
function reportOf({ body, protocol }: NonNullable<ResultLine['answer']>): TapReport {
  const tap = createTap({ protocol, stream: false });
  tap.push(body);
  tap.end();
  return tap.report();
}

/** In whose words an answer is. Completions and moderations say what they used as chat completions do. */
function protocolOf(body: Buffer): TapProtocol {
  const members = scanMembers(body);
  if (memberValue(body, members, 'type') === 'message') return 'anthropic-messages';
  const object = memberValue(body, members, 'object');
  return object === 'response' ? 'openai-responses' : object === 'list' ? 'openai-embeddings' : 'openai-chat';
}

/** An id as a UUID of version 8 (RFC 9562): the same for the same parts, for ever. */
function idOf(parts: readonly string[]): string {
  const digest = hash('sha256', parts.join('\0'), 'hex');
  const variant = ((Number.parseInt(digest[16] as string, 16) & 3) | 8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

function nameOf(path: string): string {
  return path.startsWith('/v1/messages/') ? 'messages/batches' : 'batches';
}

function isBlank(line: Buffer): boolean {
  return line.length === 0 || (line.length === 1 && line[0] === 0x0d);
}
