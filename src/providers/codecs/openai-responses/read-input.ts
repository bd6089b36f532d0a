import type { Json, Message, Part } from '../../../core/index.ts';
import { readImageUrl } from '../image-url.ts';
import { readPdfFile } from '../pdf-file.ts';
import { asList, asObject, asString, extrasOf, isList, isObject, MalformedRequest, optionalString } from '../shape.ts';
import { bindShown } from '../shown.ts';
import { unwrapSignature } from '../signatures.ts';
import type { JsonObject } from '../types.ts';

const PROTOCOL = 'openai-responses';

const textMembers = new Set(['type', 'text', 'annotations', 'logprobs']);
const imageMembers = new Set(['type', 'image_url']);
const fileMembers = new Set(['type', 'filename', 'file_data', 'file_id', 'file_url']);

/** Reads input items. What the assistant did between two turns of the user is one message; so are results that follow each other. */
export function readInput(items: readonly Json[], bound: string[]): Message[] {
  const messages: { role: Message['role']; content: Part[]; extras?: NonNullable<Message['extras']> }[] = [];
  let joins: 'assistant' | 'results' | null = null;
  const add = (kind: 'assistant' | 'results', parts: readonly Part[]): void => {
    const last = messages.at(-1);
    if (joins === kind && last !== undefined) last.content.push(...parts);
    else messages.push({ role: kind === 'assistant' ? 'assistant' : 'user', content: [...parts] });
    joins = kind;
  };
  for (const [i, value] of items.entries()) {
    const path = `input[${i}]`;
    const item = asObject(value, path);
    const type = item.type === undefined || item.type === null ? 'message' : asString(item.type, `${path}.type`);
    if (type === 'message') {
      const message = readMessage(item, path, bound);
      if (message.role === 'assistant') add('assistant', message.content);
      else {
        messages.push({ ...message, content: [...message.content] });
        joins = null;
      }
    } else if (type === 'function_call_output') add('results', [readOutput(item, path, bound)]);
    else add('assistant', [readAssistantItem(item, type, path, bound)]);
  }
  return messages;
}

function readMessage(item: JsonObject, path: string, bound: string[]): Message {
  const role = asString(item.role, `${path}.role`);
  const content = readContent(item.content, `${path}.content`, bound);
  bindShown(role, content, `${path}.content`, bound);
  switch (role) {
    case 'developer':
      return { role: 'system', content, extras: { protocol: PROTOCOL, members: { role } } };
    case 'system':
    case 'user':
    case 'assistant':
      return { role, content };
    default:
      throw new MalformedRequest(`${path}.role`, `${path}.role must be user, assistant, system or developer.`);
  }
}

function readAssistantItem(item: JsonObject, type: string, path: string, bound: string[]): Part {
  switch (type) {
    case 'function_call':
      return {
        type: 'tool-call',
        id: asString(item.call_id, `${path}.call_id`),
        name: asString(item.name, `${path}.name`),
        arguments: optionalString(item, 'arguments', path) ?? '',
      };
    case 'reasoning': {
      const signed = optionalString(item, 'encrypted_content', path);
      const id = optionalString(item, 'id', path);
      return {
        type: 'thinking',
        text: reasoningText(item),
        ...(signed === undefined ? { signature: null } : unwrapSignature(signed, PROTOCOL)),
        ...(id === undefined ? {} : { extras: { protocol: PROTOCOL, members: { id } } }),
      };
    }
    default:
      bound.push(path);
      return { type: 'opaque', protocol: PROTOCOL, value: item };
  }
}

/** What a reasoning item says in words: its summary, else its content. */
export function reasoningText(item: JsonObject): string {
  const from = isList(item.summary) && item.summary.length > 0 ? item.summary : isList(item.content) ? item.content : [];
  return from.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('\n\n');
}

function readOutput(item: JsonObject, path: string, bound: string[]): Part {
  const id = asString(item.call_id, `${path}.call_id`);
  return { type: 'tool-result', id, content: readContent(item.output, `${path}.output`, bound), isError: false };
}

function readContent(content: unknown, path: string, bound: string[]): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!isList(content)) throw new MalformedRequest(path, `${path} must be a string or an array of content parts.`);
  return asList(content, path).map((value, i) => readPart(asObject(value, `${path}[${i}]`), `${path}[${i}]`, bound));
}

function readPart(part: JsonObject, path: string, bound: string[]): Part {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: asString(part.text, `${path}.text`), ...extrasOf(PROTOCOL, part, textMembers) };
    case 'refusal':
      return { type: 'refusal', text: asString(part.refusal, `${path}.refusal`) };
    case 'input_image':
      if (typeof part.image_url === 'string') {
        // `auto` is what no detail means.
        const { detail, ...rest } = part;
        return { ...readImageUrl(part.image_url), ...extrasOf(PROTOCOL, detail === 'auto' ? rest : part, imageMembers) };
      }
      break;
    case 'input_file': {
      const pdf = readPdfFile(part);
      if (pdf !== null) return { ...pdf, ...extrasOf(PROTOCOL, part, fileMembers) };
      break;
    }
    default:
      asString(part.type, `${path}.type`);
  }
  bound.push(path);
  return { type: 'opaque', protocol: PROTOCOL, value: part };
}
