import type { Json } from '../core/index.ts';
import {
  firstElement,
  JsonShapeError,
  lastMember,
  type Member,
  memberValue,
  nextElement,
  scanObject,
  type TapProtocol,
} from '../providers/index.ts';
import { ByteCache, type ByteSpan, type Fingerprint, fingerprintOf } from '../templates/index.ts';

/** Of a system prompt, bytes that are read at most: no more than is masked, however it is written. */
const MAX_SYSTEM_BYTES = 128 * 1024;
const MAX_LEADING_BYTES = 2_048;
const MAX_LEADS = 2_000;

/** A request's body as far as its template is concerned. */
export interface TemplateSource {
  readonly body: Buffer;
  readonly members: readonly Member[];
  /** How the body is to be read; null and embeddings have no template. */
  readonly protocol: TapProtocol | null;
}

/** What stands in a body: where the prompt's constant part is, and what shapes the answer. */
interface Parts {
  /** Values that hold system text. */
  readonly system: readonly ByteSpan[];
  /** Value of the first user message's content; null when there is none. */
  readonly user: ByteSpan | null;
  /** Tools and response format. */
  readonly shape: readonly ByteSpan[];
}

interface Shape {
  readonly id: number;
  readonly tools: readonly string[];
  readonly responseFormat: Json;
}

const FORMATS: Readonly<Partial<Record<TapProtocol, readonly string[]>>> = {
  'openai-chat': ['response_format'],
  'openai-responses': ['text'],
  'anthropic-messages': ['output_format', 'output_config'],
};

/**
 * Finds the template of a request without parsing its body: a prompt that was seen before is recognised by its bytes. What cannot be
 * read has no fingerprint; it is for the upstream to say what is wrong with it.
 */
export class TemplateReader {
  readonly #templates = new ByteCache<Fingerprint>();
  readonly #shapes = new ByteCache<Shape>({ maxBytes: 4 * 1024 * 1024 });
  readonly #leads = new Map<string, Fingerprint>();
  #shapeCount = 0;

  /** Null where a request has no prompt, or none that can be read. */
  read(source: TemplateSource): Fingerprint | null {
    try {
      const parts = partsOf(source);
      if (parts === null) return null;
      if (parts.system.length > 0) {
        const spans = parts.shape.length === 0 ? parts.system : [...parts.system, ...parts.shape];
        return this.#templates.get(source.body, spans, () => {
          const { tools, responseFormat } = shapeOf(source, 0);
          const system = parts.system.map((span) => textOf(source.body, span, MAX_SYSTEM_BYTES)).join('\n');
          return fingerprintOf({ system, user: null, tools, responseFormat });
        });
      }
      return this.#byLead(source, parts);
    } catch (error) {
      if (error instanceof JsonShapeError || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  #byLead(source: TemplateSource, parts: Parts): Fingerprint {
    const shape = this.#shapes.get(source.body, parts.shape, () => shapeOf(source, ++this.#shapeCount));
    const user = parts.user === null ? '' : textOf(source.body, parts.user, MAX_LEADING_BYTES);
    const key = `${shape.id} ${user.slice(0, 200)}`;
    const known = this.#leads.get(key);
    if (known !== undefined) return known;
    const { tools, responseFormat } = shape;
    const made = fingerprintOf({ system: null, user, tools, responseFormat });
    // Questions that are asked once push each other out, and cost nothing but the masking of a line.
    if (this.#leads.size >= MAX_LEADS) this.#leads.clear();
    this.#leads.set(key, made);
    return made;
  }
}

function partsOf({ body, members, protocol }: TemplateSource): Parts | null {
  switch (protocol) {
    case 'openai-chat': {
      const said = fromMessages(body, lastMember(members, 'messages'));
      return { user: said.user, system: said.system, shape: shapeSpans(members, protocol) };
    }
    case 'openai-responses': {
      const input = lastMember(members, 'input');
      const said = input !== undefined && body[input.valueStart] === 0x22 ? { system: [], user: spanOf(input) } : fromMessages(body, input);
      return { ...said, system: [...textMember(members, 'instructions'), ...said.system], shape: shapeSpans(members, protocol) };
    }
    case 'anthropic-messages': {
      const said = fromMessages(body, lastMember(members, 'messages'));
      return { user: said.user, system: textMember(members, 'system'), shape: shapeSpans(members, protocol) };
    }
    case 'openai-completions': {
      const prompt = lastMember(members, 'prompt');
      return { system: [], user: prompt === undefined ? null : spanOf(prompt), shape: [] };
    }
    default:
      return null;
  }
}

/** The leading system messages of a list, and the first message that is another's. */
function fromMessages(body: Buffer, list: Member | undefined): Pick<Parts, 'system' | 'user'> {
  const system: ByteSpan[] = [];
  if (list === undefined || body[list.valueStart] !== 0x5b) return { system, user: null };
  const end = list.valueEnd;
  for (let at = firstElement(body, list.valueStart, end); at !== -1; ) {
    const members: Member[] = [];
    at = nextElement(body, scanObject(body, at, end, members), end);
    const role = lastMember(members, 'role');
    const content = lastMember(members, 'content');
    if (content === undefined) continue;
    if (!reads(body, role, 'system') && !reads(body, role, 'developer'))
      return { system, user: reads(body, role, 'user') ? spanOf(content) : null };
    system.push(spanOf(content));
  }
  return { system, user: null };
}

/** Whether a member holds this text, as written: a role in escapes is one that no client writes. */
function reads(body: Buffer, member: Member | undefined, text: string): boolean {
  if (member === undefined || member.valueEnd - member.valueStart !== text.length + 2) return false;
  for (let i = 0; i < text.length; i += 1) if (body[member.valueStart + 1 + i] !== text.charCodeAt(i)) return false;
  return true;
}

function shapeSpans(members: readonly Member[], protocol: TapProtocol): readonly ByteSpan[] {
  const spans = textMember(members, 'tools');
  for (const name of FORMATS[protocol] ?? []) {
    const member = lastMember(members, name);
    if (member !== undefined) spans.push(spanOf(member));
  }
  return spans;
}

function textMember(members: readonly Member[], key: string): ByteSpan[] {
  const member = lastMember(members, key);
  return member === undefined ? [] : [spanOf(member)];
}

function spanOf(member: Member): ByteSpan {
  return { start: member.valueStart, end: member.valueEnd };
}

function shapeOf({ body, members, protocol }: TemplateSource, id: number): Shape {
  const tools = memberValue(body, members, 'tools');
  const formats = (protocol === null ? [] : (FORMATS[protocol] ?? [])).map((name) => memberValue(body, members, name) ?? null);
  return {
    id,
    tools: Array.isArray(tools) ? tools.map(toolName) : [],
    responseFormat: formats.every((format) => format === null) ? null : (formats as Json),
  };
}

/** Chat wraps a tool in `function`; a tool without a name is known by its type. */
function toolName(tool: unknown): string {
  if (typeof tool !== 'object' || tool === null) return '';
  const fields = tool as { readonly name?: unknown; readonly type?: unknown; readonly function?: { readonly name?: unknown } | null };
  const name = fields.name ?? fields.function?.name ?? fields.type;
  return typeof name === 'string' ? name : '';
}

/** The text of a content value: a string, or the text of its parts. Reads about `limit` bytes at most. */
function textOf(body: Buffer, { start, end }: ByteSpan, limit: number): string {
  if (body[start] === 0x22) return stringStart(body, start, end, limit);
  if (body[start] !== 0x5b) return '';
  let text = '';
  for (let at = firstElement(body, start, end); at !== -1; ) {
    const members: Member[] = [];
    at = nextElement(body, scanObject(body, at, end, members), end);
    const part = lastMember(members, 'text');
    if (part === undefined || body[part.valueStart] !== 0x22) continue;
    text += `${text === '' ? '' : '\n'}${stringStart(body, part.valueStart, part.valueEnd, limit - text.length)}`;
    if (text.length >= limit) break;
  }
  return text;
}

/** The beginning of a JSON string, decoded; cut where neither an escape nor a character is split. */
function stringStart(body: Buffer, start: number, end: number, limit: number): string {
  if (end - start <= limit + 2) return JSON.parse(body.toString('utf8', start, end)) as string;
  let cut = start + 1 + Math.max(0, limit);
  // An escape is at most six bytes long, and surrogates come in two of them.
  for (let at = cut - 1; at > cut - 13 && at > start; at -= 1) if (body[at] === 0x5c) cut = at;
  while (cut > start + 1 && ((body[cut] as number) & 0xc0) === 0x80) cut -= 1;
  while (cut > start + 1 && body[cut - 1] === 0x5c) cut -= 1;
  return JSON.parse(`${body.toString('utf8', start, cut)}"`) as string;
}
