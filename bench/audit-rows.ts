import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** The shapes of logs that are generated: the same calls, as each tool writes them. */
export type LogShape = 'litellm-json' | 'litellm-csv' | 'openai-jsonl';

/** How a log is generated. The same options give the same bytes. */
export interface LogOptions {
  readonly shape: LogShape;
  readonly rows: number;
  readonly seed?: number;
  /** Texts of messages; short made-up ones unless given. */
  readonly texts?: readonly string[];
}

const models = ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'gpt-4.1-mini', 'claude-sonnet-4-5', 'claude-haiku-4-5'] as const;
const tasks = [
  ['Classify the ticket of customer {name} into billing, shipping or other. Ticket number {id}.', ['billing', 'shipping', 'other']],
  [
    'You extract order data as JSON with the members order, amount and date. Today is {date}.',
    ['{"order":"A-1","amount":12.5,"date":"2026-01-02"}'],
  ],
  [
    'Answer {name} politely in at most three sentences. Case {id}. Never promise a refund.',
    ['Thank you for writing. We are looking into it.'],
  ],
  ['Summarise the call notes of {name} for the account team in one line.', ['The customer asks for a copy of the invoice.']],
] as const;

/** A small generator of pseudo-random numbers (mulberry32): the bench needs the same log every time. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface MadeCall {
  readonly id: string;
  readonly at: number;
  readonly model: string;
  readonly provider: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly answer: string;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
}

function* madeCalls(options: LogOptions): Generator<MadeCall> {
  const random = randomFrom(options.seed ?? 7);
  const texts = options.texts ?? ['My parcel has not arrived yet, and the tracking page says nothing new since Monday. Can you help me?'];
  const start = Date.UTC(2026, 8, 1);
  for (let row = 0; row < options.rows; row++) {
    const model = models[Math.floor(random() * models.length)] ?? models[0];
    const [prompt, answers] = tasks[Math.floor(random() * tasks.length)] ?? tasks[0];
    const number = Math.floor(random() * 1e9);
    const system = prompt
      .replace('{name}', `Customer ${number % 997}`)
      .replace('{id}', String(number))
      .replace('{date}', '2026-09-14');
    const input = 200 + (number % 900);
    yield {
      id: `req-${row.toString(16).padStart(8, '0')}-${number.toString(36)}`,
      at: start + row * 2_000,
      model,
      provider: model.startsWith('claude') ? 'anthropic' : 'openai',
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: texts[number % texts.length] ?? '' },
      ],
      answer: answers[number % answers.length] ?? '',
      input,
      cached: number % 3 === 0 ? 128 : 0,
      output: 5 + (number % 60),
    };
  }
}

function usageOf(call: MadeCall) {
  const { input, cached, output } = call;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

function answerOf(call: MadeCall) {
  const message = { role: 'assistant', content: call.answer };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  return {
    id: `chatcmpl-${call.id}`,
    object: 'chat.completion',
    created: Math.floor(call.at / 1000),
    model: call.model,
    choices,
    usage: usageOf(call),
  };
}

const columns = [
  ...['request_id', 'call_type', 'api_key', 'spend', 'total_tokens', 'prompt_tokens', 'completion_tokens', 'startTime', 'endTime'],
  ...[
    'completionStartTime',
    'model',
    'model_id',
    'model_group',
    'custom_llm_provider',
    'api_base',
    'user',
    'metadata',
    'cache_hit',
    'cache_key',
  ],
  ...['request_tags', 'team_id', 'end_user', 'requester_ip_address', 'messages', 'response', 'session_id', 'status'],
] as const;

function spendRow(call: MadeCall): Readonly<Record<(typeof columns)[number], unknown>> {
  const time = (at: number) => new Date(at).toISOString().replace('T', ' ').replace('Z', '');
  return {
    request_id: call.id,
    call_type: 'acompletion',
    api_key: '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b',
    spend: call.input * 2.5e-6 + call.output * 1e-5,
    total_tokens: call.input + call.output,
    prompt_tokens: call.input,
    completion_tokens: call.output,
    startTime: time(call.at),
    endTime: time(call.at + 900),
    completionStartTime: time(call.at + 200),
    model: call.model,
    model_id: 'a1',
    model_group: call.model,
    custom_llm_provider: call.provider,
    api_base: 'https://api.example.com/v1',
    user: 'default_user_id',
    metadata: { user_api_key_alias: 'support', user_api_key_team_alias: 'care', usage_object: usageOf(call) },
    cache_hit: 'False',
    cache_key: 'Cache OFF',
    request_tags: ['User-Agent: openai-python'],
    team_id: 't1',
    end_user: '',
    requester_ip_address: '',
    messages: call.messages,
    response: answerOf(call),
    session_id: call.id,
    status: 'success',
  };
}

function cell(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '');
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lineOf(shape: LogShape, call: MadeCall): string {
  if (shape === 'litellm-json') return JSON.stringify(spendRow(call));
  if (shape === 'litellm-csv') {
    const row = spendRow(call);
    return columns.map((name) => cell(row[name])).join(',');
  }
  const request = { model: call.model, messages: call.messages, temperature: 0 };
  return JSON.stringify({
    request_id: call.id,
    timestamp: new Date(call.at).toISOString(),
    latency_ms: 900,
    request,
    response: answerOf(call),
  });
}

/** Writes a log of made-up calls to a file. */
export async function writeLog(path: string, options: LogOptions): Promise<void> {
  const file = createWriteStream(path);
  if (options.shape === 'litellm-csv') file.write(`${columns.join(',')}\n`);
  let block = '';
  for (const call of madeCalls(options)) {
    block += `${lineOf(options.shape, call)}\n`;
    if (block.length < 1 << 20) continue;
    if (!file.write(block)) await once(file, 'drain');
    block = '';
  }
  file.end(block);
  await once(file, 'finish');
}
