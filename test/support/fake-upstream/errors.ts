import { textIn } from './reading.ts';
import type { Body, Reply } from './types.ts';

/** Which of the two families of bodies a path speaks. */
export type Family = 'openai' | 'anthropic';

/** An error in the envelope of a family. */
export function errorBody(
  family: Family,
  error: { readonly type: string; readonly message: string; readonly code?: string; readonly param?: string },
): string {
  if (family === 'anthropic') {
    return JSON.stringify({ type: 'error', error: { type: error.type, message: error.message }, request_id: 'req_fake_error' });
  }
  return JSON.stringify({ error: { message: error.message, type: error.type, param: error.param ?? null, code: error.code ?? null } });
}

/** Refusals that a request itself earns: an unknown model, a temperature that cannot be, a prompt that is too long. Null for a good request. */
export function refusalOf(family: Family, body: Body): { readonly status: number; readonly body: string } | null {
  if (String(body.model).startsWith('missing')) {
    const message =
      family === 'anthropic'
        ? `model: ${textIn(body.model)}`
        : `The model '${textIn(body.model)}' does not exist or you do not have access to it.`;
    const error =
      family === 'anthropic'
        ? { type: 'not_found_error', message }
        : { type: 'invalid_request_error', message, code: 'model_not_found', param: 'model' };
    return { status: 404, body: errorBody(family, error) };
  }
  if (Number(body.temperature ?? 0) > 2) {
    const message =
      family === 'anthropic' ? 'temperature: range: 0..1' : "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.";
    return {
      status: 400,
      body: errorBody(family, { type: 'invalid_request_error', message, code: 'decimal_above_max_value', param: 'temperature' }),
    };
  }
  if (JSON.stringify(body.messages ?? body.input ?? '').includes('TOO LONG')) {
    const message =
      family === 'anthropic'
        ? 'prompt is too long: 233153 tokens > 200000 maximum'
        : "This model's maximum context length is 128000 tokens. However, your messages resulted in 233153 tokens.";
    return {
      status: 400,
      body: errorBody(family, { type: 'invalid_request_error', message, code: 'context_length_exceeded', param: 'messages' }),
    };
  }
  return null;
}

/** A reply that is an error. */
export function errorReply(family: Family, status: number, text: string): Reply {
  const id: Record<string, string> = family === 'anthropic' ? { 'request-id': 'req_fake_error' } : { 'x-request-id': 'req_fake_error' };
  return { status, headers: id, body: { json: JSON.parse(text) } };
}
