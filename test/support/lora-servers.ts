import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on a port of its own that answers by its state, as the engine's documentation says. */
abstract class LoraServer {
  /** Method and path of every request, in order. */
  readonly seen: string[] = [];
  /** The bodies of chat requests. */
  readonly chats: { readonly model: string; readonly lora?: unknown }[] = [];
  readonly server: Server = createServer((request, response) => void this.#serve(request, response));

  async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** Answers a request that is no chat. */
  protected abstract manage(route: string, body: Buffer, answer: Answer): void;
  /** Whether a chat may be answered; else what is said instead. */
  protected abstract refusal(model: string): string | null;

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const route = `${request.method} ${request.url}`;
    this.seen.push(route);
    const answer: Answer = (status, value) => {
      response.writeHead(status, { 'content-type': typeof value === 'string' ? 'text/plain' : 'application/json' });
      response.end(request.method === 'HEAD' ? undefined : typeof value === 'string' ? value : JSON.stringify(value));
    };
    if (route !== 'POST /v1/chat/completions') {
      this.manage(route, body, answer);
      return;
    }
    const chat = JSON.parse(body.toString()) as { readonly model: string };
    this.chats.push(chat);
    const refused = this.refusal(chat.model);
    if (refused !== null) answer(404, { error: { message: refused, type: 'NotFoundError', param: null, code: 404 } });
    else answer(200, chatAnswer(chat.model));
  }
}

type Answer = (status: number, value: object | string) => void;

function chatAnswer(model: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: `said by ${model}` }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
  };
}

/** vLLM (docs.vllm.ai/en/latest/features/lora): adapters are models; loaded while it runs only where that is allowed. */
export class VllmServer extends LoraServer {
  readonly adapters = new Map<string, string>();
  readonly #base: string;
  readonly #readable: ReadonlySet<string>;
  mayLoad = true;

  constructor(base: string, readable: readonly string[]) {
    super();
    this.#base = base;
    this.#readable = new Set(readable);
  }

  /** What a restart leaves: nothing that was loaded while it ran. */
  restart(): void {
    this.adapters.clear();
  }

  protected refusal(model: string): string | null {
    return model === this.#base || this.adapters.has(model) ? null : `The model \`${model}\` does not exist.`;
  }

  protected manage(route: string, body: Buffer, answer: Answer): void {
    if (route === 'GET /v1/models') {
      const cards = [...this.adapters].map(([id, root]) => ({ id, object: 'model', root, parent: this.#base }));
      answer(200, { object: 'list', data: [{ id: this.#base, object: 'model', root: this.#base, parent: null }, ...cards] });
      return;
    }
    const isLoad = route === 'POST /v1/load_lora_adapter';
    if (!this.mayLoad || !(isLoad || route === 'POST /v1/unload_lora_adapter')) {
      answer(404, { detail: 'Not Found' });
      return;
    }
    const { lora_name: name, lora_path: path } = JSON.parse(body.toString()) as { lora_name: string; lora_path: string };
    const problem = (code: number, message: string, type: string) => answer(code, { error: { message, type, param: null, code } });
    if (!isLoad) {
      if (this.adapters.delete(name)) answer(200, `Success: LoRA adapter '${name}' removed successfully.`);
      else problem(404, `The lora adapter '${name}' cannot be found.`, 'NotFoundError');
    } else if (this.adapters.has(name)) problem(400, `The lora adapter '${name}' has already been loaded.`, 'InvalidUserInput');
    else if (!this.#readable.has(path)) problem(404, `No adapter found for ${path}`, 'NotFoundError');
    else {
      this.adapters.set(name, path);
      answer(200, `Success: LoRA adapter '${name}' added successfully.`);
    }
  }
}

/** llama.cpp's server: adapters are what it was started with, by number. */
export class LlamaCppServer extends LoraServer {
  adapters: readonly string[];

  constructor(adapters: readonly string[]) {
    super();
    this.adapters = adapters;
  }

  protected refusal(): string | null {
    return null;
  }

  protected manage(route: string, _body: Buffer, answer: Answer): void {
    if (route === 'GET /lora-adapters')
      answer(
        200,
        this.adapters.map((path, id) => ({ id, path, scale: 0 })),
      );
    else answer(404, { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } });
  }
}

/** Ollama: models are made of a base and files that were sent before; they stay. */
export class OllamaServer extends LoraServer {
  readonly blobs = new Map<string, Buffer>();
  readonly models = new Map<string, string>();

  constructor(base: string) {
    super();
    this.models.set(base, `FROM ${base}\n`);
  }

  protected refusal(model: string): string | null {
    return this.models.has(model) ? null : `model '${model}' not found`;
  }

  protected manage(route: string, body: Buffer, answer: Answer): void {
    const blob = /^(HEAD|POST) \/api\/blobs\/sha256:([0-9a-f]{64})$/.exec(route);
    if (blob !== null) {
      const [, method, digest] = blob as unknown as [string, string, string];
      if (method === 'HEAD') answer(this.blobs.has(digest) ? 200 : 404, '');
      else if (createHash('sha256').update(body).digest('hex') !== digest) answer(400, { error: 'digest mismatch' });
      else {
        this.blobs.set(digest, body);
        answer(201, '');
      }
      return;
    }
    const asked = JSON.parse(body.toString() || '{}') as {
      model: string;
      from: string;
      adapters: Readonly<Record<string, string>>;
      stream: boolean;
    };
    if (route === 'POST /api/show') {
      const modelfile = this.models.get(asked.model);
      if (modelfile === undefined) answer(404, { error: `model '${asked.model}' not found` });
      else answer(200, { modelfile, details: { format: 'gguf' } });
    } else if (route === 'POST /api/create') {
      const [digest] = Object.values(asked.adapters);
      const hex = digest?.replace('sha256:', '') ?? '';
      if (!this.models.has(asked.from) || !this.blobs.has(hex)) {
        answer(400, { error: 'invalid model or adapter' });
        return;
      }
      this.models.set(asked.model, `FROM ${asked.from}\nADAPTER /root/.ollama/models/blobs/sha256-${hex}\n`);
      answer(200, { status: 'success' });
    } else answer(404, '404 page not found');
  }
}
