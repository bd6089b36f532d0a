import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Call } from '../../../src/core/index.ts';
import { allOf } from '../../support/both-ways.ts';
import type { FakeUpstream } from '../../support/fake-upstream/index.ts';
import type { Family, FaultRow } from './rows.ts';

/** One cell of the matrix: a fault, met by one kind of client. */
export interface FaultCell {
  readonly row: FaultRow;
  readonly family: Family;
  readonly kind: 'plain' | 'stream';
  /** Name of its own model, which no other cell uses. */
  readonly model: string;
  /** The fault is of the first rung of a ladder, whose second rung answers well; `model` is then the task. */
  readonly isLadder: boolean;
  readonly upstream: FakeUpstream;
}

/** What was seen of a cell, in words. */
export interface Observation {
  readonly status: string;
  readonly body: string;
  /** Requests that reached the upstream. */
  readonly tries: number;
  readonly sdk: string;
  readonly requestIds: readonly string[];
}

/** What the task of a ladder is about: an answer with a value in it, whose tokens tell how sure a model is of it. */
const CITY = {
  type: 'json_schema',
  json_schema: { name: 'city', schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
};
const ANSWERS = ['Grüße 🙂 – heard: Hallo, wie geht es?', '{"city":"Zürich"}'];

/** What an OpenAI and an Anthropic client ask in every cell. */
function requestOf(cell: FaultCell): Record<string, unknown> {
  const members = cell.isLadder ? { response_format: CITY } : (cell.row.members?.(cell.family) ?? {});
  const limit = cell.family === 'anthropic' ? { max_tokens: 200 } : {};
  const stream = cell.kind === 'stream' ? { stream: true } : {};
  return { model: cell.model, ...limit, messages: [{ role: 'user', content: 'Hallo, wie geht es?' }], ...stream, ...members };
}

function arm({ upstream, row, family }: FaultCell): void {
  upstream.reset();
  upstream.next(...row.first(family));
  upstream.always(row.always(family));
}

/** Asks over plain HTTP, then with the SDK, and says what came of it. */
export async function observe(cell: FaultCell, url: string): Promise<Observation> {
  arm(cell);
  const path = cell.family === 'anthropic' ? '/v1/messages' : '/v1/chat/completions';
  const version: Record<string, string> = cell.family === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {};
  const answer = await fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(requestOf(cell)),
    headers: { 'content-type': 'application/json', ...version, ...cell.row.headers },
  });
  const { text, broke } = await readAll(answer);
  const tries = cell.upstream.seen.length;
  const after = answer.headers.get('retry-after');
  const body = describeBody(cell, answer, text, broke);
  const requestIds = [answer.headers.get('x-smallfirst-request-id') ?? 'none'];
  arm(cell);
  const sdk = cell.family === 'anthropic' ? await askAnthropic(cell, url) : await askOpenAi(cell, url);
  return { status: `${answer.status}${after === null ? '' : `, Retry-After: ${after}`}`, body, tries, sdk, requestIds };
}

async function readAll(answer: Response): Promise<{ readonly text: string; readonly broke: boolean }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer.body ?? []) chunks.push(chunk as Uint8Array);
    return { text: Buffer.concat(chunks).toString(), broke: false };
  } catch {
    return { text: Buffer.concat(chunks).toString(), broke: true };
  }
}

function describeBody(cell: FaultCell, answer: Response, text: string, broke: boolean): string {
  const parts: string[] = [];
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (isStream) {
    const ending = cell.family === 'anthropic' ? 'event: message_stop' : 'data: [DONE]';
    const whole = text.trimEnd().split('\n\n').at(-1)?.startsWith(ending) === true;
    const says = /^data: .*"error":\{/m.test(text);
    parts.push(whole ? 'whole stream' : 'part of a stream');
    if (says) parts.push('error event');
  } else if (isSent(cell, text)) parts.push("the upstream's own, byte for byte");
  else if (answer.status === 200) parts.push(isJson(text) ? 'whole answer' : 'not JSON');
  else parts.push(describeError(cell, text));
  if (broke) parts.push('connection reset');
  return parts.join(', then ');
}

function isSent(cell: FaultCell, text: string): boolean {
  const fault = cell.row.always(cell.family);
  return fault?.kind === 'status' && fault.body === text;
}

function describeError(cell: FaultCell, text: string): string {
  const { type, error } = JSON.parse(text) as { type?: string; error?: { type?: string; code?: string | null } };
  const envelope = cell.family === 'anthropic' ? type === 'error' : type === undefined && error !== undefined;
  return envelope
    ? `\`${[error?.type, error?.code].filter(Boolean).join(' / ')}\``
    : `an envelope of another protocol: ${text.slice(0, 80)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const SDK_SETTINGS = { apiKey: 'none', maxRetries: 0, timeout: 20_000 } as const;

async function askOpenAi(cell: FaultCell, url: string): Promise<string> {
  const client = new OpenAI({ ...SDK_SETTINGS, baseURL: `${url}/v1`, defaultHeaders: { ...cell.row.headers } });
  const request = requestOf(cell) as unknown as OpenAI.ChatCompletionCreateParams;
  return told(async () => {
    if (cell.kind === 'plain') {
      const answer = (await client.chat.completions.create(request)) as OpenAI.ChatCompletion;
      return answer.choices?.[0]?.message.content ?? null;
    }
    const chunks = await allOf((await client.chat.completions.create(request)) as AsyncIterable<OpenAI.ChatCompletionChunk>);
    return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  });
}

async function askAnthropic(cell: FaultCell, url: string): Promise<string> {
  const client = new Anthropic({ ...SDK_SETTINGS, baseURL: url, defaultHeaders: { ...cell.row.headers } });
  const request = requestOf(cell) as unknown as Anthropic.MessageCreateParams;
  return told(async () => {
    const { content } =
      cell.kind === 'plain'
        ? ((await client.messages.create(request)) as Anthropic.Message)
        : await client.messages.stream(request as Anthropic.MessageStreamParams).finalMessage();
    return content?.[0]?.type === 'text' ? content[0].text : null;
  });
}

async function told(ask: () => Promise<string | null>): Promise<string> {
  try {
    const text = await ask();
    if (text === null) return 'no text';
    return ANSWERS.includes(text) || text.startsWith('All work') ? 'the answer' : `other text: ${text.slice(0, 40)}`;
  } catch (error) {
    return `throws ${(error as Error).constructor.name}`;
  }
}

/** What stands in the store about a request, in the order of the attempts. */
export function describeRows(calls: readonly Call[], isLadder: boolean): string {
  if (calls.length === 0) return 'nothing';
  return [...calls]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((call) => {
      const who = isLadder ? `${call.model === 'big' ? 'second' : 'first'} rung: ` : '';
      const error = call.error === null ? '' : ` ${call.error}`;
      const stop = call.stop === null ? '' : `, stop \`${call.stop}\``;
      const { freshInput, cacheRead, cacheWrite5m, output } = call.usage;
      return `${who}${call.outcome}${error}${stop}, ${freshInput + cacheRead + cacheWrite5m} + ${output} tokens ${call.usageSource}`;
    })
    .join('; ');
}
