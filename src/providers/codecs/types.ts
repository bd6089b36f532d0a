import type { Json, ModelEvent, ModelRequest } from '../../core/index.ts';
import type { SseFrame } from '../sse/index.ts';

/** A wire protocol that clients or upstreams speak. */
export type Protocol = 'openai-chat' | 'openai-responses' | 'anthropic-messages';

/** What clients speak: the same, and an endpoint that no upstream is asked at in our own words. */
export type ClientProtocol = Protocol | 'openai-completions';

export type JsonObject = { readonly [key: string]: Json | undefined };

/** Where an upstream departs from its protocol, as data of its vendor row. Absent members mean that it does not. */
export interface Quirks {
  /** Body members that it refuses; they are never sent (`seed`, `temperature`, `parallel_tool_calls` …). */
  readonly omit?: readonly string[];
  /** Chat: the name of the output limit. Default `max_tokens`, which all but the newest OpenAI models take. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** Chat: `stream_options` is refused, so a stream brings no usage unless the upstream volunteers it. */
  readonly noStreamOptions?: boolean;
  /** Chat and Responses: the role of a system message. Default `system`. */
  readonly systemRole?: 'system' | 'developer';
  /**
   * How to ask for JSON that fits a schema. `native` (default): the protocol's own member. `tool`: a forced tool whose
   * arguments are the answer. `instruction`: words in the system prompt (and chat's `json_object`).
   */
  readonly structuredOutput?: 'native' | 'tool' | 'instruction';
  /** Chat: thinking of earlier turns is sent back as `reasoning_content`. */
  readonly reasoningInHistory?: boolean;
  /** Log-probabilities are refused, so they are never asked for. */
  readonly noLogprobs?: boolean;
  /** Anthropic: `max_tokens` where the caller set none. Default 4096. */
  readonly defaultMaxTokens?: number;
}

/** To whom and how a request is written. */
export interface Target {
  /** The model's name at the upstream. */
  readonly model: string;
  readonly stream: boolean;
  readonly quirks?: Quirks;
}

/** What reading the answer must know of the request that was written. */
export interface Reading {
  /** Calls of this tool are the answer's text: it stands in for structured output. */
  readonly textTool?: string;
}

/** A request as it goes on the wire, but for the credential. `path` follows the base URL that the vendor's SDK takes. */
export interface WireRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  readonly reading: Reading;
}

/** Reads one streamed answer. Never throws: what cannot be read ends the answer with stop `cut` and a failure. */
export interface StreamReader {
  push(frame: SseFrame): ModelEvent[];
  /** The stream is over; without a proper end this gives `end` with stop `cut`. */
  finish(): ModelEvent[];
}

/** What kind of thing went wrong, in no vendor's words. */
export type ErrorKind =
  | 'invalid-request'
  | 'context-length'
  | 'authentication'
  | 'permission'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'rate-limit'
  | 'quota'
  | 'billing'
  | 'timeout'
  | 'overloaded'
  | 'server'
  | 'not-supported';

/** An upstream's error answer. `message` is word for word; it is '' when the body held none (an HTML page, nothing). */
export interface WireError {
  readonly status: number;
  readonly kind: ErrorKind;
  readonly type: string | null;
  readonly code: string | null;
  readonly param: string | null;
  readonly message: string;
  /** Trying the same request again can help. False for a spent quota. */
  readonly retryable: boolean;
}

/** An error to tell a client. What is absent is derived from the status; a `type` of another protocol is translated. */
export interface ErrorReport {
  readonly kind?: ErrorKind;
  readonly type?: string | null;
  readonly code?: string | null;
  readonly param?: string | null;
  readonly message: string;
  readonly requestId?: string;
}

/** A client's request, read. */
export interface ClientRequest {
  readonly protocol: ClientProtocol;
  readonly request: ModelRequest;
  readonly model: string;
  readonly stream: boolean;
  /** The client wants usage in its stream (always true where its protocol always sends it). */
  readonly includeUsage: boolean;
  /** What the client asked for; null hides log-probabilities that were asked for other reasons. */
  readonly logprobs: { readonly top: number } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly user: string | null;
  /** Paths that ask for what only this protocol has: a call that is translated must be refused naming them. */
  readonly untranslatable: readonly string[];
  /** The whole body as parsed. */
  readonly body: JsonObject;
}

/** What an answer to a client needs beside the events. */
export interface AnswerContext {
  /** Unique; ids on the wire are made from it. */
  readonly id: string;
  /** The model's name as the client asked for it. */
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Estimated prompt tokens, for protocols that report them before the upstream does. */
  readonly inputTokens: number;
  /** What was asked; null for an answer to no client, which then hides what must be asked for. */
  readonly client: ClientRequest | null;
}

/** Writes one streamed answer. Every method returns server-sent events as text, '' for none. Nothing follows an end or an error. */
export interface StreamWriter {
  push(event: ModelEvent): string;
  /** Closes the stream; without an `end` event before, it is closed as cut. */
  finish(): string;
  /** Ends the stream in an error, as this protocol tells it mid-stream. */
  error(report: ErrorReport, status?: number): string;
  /** Keeps a silent connection alive; clients ignore it. */
  ping(): string;
}

/** A wire protocol as pure functions: no fetch, no clock, no environment. This half faces upstreams, the other one clients. */
export interface Codec extends ClientCodec {
  readonly protocol: Protocol;
  writeRequest(request: ModelRequest, target: Target): WireRequest;
  /** Never throws: what is no answer gives `end` with stop `cut` and a failure. */
  readResponse(json: unknown, reading?: Reading): ModelEvent[];
  streamReader(reading?: Reading): StreamReader;
  readError(status: number, bodyText: string): WireError;
}

/** The half of a codec that faces clients. */
export interface ClientCodec {
  readonly protocol: ClientProtocol;
  /** Throws MalformedRequest for everything that is not a request of this protocol. */
  readRequest(body: Json): ClientRequest;
  /** The whole answer. Throws UPSTREAM_FAILED when the events were cut: half an answer is never given as a whole one. */
  writeResponse(events: Iterable<ModelEvent>, context: AnswerContext): JsonObject;
  streamWriter(context: AnswerContext): StreamWriter;
  writeError(status: number, report: ErrorReport): JsonObject;
}
