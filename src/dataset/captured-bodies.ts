import type { Message, ModelEvent } from '../core/index.ts';
import { codecs, type JsonObject, MalformedRequest, type Protocol, parseBody, SseParser } from '../providers/index.ts';
import type { ChatMessage } from './types.ts';

/** The messages of a captured request body; null where it is none that text says whole (tools, pictures, other endpoints). */
export function messagesOfBody(body: string): readonly ChatMessage[] | null {
  const json = objectOf(body);
  if (json === null) return null;
  const likely: Protocol = 'input' in json ? 'openai-responses' : 'system' in json ? 'anthropic-messages' : 'openai-chat';
  for (const protocol of [likely, 'openai-chat', 'anthropic-messages'] as const) {
    try {
      const { request } = codecs[protocol].readRequest(parseBody(Buffer.from(body)));
      return request.tools === undefined || request.tools.length === 0 ? textMessages(request.messages) : null;
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error;
    }
  }
  return null;
}

/** The text of a captured answer: of a whole answer or a stream of any protocol, or the text itself. Null where it was cut, refused or called tools. */
export function textOfAnswer(body: string): string | null {
  if (/^(?:event|data|:)/.test(body)) return textOfStream(body);
  const json = objectOf(body);
  if (json === null) return body;
  if ('toolCalls' in json && 'refusal' in json)
    return json.refusal === null && isEmpty(json.toolCalls) && typeof json.text === 'string' ? json.text : null;
  const protocol = protocolOfAnswer(json);
  return protocol === null ? body : textOfEvents(codecs[protocol].readResponse(json));
}

function textMessages(messages: readonly Message[]): readonly ChatMessage[] | null {
  const texts: ChatMessage[] = [];
  for (const { role, content } of messages) {
    let text = '';
    for (const part of content) {
      if (part.type === 'text') text += part.text;
      else if (part.type !== 'thinking') return null;
    }
    texts.push({ role, content: text });
  }
  return texts.some(({ role }) => role === 'user') ? texts : null;
}

function objectOf(body: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function protocolOfAnswer(json: JsonObject): Protocol | null {
  if (Array.isArray(json.choices)) return 'openai-chat';
  if (json.object === 'response' && Array.isArray(json.output)) return 'openai-responses';
  return json.type === 'message' && Array.isArray(json.content) ? 'anthropic-messages' : null;
}

function textOfStream(body: string): string | null {
  const protocol: Protocol = body.includes('chat.completion.chunk')
    ? 'openai-chat'
    : body.includes('message_start')
      ? 'anthropic-messages'
      : 'openai-responses';
  const reader = codecs[protocol].streamReader();
  const parser = new SseParser();
  const events: ModelEvent[] = [];
  for (const frame of parser.push(Buffer.from(body))) events.push(...reader.push(frame));
  events.push(...reader.finish());
  return textOfEvents(events);
}

function textOfEvents(events: readonly ModelEvent[]): string | null {
  let text = '';
  for (const event of events) {
    if (event.type === 'text') text += event.text;
    else if (event.type === 'tool-call' || event.type === 'refusal') return null;
    else if (event.type === 'end' && event.stop !== 'done' && event.stop !== 'stop-sequence') return null;
  }
  return text;
}
