import { mergeStreamedUsage, serviceTierOf, usageFromAnthropic, usageFromOpenAiChat, usageFromOpenAiResponses } from '../pricing/index.ts';
import { type AnswerFacts, type Counted, NOT_COUNTED } from './import-types.ts';
import { flatText } from './request-body.ts';
import { firstText, type JsonRecord, listOf, objectOf, shortError, textOf, timeOf } from './values.ts';

/** Nothing known about an answer. */
export const NO_ANSWER: AnswerFacts = {
  id: null,
  at: null,
  servedModel: null,
  serviceTier: 'default',
  output: null,
  toolCalls: [],
  finish: null,
  error: null,
  ...NOT_COUNTED,
};

/**
 * Reads an answer's body whatever its protocol: chat completion, Responses, Message, legacy completion, embeddings, an error; whole,
 * or as a recorded stream (a list of its events, or its text with `data:` lines). Counts of a stream are cumulative: the largest stands.
 */
export function readAnswer(body: unknown): AnswerFacts {
  if (typeof body === 'string') {
    const events = eventsOf(body);
    return events === null ? { ...NO_ANSWER, output: textOf(body) } : readStream(events);
  }
  if (Array.isArray(body)) return readStream(body);
  const answer = objectOf(body);
  if (answer === null) return NO_ANSWER;
  if (answer.type === 'message' && Array.isArray(answer.content)) return message(answer);
  if (answer.object === 'response' || (Array.isArray(answer.output) && answer.choices === undefined)) return response(answer);
  if (Array.isArray(answer.choices)) return completion(answer);
  const error = answer.error ?? (answer.type === 'error' ? answer : undefined);
  return { ...NO_ANSWER, ...identityOf(answer), ...countedOf(answer.usage), error: error === undefined ? null : shortError(error) };
}

/** Counts in a `usage` object, told apart by its members: chat's `prompt_tokens`, or `input_tokens` of Responses or of Anthropic. */
export function countedOf(usage: unknown): Counted {
  const counts = objectOf(usage);
  if (counts === null) return NOT_COUNTED;
  if ('prompt_tokens' in counts || 'completion_tokens' in counts) return usageFromOpenAiChat(counts) ?? NOT_COUNTED;
  // Only Responses breaks its input down; Anthropic's cache counts stand beside `input_tokens`, which is without them.
  const isResponses = 'input_tokens_details' in counts || ('total_tokens' in counts && !('cache_read_input_tokens' in counts));
  if (isResponses) return usageFromOpenAiResponses(counts) ?? NOT_COUNTED;
  return 'input_tokens' in counts || 'output_tokens' in counts ? (usageFromAnthropic(counts) ?? NOT_COUNTED) : NOT_COUNTED;
}

/** The tier that an answer was served in, and a flag for a word that no price is known for. */
export function tierOf(word: unknown): { readonly serviceTier: AnswerFacts['serviceTier']; readonly flags: readonly string[] } {
  const tier = serviceTierOf(word);
  if (tier !== null) return { serviceTier: tier, flags: [] };
  return { serviceTier: 'default', flags: [`service tier "${String(word).slice(0, 40)}" has no price of its own; priced as default`] };
}

function identityOf(answer: JsonRecord): Pick<AnswerFacts, 'id' | 'at' | 'servedModel'> {
  return { id: textOf(answer.id), at: timeOf(answer.created ?? answer.created_at), servedModel: textOf(answer.model) };
}

function completion(answer: JsonRecord): AnswerFacts {
  const choice = objectOf(listOf(answer.choices)[0]);
  const said = objectOf(choice?.message);
  const counted = countedOf(answer.usage);
  const tier = tierOf(answer.service_tier);
  return {
    id: textOf(answer.id),
    at: timeOf(answer.created),
    servedModel: textOf(answer.model),
    usage: counted.usage,
    flags: tier.flags.length === 0 ? counted.flags : [...counted.flags, ...tier.flags],
    serviceTier: tier.serviceTier,
    output: flatText(said?.content) ?? firstText(said, 'refusal') ?? firstText(choice, 'text'),
    toolCalls: calledTools(said),
    finish: firstText(choice, 'finish_reason'),
    error: answer.error === undefined || answer.error === null ? null : shortError(answer.error),
  };
}

/** Names of the tools that a message of a chat calls. */
export function calledTools(message: JsonRecord | null): readonly string[] {
  const calls = listOf(message?.tool_calls);
  const names: string[] = [];
  for (const item of calls) {
    const call = objectOf(item);
    const name = firstText(objectOf(call?.function), 'name') ?? firstText(call, 'name', 'toolName');
    if (name !== null) names.push(name);
  }
  const single = firstText(objectOf(message?.function_call), 'name');
  return single === null ? names : [...names, single];
}

function message(answer: JsonRecord): AnswerFacts {
  const content = listOf(answer.content);
  const usage = objectOf(answer.usage);
  const counted = usageFromAnthropic(usage) ?? NOT_COUNTED;
  const tier = tierOf(usage?.service_tier);
  const toolCalls: string[] = [];
  for (const item of content) {
    const block = objectOf(item);
    const name = block?.type === 'tool_use' ? textOf(block.name) : null;
    if (name !== null) toolCalls.push(name);
  }
  return {
    ...identityOf(answer),
    usage: counted.usage,
    flags: [...counted.flags, ...tier.flags],
    serviceTier: tier.serviceTier,
    output: flatText(content.filter((item) => objectOf(item)?.type === 'text')),
    toolCalls,
    finish: textOf(answer.stop_reason),
    error: null,
  };
}

function response(answer: JsonRecord): AnswerFacts {
  const counted = usageFromOpenAiResponses(answer.usage) ?? NOT_COUNTED;
  const tier = tierOf(answer.service_tier);
  const texts: string[] = [];
  const toolCalls: string[] = [];
  for (const value of listOf(answer.output)) {
    const item = objectOf(value);
    if (item?.type === 'message') {
      const text = flatText(item.content);
      if (text !== null) texts.push(text);
    } else if (item?.type === 'function_call') toolCalls.push(textOf(item.name) ?? 'function');
  }
  return {
    ...identityOf(answer),
    usage: counted.usage,
    flags: [...counted.flags, ...tier.flags],
    serviceTier: tier.serviceTier,
    output: texts.length === 0 ? null : texts.join(''),
    toolCalls,
    finish: firstText(objectOf(answer.incomplete_details), 'reason') ?? textOf(answer.status),
    error: answer.error === undefined || answer.error === null ? null : shortError(answer.error),
  };
}

/** The events of a recorded stream; null where the text is none. */
function eventsOf(text: string): readonly unknown[] | null {
  if (!/^\s*(?:event|data):/.test(text)) return null;
  const events: unknown[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice(5).trim();
    if (data === '' || data === '[DONE]') continue;
    try {
      events.push(JSON.parse(data));
    } catch {
      // A line that was cut off: what came before it counts.
    }
  }
  return events;
}

interface Heard {
  usage: unknown;
  text: string;
  finish: string | null;
  tools: Set<string>;
  error: unknown;
}

function readStream(events: readonly unknown[]): AnswerFacts {
  const heard: Heard = { usage: undefined, text: '', finish: null, tools: new Set(), error: undefined };
  let first: JsonRecord | null = null;
  let tier: unknown;
  for (const item of events) {
    const event = objectOf(item);
    if (event === null) continue;
    // Responses ends its stream with the whole answer.
    const whole = objectOf(event.response);
    if (whole !== null && /^response\.(?:completed|incomplete|failed)$/.test(String(event.type))) return response(whole);
    const opening = event.type === 'message_start' ? objectOf(event.message) : event.object === 'chat.completion.chunk' ? event : null;
    first ??= opening;
    tier = event.service_tier ?? objectOf(opening?.usage)?.service_tier ?? tier;
    heard.usage = mergeStreamedUsage(heard.usage, opening?.usage ?? event.usage);
    hear(event, heard);
  }
  const counted = countedOf(heard.usage);
  const served = tierOf(tier);
  return {
    ...identityOf(first ?? {}),
    usage: counted.usage,
    flags: [...counted.flags, ...served.flags],
    serviceTier: served.serviceTier,
    output: heard.text === '' ? null : heard.text,
    toolCalls: [...heard.tools],
    finish: heard.finish,
    error: heard.error === undefined ? null : shortError(heard.error),
  };
}

function hear(event: JsonRecord, heard: Heard): void {
  const choice = objectOf(listOf(event.choices)[0]);
  const delta = objectOf(choice?.delta) ?? objectOf(event.delta);
  heard.text += textOf(delta?.content) ?? textOf(delta?.text) ?? '';
  heard.finish = firstText(choice, 'finish_reason') ?? firstText(delta, 'stop_reason') ?? heard.finish;
  for (const name of calledTools(delta)) heard.tools.add(name);
  const block = objectOf(event.content_block);
  const tool = block?.type === 'tool_use' ? textOf(block.name) : null;
  if (tool !== null) heard.tools.add(tool);
  if (event.type === 'error' || event.error !== undefined) heard.error = event.error ?? event;
}
