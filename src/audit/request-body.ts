import type { Json } from '../core/index.ts';
import type { RequestFacts } from './import-types.ts';
import { firstNumber, firstText, type JsonRecord, jsonOf, listOf, objectOf, textOf } from './values.ts';

const NO_REQUEST: RequestFacts = {
  model: null,
  system: null,
  userTexts: [],
  tools: [],
  responseFormat: null,
  params: { temperature: null, maxTokens: null },
  metadata: null,
  endUser: null,
};

/**
 * Reads a request's body whatever its protocol: chat completions, Responses, Messages, legacy completions, embeddings, Gemini's
 * `contents`. What is not there is null or empty.
 */
export function readRequest(body: unknown): RequestFacts {
  const request = objectOf(body);
  if (request === null) return NO_REQUEST;
  const said = readMessages(messagesOf(request));
  const instruction = flatText(request.system ?? request.instructions ?? partsOf(request.systemInstruction ?? request.system_instruction));
  const config = objectOf(request.generationConfig) ?? objectOf(request.inferenceConfig);
  return {
    model: textOf(request.model),
    system: joined(instruction, said.system),
    userTexts: said.userTexts,
    tools: toolNames(request.tools ?? request.functions),
    responseFormat: formatOf(request),
    params: {
      temperature: firstNumber(request, 'temperature') ?? firstNumber(config, 'temperature'),
      maxTokens:
        firstNumber(request, 'max_completion_tokens', 'max_output_tokens', 'max_tokens') ??
        firstNumber(config, 'maxOutputTokens', 'maxTokens'),
    },
    metadata: objectOf(request.metadata),
    endUser: firstText(request, 'safety_identifier', 'user') ?? firstText(objectOf(request.metadata), 'user_id'),
  };
}

/** System text and the texts of the user, out of messages of any protocol (`content` as text or parts, OTel's `parts`). */
export function readMessages(messages: readonly unknown[]): { readonly system: string | null; readonly userTexts: readonly string[] } {
  let system: string | null = null;
  const userTexts: string[] = [];
  for (const item of messages) {
    if (typeof item === 'string') {
      userTexts.push(item);
      continue;
    }
    const message = objectOf(item);
    if (message === null) continue;
    const role = textOf(message.role) ?? 'user';
    const isSystem = role === 'system' || role === 'developer';
    if (!isSystem && role !== 'user' && role !== 'human') continue;
    const text = flatText(message.content ?? message.parts ?? message.text);
    if (text === null) continue;
    if (isSystem) system = joined(system, text);
    else userTexts.push(text);
  }
  return { system, userTexts };
}

/** The text of a message's content: a text, or the text parts of a list, joined; null where there is none. */
export function flatText(content: unknown): string | null {
  if (typeof content === 'string') return content === '' ? null : content;
  if (!Array.isArray(content)) {
    const part = objectOf(content);
    return part === null ? null : firstText(part, 'text', 'content');
  }
  let text: string | null = null;
  for (const item of content) {
    if (typeof item === 'string') {
      text = joined(text, item);
      continue;
    }
    const part = objectOf(item);
    if (part === null || part.type === 'tool_result' || part.type === 'thinking' || part.type === 'reasoning') continue;
    text = joined(text, textOf(part.text) ?? textOf(part.content) ?? null);
  }
  return text;
}

/** Names of declared tools, as any protocol writes them. */
export function toolNames(value: unknown): readonly string[] {
  const names: string[] = [];
  for (const item of listOf(value)) {
    const tool = objectOf(item);
    if (tool === null) continue;
    const name = firstText(objectOf(tool.function), 'name') ?? firstText(tool, 'name', 'type');
    if (name !== null) names.push(name);
    for (const declared of listOf(tool.functionDeclarations ?? tool.function_declarations)) {
      const own = firstText(objectOf(declared), 'name');
      if (own !== null) names.push(own);
    }
  }
  return names;
}

function messagesOf(request: JsonRecord): readonly unknown[] {
  if (Array.isArray(request.messages)) return request.messages;
  if (Array.isArray(request.contents)) return request.contents;
  const { input, prompt } = request;
  if (typeof input === 'string') return [input];
  if (Array.isArray(input)) return input;
  if (typeof prompt === 'string') return [prompt];
  return Array.isArray(prompt) ? prompt : [];
}

function partsOf(value: unknown): unknown {
  return objectOf(value)?.parts ?? value;
}

function formatOf(request: JsonRecord): Json {
  const format = request.response_format ?? objectOf(request.text)?.format ?? request.output_format ?? request.output_config;
  if (format !== undefined) return jsonOf(format);
  const config = objectOf(request.generationConfig);
  return jsonOf(config?.responseSchema ?? config?.responseJsonSchema);
}

function joined(first: string | null, second: string | null): string | null {
  if (first === null) return second;
  return second === null ? first : `${first}\n${second}`;
}
