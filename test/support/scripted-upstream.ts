import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One token that a scripted model says; `wait` holds it back until that promise ends, or for good. */
export interface ScriptedToken {
  readonly text: string;
  readonly logprob?: number;
  readonly wait?: Promise<unknown>;
}

/** What a scripted model does with each request. */
export interface ModelScript {
  readonly tokens: readonly ScriptedToken[];
  /** OpenAI's word (`stop`, `length`) or Anthropic's (`end_turn`, `max_tokens`, `refusal`); the ordinary one when absent. */
  readonly stop?: string;
  /** Says that it refuses, in OpenAI's way. */
  readonly refusal?: string;
  /** Answers with this status instead. */
  readonly status?: number;
  /** Breaks the connection after the tokens. */
  readonly cut?: boolean;
  /** The version that it says it is. */
  readonly served?: string;
  /** The backend that it says it is, in OpenAI's way. */
  readonly fingerprint?: string;
  readonly inputTokens?: number;
}

/** A request as a scripted model saw it. */
export interface ScriptedCall {
  readonly model: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
  /** How its connection ended: with the whole answer, or because the other side went away. */
  readonly over: Promise<'done' | 'gone'>;
}

/** A provider on loopback whose models say what a test wrote, in OpenAI's chat protocol and in Anthropic's. */
export interface ScriptedUpstream {
  readonly origin: string;
  readonly calls: ScriptedCall[];
  script(model: string, script: ModelScript | ((body: Readonly<Record<string, unknown>>) => ModelScript)): void;
  /** Waits for the n-th call, from 0. */
  call(index: number): Promise<ScriptedCall>;
  close(): Promise<void>;
}

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const scripts = new Map<string, ModelScript | ((body: Body) => ModelScript)>();
  const calls: ScriptedCall[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void (async () => {
      const over = new Promise<'done' | 'gone'>((resolve) => {
        response.once('close', () => resolve(response.writableFinished ? 'done' : 'gone'));
      });
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, unknown>>;
      const model = String(body.model);
      calls.push({ model, path: request.url ?? '', headers: request.headers, body, over });
      for (const wake of waiting) wake();
      waiting.clear();
      const script = scripts.get(model) ?? { tokens: [{ text: 'ok' }] };
      await play(typeof script === 'function' ? script(body) : script, body, request, response);
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    script: (model, script) => void scripts.set(model, script),
    call: async (index) => {
      for (;;) {
        const call = calls[index];
        if (call) return call;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Body = Readonly<Record<string, unknown>>;

async function play(script: ModelScript, body: Body, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (script.status !== undefined) {
    response.writeHead(script.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'account acct_123 is down' } }));
    return;
  }
  const anthropic = request.url?.includes('/messages') === true;
  const stream = body.stream === true;
  const served = script.served ?? `${String(body.model)}-v1`;
  if (!stream) {
    const text = script.tokens.map((token) => token.text).join('');
    for (const { wait } of script.tokens) if (wait) await wait;
    const document = anthropic ? message(script, served, text) : completion(script, served, text, body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  for await (const frame of anthropic ? messageFrames(script, served) : chunkFrames(script, served, body)) {
    if (response.destroyed) return;
    await new Promise((resolve) => response.write(frame, resolve));
  }
  if (script.cut) response.destroy();
  else response.end();
}

function usageOf(script: ModelScript): Body {
  return { prompt_tokens: script.inputTokens ?? 20, completion_tokens: script.tokens.length, total_tokens: 20 + script.tokens.length };
}

function backend({ fingerprint }: ModelScript): Body {
  return fingerprint === undefined ? {} : { system_fingerprint: fingerprint };
}

function completion(script: ModelScript, model: string, text: string, body: Body): Body {
  const content = body.logprobs === true ? script.tokens.map((token) => logprobOf(token)) : null;
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    ...backend(script),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: script.refusal ?? null },
        logprobs: content === null ? null : { content },
        finish_reason: script.stop ?? 'stop',
      },
    ],
    usage: usageOf(script),
  };
}

function logprobOf({ text, logprob }: ScriptedToken): Body {
  const own = { token: text, logprob: logprob ?? -0.01, bytes: [...Buffer.from(text)] };
  const rest = Math.log(Math.max(1e-9, 1 - Math.exp(own.logprob)));
  return {
    ...own,
    top_logprobs: [own, { token: 'refund', logprob: rest, bytes: null }].filter((item, i) => i === 0 || item.token !== text),
  };
}

async function* chunkFrames(script: ModelScript, model: string, body: Body): AsyncGenerator<string> {
  const chunk = (delta: Body, finish: string | null, logprobs: Body | null = null) =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, ...backend(script), choices: [{ index: 0, delta, logprobs, finish_reason: finish }], usage: null })}\n\n`;
  yield chunk({ role: 'assistant', content: '' }, null);
  for (const token of script.tokens) {
    if (token.wait) await token.wait;
    yield chunk({ content: token.text }, null, body.logprobs === true ? { content: [logprobOf(token)] } : null);
  }
  if (script.refusal !== undefined) yield chunk({ refusal: script.refusal }, null);
  if (script.cut) return;
  yield chunk({}, script.stop ?? 'stop');
  yield `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [], usage: usageOf(script) })}\n\n`;
  yield 'data: [DONE]\n\n';
}

function message(script: ModelScript, model: string, text: string): Body {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text }],
    stop_reason: script.stop ?? 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: script.inputTokens ?? 20, output_tokens: script.tokens.length },
  };
}

async function* messageFrames(script: ModelScript, model: string): AsyncGenerator<string> {
  const frame = (data: Body) => `event: ${String(data.type)}\ndata: ${JSON.stringify(data)}\n\n`;
  const usage = { input_tokens: script.inputTokens ?? 20, output_tokens: 1 };
  yield frame({ type: 'message_start', message: { ...message(script, model, ''), content: [], stop_reason: null, usage } });
  yield frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
  for (const token of script.tokens) {
    if (token.wait) await token.wait;
    yield frame({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: token.text } });
  }
  if (script.cut) return;
  yield frame({ type: 'content_block_stop', index: 0 });
  const delta = { stop_reason: script.stop ?? 'end_turn', stop_sequence: null };
  yield frame({ type: 'message_delta', delta, usage: { output_tokens: script.tokens.length } });
  yield frame({ type: 'message_stop' });
}
