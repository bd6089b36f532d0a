import type { Json } from './json.ts';

/** Members that only one wire protocol knows (cache_control, name, top_k …): written back to that protocol, left out of any other. */
export interface Extras {
  readonly protocol: string;
  readonly members: { readonly [key: string]: Json | undefined };
}

/**
 * One piece of a message. `opaque` carries a whole part that only its own protocol understands, untouched.
 * A thinking signature is worth something only to the protocol that issued it, which `protocol` names.
 */
export type Part =
  | { readonly type: 'text'; readonly text: string; readonly extras?: Extras }
  | { readonly type: 'image'; readonly mediaType: string; readonly source: ImageSource; readonly extras?: Extras }
  /** A PDF within the request, in base64. */
  | { readonly type: 'pdf'; readonly name: string | null; readonly data: string; readonly extras?: Extras }
  | { readonly type: 'tool-call'; readonly id: string; readonly name: string; readonly arguments: string; readonly extras?: Extras }
  | {
      readonly type: 'tool-result';
      readonly id: string;
      readonly content: readonly Part[];
      readonly isError: boolean;
      readonly extras?: Extras;
    }
  | {
      readonly type: 'thinking';
      readonly text: string;
      readonly signature: string | null;
      readonly protocol?: string;
      readonly extras?: Extras;
    }
  | { readonly type: 'refusal'; readonly text: string; readonly extras?: Extras }
  | { readonly type: 'opaque'; readonly protocol: string; readonly value: Json };

export type ImageSource = { readonly kind: 'url'; readonly url: string } | { readonly kind: 'base64'; readonly data: string };

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly Part[];
  readonly extras?: Extras;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string | null;
  /** JSON Schema of the arguments. */
  readonly parameters: Json;
  /** Arguments must fit the schema exactly, where the provider can promise that. */
  readonly strict?: boolean;
  readonly extras?: Extras;
}

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** What the answer must look like: free text, any JSON, or JSON that fits a schema. */
export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | { readonly type: 'json-schema'; readonly name: string; readonly schema: Json; readonly strict: boolean };

/** A request to a model in our own words: what a codec writes to the wire and reads from it. */
export interface ModelRequest {
  readonly messages: readonly Message[];
  readonly tools?: readonly ToolDefinition[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly responseFormat?: ResponseFormat;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  /** Ask for token log-probabilities, with this many alternatives per position. */
  readonly logprobs?: { readonly top: number };
  /** How hard a reasoning model should think, in the provider's own word (`low`, `medium`, `high` …). */
  readonly reasoningEffort?: string;
  /** The caller's opaque id of its own end user, for the provider's abuse detection. */
  readonly endUser?: string;
  readonly extras?: Extras;
}

/** A message that holds only text. */
export function textMessage(role: Message['role'], text: string): Message {
  return { role, content: [{ type: 'text', text }] };
}

/** The text parts of a message, joined. */
export function textOf(message: Message): string {
  let text = '';
  for (const part of message.content) if (part.type === 'text') text += part.text;
  return text;
}
