import { readFileSync } from 'node:fs';
import type { ModelEvent } from '../../src/core/index.ts';
import {
  type AnswerContext,
  type ClientRequest,
  type Codec,
  codecs,
  type Protocol,
  type StreamReader,
} from '../../src/providers/codecs/index.ts';
import { type SseFrame, SseParser } from '../../src/providers/sse/index.ts';

const folder = new URL('../fixtures/wire/', import.meta.url);

/** The bytes of a recorded body. */
export function recorded(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}

/** A recorded JSON body. */
export function recordedJson(name: string): unknown {
  return JSON.parse(recorded(name).toString());
}

/** The frames of a stream whose bytes arrive in pieces ending at `cuts` (taken modulo the length). */
export function framesOf(bytes: Uint8Array, cuts: readonly number[] = []): SseFrame[] {
  const parser = new SseParser();
  const frames: SseFrame[] = [];
  let from = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    frames.push(...parser.push(bytes.slice(from, cut)));
    from = cut;
  }
  return [...frames, ...parser.end()];
}

/** What a reader makes of a stream's bytes. */
export function readStream(reader: StreamReader, bytes: Uint8Array, cuts: readonly number[] = []): ModelEvent[] {
  return [...framesOf(bytes, cuts).flatMap((frame) => reader.push(frame)), ...reader.finish()];
}

/** What a client's stream looks like for these events. */
export function writtenStream(codec: Codec, events: readonly ModelEvent[], context: AnswerContext): string {
  const writer = codec.streamWriter(context);
  return events.map((event) => writer.push(event)).join('') + writer.finish();
}

/** A context as the gateway makes it, for a client that asked for whatever `client` says. */
export function contextFor(client: ClientRequest | null = null): AnswerContext {
  return { id: 'a1', model: 'asked-model', created: 1_790_000_000, inputTokens: 77, client };
}

/** A client that asks for everything that its protocol can show. */
export function askingClient(protocol: Protocol, more: Record<string, unknown> = {}): ClientRequest {
  const bodies: Record<Protocol, Record<string, unknown>> = {
    'openai-chat': {
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      top_logprobs: 5,
    },
    'openai-responses': {
      input: 'hi',
      stream: true,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 5,
    },
    'anthropic-messages': { messages: [{ role: 'user', content: 'hi' }], max_tokens: 100, stream: true },
  };
  return codecs[protocol].readRequest({ model: 'asked-model', ...bodies[protocol], ...more } as never);
}

/** Joins neighbours that say one thing, so that answers can be compared however they were cut into events. */
export function merged(events: readonly ModelEvent[]): ModelEvent[] {
  const result: ModelEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type === 'text' && last?.type === 'text') {
      const logprobs = [...(last.logprobs ?? []), ...(event.logprobs ?? [])];
      result[result.length - 1] = { type: 'text', text: last.text + event.text, ...(logprobs.length > 0 ? { logprobs } : {}) };
    } else if (event.type === 'refusal' && last?.type === 'refusal') {
      result[result.length - 1] = { type: 'refusal', text: last.text + event.text };
    } else if (event.type === 'thinking' && last?.type === 'thinking' && last.signature === null) {
      const protocol = event.protocol ?? last.protocol;
      const text = last.text + event.text;
      result[result.length - 1] = { type: 'thinking', text, signature: event.signature, ...(protocol === undefined ? {} : { protocol }) };
    } else if (event.type === 'tool-call' && last?.type === 'tool-call' && last.index === event.index) {
      const id = last.id ?? event.id;
      result[result.length - 1] = { ...last, id, name: last.name ?? event.name, arguments: last.arguments + event.arguments };
    } else result.push(event);
  }
  return result;
}
