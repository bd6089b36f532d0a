import { isList, isObject, parseJson } from '../codecs/shape.ts';
import type { SseFrame } from '../sse/index.ts';
import { stringAfter, stringAt, valueAfter } from './json-text.ts';
import type { Findings } from './tap-findings.ts';
import type { TapOptions, TapProtocol } from './tap-types.ts';

/** Reads one frame of a stream into findings. Looks for substrings first: most frames are never parsed. */
export type FrameReader = (frame: SseFrame, findings: Findings, options: TapOptions) => void;

/** The reader of a protocol's streams. */
export function frameReader(protocol: TapProtocol): FrameReader {
  if (protocol === 'anthropic-messages') return readMessagesFrame;
  if (protocol === 'openai-responses') return readResponsesFrame;
  return readChatFrame;
}

/** Whether a text begins and ends as a JSON object does: what a glance at every frame can tell. */
export function isBraced(text: string): boolean {
  let start = 0;
  let end = text.length - 1;
  while (start < end && text.charCodeAt(start) <= SPACE) start += 1;
  while (end > start && text.charCodeAt(end) <= SPACE) end -= 1;
  return start < end && text.charCodeAt(start) === OPEN_BRACE && text.charCodeAt(end) === CLOSE_BRACE;
}

const SPACE = 0x20;
const CLOSE_BRACE = 0x7d;

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

function readChatFrame(frame: SseFrame, findings: Findings, options: TapOptions): void {
  const { data } = frame;
  if (data === '') return;
  if (data.startsWith('[DONE]')) {
    findings.ended = true;
    // A close without any reason to stop is no end: such a stream was cut by whoever wrote it.
    findings.complete ||= findings.stopped;
    return;
  }
  if (!isBraced(data)) findings.legible = false;
  if (findings.servedModel === null) {
    findings.servedModel = stringAfter(data, '"model"');
    findings.upstreamId = stringAfter(data, '"id"');
    findings.fingerprint = stringAfter(data, '"system_fingerprint"');
  }
  const finish = stringAfter(data, '"finish_reason"');
  if (finish !== null && finish !== '') {
    findings.stop(finish);
    findings.complete = true;
  }
  if (options.onText) chatText(data, options.onText);
  const usage = valueAfter(data, '"usage"');
  const hasUsage = usage !== -1 && data.charCodeAt(usage) === OPEN_BRACE;
  const error = valueAfter(data, '"error"');
  const hasError = error !== -1 && data.charCodeAt(error) !== 0x6e;
  const scored = options.readLogprobs ? valueAfter(data, '"logprobs"') : -1;
  const hasLogprobs = scored !== -1 && data.charCodeAt(scored) === OPEN_BRACE;
  if (hasUsage || hasError || hasLogprobs || frame.event === 'error') readParsedChat(frame, findings, hasLogprobs);
}

function readParsedChat(frame: SseFrame, findings: Findings, hasLogprobs: boolean): void {
  const json = parseJson(frame.data);
  if (!isObject(json)) return;
  findings.fail(json.error ?? (frame.event === 'error' ? json : undefined));
  findings.usage(json.usage);
  if (typeof json.service_tier === 'string') findings.serviceTier = json.service_tier;
  const choice = isList(json.choices) ? json.choices[0] : undefined;
  if (!isObject(choice)) return;
  findings.usage(choice.usage);
  if (hasLogprobs && isObject(choice.logprobs)) findings.logprobs(choice.logprobs.content);
}

/** What a delta says, under every name that chat and completions have for it. */
function chatText(data: string, onText: (text: string) => void): void {
  const from = Math.max(0, data.indexOf('"delta"'));
  const tell = (key: string): boolean => {
    const text = stringAfter(data, key, from);
    if (text === null || text === '') return false;
    onText(text);
    return true;
  };
  if (!tell('"content"')) tell('"text"');
  // Some engines send the same thought under both names.
  if (!tell('"reasoning_content"')) tell('"reasoning"');
  tell('"refusal"');
  for (let at = valueAfter(data, '"arguments"', from); at !== -1; at = valueAfter(data, '"arguments"', at)) {
    const text = stringAt(data, at);
    if (text) onText(text);
  }
}

function readMessagesFrame(frame: SseFrame, findings: Findings, options: TapOptions): void {
  const { data } = frame;
  // Some servers end these as OpenAI's end.
  if (data === '' || data.startsWith('[DONE]')) return;
  if (!isBraced(data)) findings.legible = false;
  switch (frame.event ?? stringAfter(data, '"type"')) {
    case 'content_block_delta':
      if (options.onText) {
        const text = stringAfter(data, '"text"') ?? stringAfter(data, '"thinking"') ?? stringAfter(data, '"partial_json"');
        if (text) options.onText(text);
      }
      return;
    case 'message_start': {
      const json = parseJson(data);
      const message = isObject(json) && isObject(json.message) ? json.message : {};
      if (typeof message.model === 'string') findings.servedModel = message.model;
      if (typeof message.id === 'string') findings.upstreamId = message.id;
      findings.usage(message.usage);
      if (isObject(message.usage) && typeof message.usage.service_tier === 'string') findings.serviceTier = message.usage.service_tier;
      return;
    }
    case 'message_delta': {
      const json = parseJson(data);
      if (!isObject(json)) return;
      findings.usage(json.usage);
      if (isObject(json.delta)) findings.stop(json.delta.stop_reason);
      return;
    }
    case 'message_stop':
      findings.ended = true;
      findings.complete = findings.stopped;
      return;
    case 'error': {
      const json = parseJson(data);
      findings.fail(isObject(json) ? (json.error ?? json) : data);
      return;
    }
    default:
      return;
  }
}

function readResponsesFrame(frame: SseFrame, findings: Findings, options: TapOptions): void {
  const { data } = frame;
  if (data === '' || data.startsWith('[DONE]')) return;
  if (!isBraced(data)) findings.legible = false;
  const type = frame.event ?? stringAfter(data, '"type"') ?? '';
  if (type.endsWith('.delta')) {
    if (options.onText) {
      const text = stringAfter(data, '"delta"');
      if (text) options.onText(text);
    }
    if (options.readLogprobs && type === 'response.output_text.delta') {
      const at = valueAfter(data, '"logprobs"');
      const json = at !== -1 && data.charCodeAt(at) === OPEN_BRACKET ? parseJson(data) : undefined;
      if (isObject(json)) findings.logprobs(json.logprobs);
    }
    return;
  }
  if (type === 'error') {
    const json = parseJson(data);
    findings.fail(isObject(json) ? (json.error ?? json) : data);
    return;
  }
  if (!RESPONSE_STATES.has(type)) return;
  findings.ended ||= type !== 'response.created';
  const json = parseJson(data);
  if (isObject(json) && isObject(json.response)) readResponseObject(json.response, findings);
}

const RESPONSE_STATES: ReadonlySet<string> = new Set(['response.created', 'response.completed', 'response.incomplete', 'response.failed']);

/** Reads a response object, whole or only begun. */
export function readResponseObject(response: { readonly [key: string]: unknown }, findings: Findings): void {
  if (typeof response.model === 'string') findings.servedModel = response.model;
  if (typeof response.id === 'string') findings.upstreamId = response.id;
  if (typeof response.service_tier === 'string') findings.serviceTier = response.service_tier;
  findings.usage(response.usage);
  findings.fail(response.error);
  const details = isObject(response.incomplete_details) ? response.incomplete_details : {};
  switch (response.status) {
    case 'completed':
      findings.stop(isList(response.output) && response.output.some(isToolCall) ? 'tool_calls' : 'completed');
      findings.complete = true;
      return;
    case 'incomplete':
      findings.stop(typeof details.reason === 'string' ? details.reason : 'length');
      findings.complete = true;
      return;
    default:
      return;
  }
}

function isToolCall(item: unknown): boolean {
  return isObject(item) && (item.type === 'function_call' || item.type === 'custom_tool_call');
}
