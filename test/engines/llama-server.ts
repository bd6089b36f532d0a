import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { ENGINE_ENTRY } from './installed.ts';

/** What is used of node-llama-cpp. It is installed in this folder only, so the types of the whole project cannot come from it. */
interface Sequence {
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { readonly probabilities: true },
    options: { readonly temperature: number },
  ): AsyncGenerator<{ readonly token: number; readonly probabilities: ReadonlyMap<number, number> }>;
  clearHistory(): Promise<void>;
}
interface Model {
  createContext(options: {
    readonly contextSize: number;
    readonly lora?: { readonly adapters: readonly { readonly filePath: string; readonly scale: number }[] };
  }): Promise<{ getSequence(): Sequence }>;
  tokenize(text: string): number[];
  detokenize(tokens: readonly number[], special: boolean): string;
  isEogToken(token: number): boolean;
  readonly tokens: { readonly bos: number | null };
}
interface Llama {
  loadModel(options: { readonly modelPath: string; readonly gpuLayers: number }): Promise<Model>;
  dispose(): Promise<void>;
}
interface LlamaModule {
  getLlama(options: {
    readonly gpu: false;
    readonly build: 'never';
    readonly logLevel: 'error';
    readonly maxThreads: number;
  }): Promise<Llama>;
}

/** An engine that serves a GGUF file over HTTP, as llama.cpp's own server does. */
export interface LlamaServer {
  /** Base URL, with `/v1`. */
  readonly url: string;
  close(): Promise<void>;
}

interface Request {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly max_tokens?: number;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly logprobs?: boolean;
  readonly top_logprobs?: number;
  /** Adapters by number; those that are not listed are not applied. */
  readonly lora?: readonly { readonly id: number; readonly scale: number }[];
}

/** One token that was generated, with its share of the distribution that it was chosen from. */
interface Step {
  readonly text: string;
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/**
 * Loads a model on the CPU and serves chat completions from it, always taking the most probable token. `adapters` are what llama.cpp's own server is given by
 * `--lora`, with `--lora-init-without-apply`.
 */
export async function startLlamaServer(modelPath: string, adapters: readonly string[] = []): Promise<LlamaServer> {
  const { getLlama } = (await import(pathToFileURL(ENGINE_ENTRY).href)) as LlamaModule;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 1 });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const sequences = new Map<string, Promise<Sequence>>();
  const sequenceWith = (lora: NonNullable<Request['lora']>): Promise<Sequence> => {
    const key = JSON.stringify(lora);
    const known =
      sequences.get(key) ??
      openSequence(
        model,
        lora.map(({ id, scale }) => ({ filePath: adapters[id] ?? '', scale })),
      );
    sequences.set(key, known);
    return known;
  };
  // One sequence, so one request at a time.
  let turn: Promise<void> = Promise.resolve();
  const server = createServer((request, response) => {
    if (request.url === '/lora-adapters') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(adapters.map((path, id) => ({ id, path, scale: 0 }))));
      return;
    }
    turn = turn.then(() => answer(model, sequenceWith, request, response)).catch(() => void response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await turn;
      await llama.dispose();
    },
  };
}

async function openSequence(model: Model, adapters: readonly { readonly filePath: string; readonly scale: number }[]): Promise<Sequence> {
  const context = await model.createContext({ contextSize: 512, ...(adapters.length === 0 ? {} : { lora: { adapters } }) });
  return context.getSequence();
}

async function answer(
  model: Model,
  sequenceWith: (lora: NonNullable<Request['lora']>) => Promise<Sequence>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Request;
  const prompt = [model.tokens.bos ?? 1, ...model.tokenize(body.messages.map(({ content }) => content).join('\n'))];
  const common = { id: 'chatcmpl-tiny', created: 1_790_000_000, model: 'tiny' };
  const chunk = (delta: object, finish: string | null, logprobs: object | null) =>
    response.write(
      `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', choices: [{ index: 0, delta, logprobs, finish_reason: finish }] })}\n\n`,
    );
  const steps: Step[] = [];
  const sequence = await sequenceWith(body.lora ?? []);
  if (body.stream) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for await (const step of generate(model, sequence, prompt, body)) {
    steps.push(step);
    if (body.stream) chunk({ content: step.text }, null, body.logprobs ? { content: [onWire(step)] } : null);
    if (response.destroyed) return;
  }
  const finish = steps.length >= (body.max_tokens ?? 16) ? 'length' : 'stop';
  const usage = { prompt_tokens: prompt.length, completion_tokens: steps.length, total_tokens: prompt.length + steps.length };
  if (body.stream) {
    chunk({}, finish, null);
    if (body.stream_options?.include_usage) {
      response.write(`data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', choices: [], usage })}\n\n`);
    }
    response.end('data: [DONE]\n\n');
    return;
  }
  const message = { role: 'assistant', content: steps.map((step) => step.text).join('') };
  const logprobs = body.logprobs ? { content: steps.map(onWire) } : null;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ ...common, object: 'chat.completion', choices: [{ index: 0, message, logprobs, finish_reason: finish }], usage }),
  );
}

async function* generate(model: Model, sequence: Sequence, prompt: readonly number[], body: Request): AsyncGenerator<Step> {
  await sequence.clearHistory();
  let left = body.max_tokens ?? 16;
  for await (const { token, probabilities } of sequence.evaluateWithMetadata(prompt, { probabilities: true }, { temperature: 0 })) {
    if (model.isEogToken(token)) return;
    const top = [...probabilities].sort((a, b) => b[1] - a[1]).slice(0, body.top_logprobs ?? 0);
    yield {
      text: model.detokenize([token], false),
      logprob: Math.log(probabilities.get(token) ?? Number.NaN),
      top: top.map(([other, probability]) => ({ token: model.detokenize([other], false), logprob: Math.log(probability) })),
    };
    left -= 1;
    if (left === 0) return;
  }
}

function onWire({ text, logprob, top }: Step): object {
  return {
    token: text,
    logprob,
    bytes: [...Buffer.from(text)],
    top_logprobs: top.map((one) => ({ ...one, bytes: [...Buffer.from(one.token)] })),
  };
}
