import { asList, textIn, wordsOf } from './reading.ts';
import { logprobAt, piecesOf, sampleOf, tokensIn } from './sample.ts';
import type { Body, Reply } from './types.ts';

const HEADERS = {
  'x-request-id': 'req_fake_chat',
  'openai-processing-ms': '17',
  'openai-version': '2020-10-01',
  'x-ratelimit-remaining-requests': '9999',
  'x-new-header-of-next-year': 'kept',
  'set-cookie': '__cf_bm=upstream-cookie; path=/',
};

interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** What a chat model says to a request: calls of all tools offered, JSON that fits the schema asked for, or an echo. */
export function chatAnswer(body: Body): { readonly text: string | null; readonly calls: readonly ToolCall[]; readonly stop: string } {
  const messages = asList(body.messages);
  const tools = asList(body.tools);
  const answered = messages.at(-1)?.role === 'tool';
  if (tools.length > 0 && !answered && body.tool_choice !== 'none') {
    const forced = (body.tool_choice as { function?: { name?: string } } | undefined)?.function?.name;
    const chosen = forced === undefined ? tools : tools.filter((tool) => functionOf(tool).name === forced);
    const calls = chosen.map((tool, i) => ({
      id: `call_fake_${i}`,
      type: 'function' as const,
      function: { name: String(functionOf(tool).name), arguments: JSON.stringify(sampleOf(functionOf(tool).parameters)) },
    }));
    return { text: null, calls, stop: 'tool_calls' };
  }
  const format = body.response_format as { type?: string; json_schema?: { schema?: unknown }; schema?: unknown } | undefined;
  if (format?.type === 'json_schema') return { text: JSON.stringify(sampleOf(format.json_schema?.schema)), calls: [], stop: 'stop' };
  // Some servers take a schema here.
  if (format?.type === 'json_object' && format.schema !== undefined)
    return { text: JSON.stringify(sampleOf(format.schema)), calls: [], stop: 'stop' };
  if (format?.type === 'json_object') return { text: '{"city":"Zürich"}', calls: [], stop: 'stop' };
  const said = `Grüße 🙂 – heard: ${wordsOf(messages.at(-1)?.content)}`;
  const limit = Number(body.max_completion_tokens ?? body.max_tokens ?? Number.POSITIVE_INFINITY);
  const pieces = piecesOf(said);
  return limit < pieces.length
    ? { text: pieces.slice(0, limit).join(''), calls: [], stop: 'length' }
    : { text: said, calls: [], stop: 'stop' };
}

/** A chat completion, plain or streamed, as OpenAI sends it, with members that a gateway may not know. */
export function chatReply(body: Body): Reply {
  const { text, calls, stop } = chatAnswer(body);
  const top = body.logprobs === true ? Number(body.top_logprobs ?? 0) : null;
  const pieces = text === null ? [] : piecesOf(text);
  const common = {
    id: 'chatcmpl-fake',
    created: 1_790_000_000,
    model: `${textIn(body.model)}-2026-08-01`,
    service_tier: 'default',
    system_fingerprint: 'fp_fake',
  };
  const used = usage(body, text, calls);
  if (body.stream !== true) {
    const message = {
      role: 'assistant',
      content: text,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      refusal: null,
      annotations: [],
    };
    const logprobs = top === null ? null : { content: pieces.map((piece, i) => logprobOf(piece, i, top)), refusal: null };
    const choice = { index: 0, message, logprobs, finish_reason: stop };
    return reply({ json: { ...common, object: 'chat.completion', choices: [choice], usage: used, member_of_next_year: { kept: true } } });
  }
  const wantsUsage = (body.stream_options as { include_usage?: boolean } | undefined)?.include_usage === true;
  const chunk = (delta: unknown, finish: string | null, logprobs: unknown = null) =>
    frame({
      ...common,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs, finish_reason: finish }],
      ...(wantsUsage ? { usage: null } : {}),
      obfuscation: 'aX9',
    });
  const frames = [chunk({ role: 'assistant', content: text === null ? null : '', refusal: null }, null)];
  for (const [i, piece] of pieces.entries()) {
    frames.push(chunk({ content: piece }, null, top === null ? null : { content: [logprobOf(piece, i, top)], refusal: null }));
  }
  for (const [i, call] of calls.entries()) {
    frames.push(
      chunk({ tool_calls: [{ index: i, id: call.id, type: 'function', function: { name: call.function.name, arguments: '' } }] }, null),
    );
    for (const part of halves(call.function.arguments)) {
      frames.push(chunk({ tool_calls: [{ index: i, function: { arguments: part } }] }, null));
    }
  }
  frames.push(chunk({}, stop));
  if (wantsUsage) frames.push(frame({ ...common, object: 'chat.completion.chunk', choices: [], usage: used }));
  frames.push('data: [DONE]\n\n');
  return reply({ frames });
}

/** The old completions endpoint. */
export function completionReply(body: Body): Reply {
  const text = ` heard: ${Array.isArray(body.prompt) ? body.prompt.join('|') : textIn(body.prompt)}`;
  const common = { id: 'cmpl-fake', object: 'text_completion', created: 1_790_000_000, model: String(body.model) };
  const used = {
    prompt_tokens: tokensIn(String(body.prompt)),
    completion_tokens: tokensIn(text),
    total_tokens: tokensIn(String(body.prompt)) + tokensIn(text),
  };
  const pieces = piecesOf(text);
  const offsets = pieces.map((_piece, i) => pieces.slice(0, i).join('').length);
  const logprobs =
    typeof body.logprobs === 'number'
      ? {
          tokens: pieces,
          token_logprobs: pieces.map((_piece, i) => logprobAt(i)),
          top_logprobs: pieces.map((piece, i) => ({ [piece]: logprobAt(i) })),
          text_offset: offsets,
        }
      : null;
  if (body.stream !== true)
    return reply({ json: { ...common, choices: [{ text, index: 0, logprobs, finish_reason: 'stop' }], usage: used } });
  const frames = pieces.map((piece) => frame({ ...common, choices: [{ text: piece, index: 0, logprobs: null, finish_reason: null }] }));
  frames.push(frame({ ...common, choices: [{ text: '', index: 0, logprobs: null, finish_reason: 'stop' }] }));
  if ((body.stream_options as { include_usage?: boolean } | undefined)?.include_usage)
    frames.push(frame({ ...common, choices: [], usage: used }));
  frames.push('data: [DONE]\n\n');
  return reply({ frames });
}

/** Four numbers for each input, in the encoding that was asked for. */
export function embeddingReply(body: Body): Reply {
  const inputs = Array.isArray(body.input) ? body.input : [body.input];
  const data = inputs.map((input, index) => {
    const numbers = Float32Array.from([0.25, -0.5, String(input).length, 1e-9]);
    const embedding = body.encoding_format === 'base64' ? Buffer.from(numbers.buffer).toString('base64') : [...numbers];
    return { object: 'embedding', index, embedding };
  });
  const tokens = inputs.reduce((sum: number, input) => sum + tokensIn(String(input)), 0);
  return reply({ json: { object: 'list', data, model: body.model, usage: { prompt_tokens: tokens, total_tokens: tokens } } });
}

/** A frame of a stream without event name. */
export function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function reply(body: Reply['body']): Reply {
  return { status: 200, headers: HEADERS, body };
}

function usage(body: Body, text: string | null, calls: readonly ToolCall[]): object {
  const prompt = tokensIn(JSON.stringify(body.messages ?? ''));
  const reasoning = body.reasoning_effort === undefined ? 0 : 7;
  const output =
    (text === null ? 0 : piecesOf(text).length) + calls.reduce((sum, call) => sum + tokensIn(call.function.arguments), 0) + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: 3, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function logprobOf(piece: string, index: number, top: number): object {
  const bytes = [...Buffer.from(piece)];
  const others = Array.from({ length: top }, (_none, k) => ({
    token: k === 0 ? piece : `${piece}${k}`,
    logprob: logprobAt(index) - k,
    bytes: [...Buffer.from(k === 0 ? piece : `${piece}${k}`)],
  }));
  return { token: piece, logprob: logprobAt(index), bytes, top_logprobs: others };
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((part) => part !== '');
}

function functionOf(tool: Body): Body {
  return (tool.function ?? {}) as Body;
}
