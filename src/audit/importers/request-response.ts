import { readAnswer } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type ImportedRow, type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import type { AuditSource } from '../types.ts';
import {
  between,
  dollarsOf,
  firstNumber,
  firstText,
  type JsonRecord,
  objectOf,
  shortError,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';
import { callOf } from './pairs.ts';

/** Anthropic's Messages API as people log it: {request, response} a line (times, ids and latencies beside them), or the Message alone. */
export const anthropicJsonl = logOf('anthropic-jsonl', 'Anthropic request/response JSONL', isAnthropic);

/** OpenAI's APIs as people log them: {request, response} a line, or the answer alone; also of servers that speak the same protocol. */
export const openaiJsonl = logOf('openai-jsonl', 'OpenAI request/response JSONL', isOpenAi);

interface Exchange {
  readonly request: unknown;
  readonly response: unknown;
  /** Where times and ids are beside the bodies; null where the row is the answer itself. */
  readonly around: JsonRecord | null;
}

function logOf(source: AuditSource, title: string, isOwn: (response: unknown, request: JsonRecord | null) => boolean): Importer {
  const own = (row: JsonRecord): Exchange | null => {
    const exchange = exchangeOf(row);
    return exchange !== null && isOwn(exchange.response, objectOf(exchange.request)) ? exchange : null;
  };
  return {
    source,
    title,
    matches: (row) => own(row) !== null,
    read(row) {
      const exchange = exchangeOf(row);
      return exchange === null ? skip('neither a request with its response nor an answer') : read(exchange);
    },
  };
}

const REQUESTS = ['request', 'request_body', 'params', 'req'];
const RESPONSES = ['response', 'response_body', 'message', 'res', 'completion', 'events', 'chunks'];

function exchangeOf(row: JsonRecord): Exchange | null {
  const requestName = REQUESTS.find((name) => unpackedObject(row[name]) !== null);
  const responseName = RESPONSES.find((name) => row[name] !== undefined && row[name] !== null);
  if (requestName !== undefined && (responseName !== undefined || 'error' in row)) {
    return { request: bodyOf(row[requestName]), response: responseName === undefined ? null : bodyOf(row[responseName]), around: row };
  }
  const isAnswer = row.type === 'message' || Array.isArray(row.choices) || row.object === 'response';
  return isAnswer ? { request: null, response: row, around: null } : null;
}

/** Some keep the whole HTTP message: then the body is inside. */
function bodyOf(value: unknown): unknown {
  const whole = unpacked(value);
  const body = objectOf(whole)?.body;
  return body === undefined ? whole : unpacked(body);
}

function isAnthropic(response: unknown, request: JsonRecord | null): boolean {
  const answer = objectOf(response);
  if (answer?.type === 'message' || answer?.type === 'error') return true;
  const first = Array.isArray(response) ? objectOf(response[0]) : null;
  if (first?.type === 'message_start' || (typeof response === 'string' && response.includes('message_start'))) return true;
  return (firstText(request, 'model') ?? '').startsWith('claude') && answer?.choices === undefined;
}

function isOpenAi(response: unknown, request: JsonRecord | null): boolean {
  const answer = objectOf(response);
  if (answer !== null && (Array.isArray(answer.choices) || answer.object === 'response' || Array.isArray(answer.output))) return true;
  const first = Array.isArray(response) ? objectOf(response[0]) : null;
  if (first?.object === 'chat.completion.chunk' || (typeof response === 'string' && response.includes('chat.completion.chunk')))
    return true;
  return request !== null && typeof request.model === 'string' && (Array.isArray(request.messages) || request.input !== undefined);
}

function read({ request: body, response, around }: Exchange): ImportedRow {
  const request = readRequest(body);
  const answer = readAnswer(response);
  const status = firstNumber(around, 'status_code', 'status', 'statusCode');
  const error = answer.error ?? shortError(around?.error) ?? (status !== null && status >= 400 ? `HTTP ${status}` : null);
  const start = timeOf(around?.started_at ?? around?.start_time ?? around?.startTime ?? around?.request_time);
  const end = timeOf(around?.ended_at ?? around?.end_time ?? around?.endTime ?? around?.response_time);
  const at = start ?? timeOf(around?.timestamp ?? around?.created_at ?? around?.time ?? around?.ts ?? around?.at) ?? answer.at ?? end;
  return {
    kind: 'call',
    draft: {
      ...callOf(request, answer),
      callId: firstText(around, 'request_id', 'requestId', '_request_id', 'id') ?? answer.id,
      identity: answer.id ?? firstText(around, 'request_id', 'requestId'),
      at,
      // One log may hold both vendors; servers that speak OpenAI's protocol are told by the model's name.
      provider: firstText(around, 'provider') ?? (isAnthropic(response, objectOf(body)) ? 'anthropic' : null),
      endpoint: firstText(around, 'endpoint', 'path', 'url'),
      reportedCost: dollarsOf(around?.cost ?? around?.cost_usd),
      latencyMs: firstNumber(around, 'latency_ms', 'duration_ms', 'latencyMs') ?? between(start, end),
      firstTokenMs: firstNumber(around, 'first_token_ms', 'ttft_ms', 'time_to_first_token_ms'),
      status: error === null ? 'ok' : 'error',
      error,
      hints: hintsOf(around, objectOf(around?.metadata), around?.tags, request.metadata),
      conversation: firstText(around, 'conversation_id', 'session_id', 'thread_id', 'trace_id'),
      key: firstText(around, 'api_key', 'api_key_name', 'key') ?? request.endUser,
      team: firstText(around, 'team', 'team_id'),
    },
  };
}
