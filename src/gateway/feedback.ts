import { SmallfirstError } from '../core/index.ts';
import { answerJson } from './answer.ts';
import type { Exchange } from './exchange.ts';
import type { GatewayDeps } from './types.ts';

const MAX_ID = 200;
const MAX_LABEL = 1_000;
const MAX_COMMENT = 10_000;

/** `POST /v1/feedback {requestId, label | score | comment}`: what became of an answer. Throws REQUEST_INVALID. */
export function takeFeedback(exchange: Exchange, deps: GatewayDeps): void {
  const body = parse(exchange.body);
  const requestId = text(body, 'requestId', MAX_ID);
  const label = text(body, 'label', MAX_LABEL);
  const comment = text(body, 'comment', MAX_COMMENT);
  const score = number(body, 'score');
  if (requestId === null) throw invalid('"requestId" is missing; it is the x-smallfirst-request-id of the answer.');
  if (label === null && score === null && comment === null) throw invalid('At least one of "label", "score" and "comment" is needed.');
  const feedback = { id: deps.newId(), requestId, at: exchange.at, key: exchange.caller.key, label, score, comment };
  if (!deps.recorder.feedback(feedback)) throw new SmallfirstError('STORE_UNAVAILABLE', 'The feedback could not be recorded.');
  answerJson(exchange, 201, { id: feedback.id });
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('The body is not a JSON object.');
  return value as Record<string, unknown>;
}

function text(body: Readonly<Record<string, unknown>>, key: string, max: number): string | null {
  const value = Object.hasOwn(body, key) ? body[key] : null;
  if (value === null || value === undefined) return null;
  if (typeof value !== 'string' || value === '' || value.length > max) throw invalid(`"${key}" must be a text of 1 to ${max} characters.`);
  return value;
}

function number(body: Readonly<Record<string, unknown>>, key: string): number | null {
  const value = Object.hasOwn(body, key) ? body[key] : null;
  if (value === null || value === undefined) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`"${key}" must be a number.`);
  return value;
}

function invalid(message: string): SmallfirstError {
  return new SmallfirstError('REQUEST_INVALID', message);
}
