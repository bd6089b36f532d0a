import { asList, textIn, wordsOf } from './reading.ts';
import { logprobAt, piecesOf, sampleOf, tokensIn } from './sample.ts';
import type { Body, Reply } from './types.ts';

const HEADERS = {
  'x-request-id': 'req_fake_responses',
  'openai-processing-ms': '19',
  'x-new-header-of-next-year': 'kept',
  'set-cookie': '__cf_bm=upstream-cookie; path=/',
};

interface Answer {
  readonly text: string | null;
  readonly calls: readonly { readonly call_id: string; readonly name: string; readonly arguments: string }[];
}

/** What a model says to a Responses request: calls of all functions, JSON for a schema, or an echo. */
function answerTo(body: Body): Answer {
  const items = asList(body.input);
  const tools = asList(body.tools).filter((tool) => tool.type === 'function');
  const answered = items.at(-1)?.type === 'function_call_output';
  if (tools.length > 0 && !answered && body.tool_choice !== 'none') {
    const calls = tools.map((tool, i) => ({
      call_id: `call_fake_${i}`,
      name: String(tool.name),
      arguments: JSON.stringify(sampleOf(tool.parameters)),
    }));
    return { text: null, calls };
  }
  const format = (body.text as { format?: Body } | undefined)?.format;
  if (format?.type === 'json_schema') return { text: JSON.stringify(sampleOf(format.schema)), calls: [] };
  return { text: `Grüße 🙂 – heard: ${heardIn(body.input)}`, calls: [] };
}

/** A response, plain or streamed, with sequence numbers from 0 and members that a gateway may not know. */
export function responseReply(body: Body): Reply {
  const answer = answerTo(body);
  const wantsLogprobs = Array.isArray(body.include) && body.include.includes('message.output_text.logprobs');
  const output = [
    ...reasoningItems(body),
    ...messageItems(answer, wantsLogprobs ? Number(body.top_logprobs ?? 0) : null),
    ...callItems(answer),
  ];
  const response = responseObject(body, output);
  if (body.stream !== true) return reply({ json: response });
  const frames: string[] = [];
  let sequence = 0;
  const emit = (type: string, value: Body) => {
    frames.push(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...value })}\n\n`);
    sequence += 1;
  };
  const begun = { ...response, status: 'in_progress', output: [], usage: null };
  emit('response.created', { response: begun });
  emit('response.in_progress', { response: begun });
  for (const [index, item] of output.entries()) emitItem(emit, index, item as Body);
  emit('response.completed', { response });
  return reply({ frames });
}

function responseObject(body: Body, output: readonly unknown[]): Body {
  const input = tokensIn(JSON.stringify(body.input ?? ''));
  const tokens = tokensIn(JSON.stringify(output));
  return {
    id: 'resp_fake',
    object: 'response',
    created_at: 1_790_000_000,
    status: 'completed',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: `${textIn(body.model)}-2026-08-01`,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: body.reasoning ?? { effort: null, summary: null },
    store: body.store ?? true,
    temperature: 1,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: 1,
    truncation: 'disabled',
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
      output_tokens: tokens,
      output_tokens_details: { reasoning_tokens: body.reasoning === undefined ? 0 : 9 },
      total_tokens: input + tokens,
    },
    user: null,
    metadata: body.metadata ?? {},
    member_of_next_year: { kept: true },
  };
}

function reasoningItems(body: Body): readonly Body[] {
  if (body.reasoning === undefined) return [];
  return [
    { id: 'rs_fake', type: 'reasoning', summary: [{ type: 'summary_text', text: 'They greet me.' }], encrypted_content: 'ZW5jcnlwdGVk' },
  ];
}

function messageItems(answer: Answer, top: number | null): readonly Body[] {
  if (answer.text === null) return [];
  const logprobs = top === null ? [] : piecesOf(answer.text).map((piece, i) => logprobOf(piece, i, top));
  const part = { type: 'output_text', text: answer.text, annotations: [], logprobs };
  return [{ id: 'msg_fake', type: 'message', status: 'completed', role: 'assistant', content: [part] }];
}

function callItems(answer: Answer): readonly Body[] {
  return answer.calls.map((call, i) => ({ id: `fc_fake_${i}`, type: 'function_call', status: 'completed', ...call }));
}

type Emit = (type: string, value: Body) => void;

function emitItem(emit: Emit, output_index: number, item: Body): void {
  const item_id = item.id;
  if (item.type === 'message') {
    const part = asList(item.content)[0] as Body;
    const logprobs = asList(part.logprobs);
    emit('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } });
    emit('response.content_part.added', { item_id, output_index, content_index: 0, part: { ...part, text: '', logprobs: [] } });
    for (const [i, delta] of piecesOf(String(part.text)).entries()) {
      const own = logprobs[i] === undefined ? [] : [logprobs[i]];
      emit('response.output_text.delta', { item_id, output_index, content_index: 0, delta, logprobs: own, obfuscation: 'q' });
    }
    emit('response.output_text.done', { item_id, output_index, content_index: 0, text: part.text, logprobs });
    emit('response.content_part.done', { item_id, output_index, content_index: 0, part });
  } else if (item.type === 'function_call') {
    const text = String(item.arguments);
    const middle = Math.ceil(text.length / 2);
    emit('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', arguments: '' } });
    emit('response.function_call_arguments.delta', { item_id, output_index, delta: text.slice(0, middle) });
    emit('response.function_call_arguments.delta', { item_id, output_index, delta: text.slice(middle) });
    emit('response.function_call_arguments.done', { item_id, output_index, name: item.name, arguments: text });
  } else {
    const part = asList(item.summary)[0] as Body;
    emit('response.output_item.added', { output_index, item: { ...item, summary: [] } });
    emit('response.reasoning_summary_part.added', { item_id, output_index, summary_index: 0, part: { ...part, text: '' } });
    emit('response.reasoning_summary_text.delta', { item_id, output_index, summary_index: 0, delta: part.text });
    emit('response.reasoning_summary_text.done', { item_id, output_index, summary_index: 0, text: part.text });
    emit('response.reasoning_summary_part.done', { item_id, output_index, summary_index: 0, part });
  }
  emit('response.output_item.done', { output_index, item });
}

function logprobOf(token: string, index: number, top: number): Body {
  const others = Array.from({ length: top }, (_none, k) => ({
    token: k === 0 ? token : `${token}${k}`,
    logprob: logprobAt(index) - k,
    bytes: [...Buffer.from(k === 0 ? token : `${token}${k}`)],
  }));
  return { token, logprob: logprobAt(index), bytes: [...Buffer.from(token)], top_logprobs: others };
}

function reply(body: Reply['body']): Reply {
  return { status: 200, headers: HEADERS, body };
}

function heardIn(input: unknown): string {
  const last = asList(input).at(-1);
  return typeof input === 'string' ? wordsOf(input) : wordsOf(last?.content ?? last?.output);
}
