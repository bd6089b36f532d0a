import { SmallfirstError, systemClock } from '../../core/index.ts';
import { createEmbedder, Upstreams } from '../../providers/index.ts';
import type { EmbedderFor, EmbeddingChoice } from '../../student/index.ts';
import type { CommandIo } from '../io.ts';

/** How a command is told of an embedding endpoint. */
export interface EmbeddingOptions {
  /** Base URL, as an OpenAI SDK takes it. */
  readonly embeddings?: string;
  readonly embeddingModel?: string;
  /** Name of the environment variable that holds the key. */
  readonly embeddingKey?: string;
}

/** Endpoints of embeddings that a command calls, closed when it ends. */
export class EmbeddingEndpoints {
  readonly #io: CommandIo;
  readonly #options: EmbeddingOptions;
  readonly #upstreams: Upstreams;

  constructor(options: EmbeddingOptions, io: CommandIo) {
    this.#io = io;
    this.#options = options;
    this.#upstreams = new Upstreams({ allowPrivate: true }, { clock: systemClock, random: Math.random, environment: {} });
  }

  /** What training embeds with; null when no endpoint was named. Throws USAGE for half an answer, or a variable that is not set. */
  choice(): EmbeddingChoice | null {
    const { embeddings: url, embeddingModel: model, embeddingKey = null } = this.#options;
    if (url === undefined && model === undefined) return null;
    if (url === undefined) throw new SmallfirstError('USAGE', '--embedding-model needs --embeddings, the URL of the endpoint');
    if (model === undefined)
      throw new SmallfirstError('USAGE', '--embeddings needs --embedding-model: vectors of another model mean something else');
    return { embedder: this.#embedder({ url, model, apiKeyEnv: embeddingKey }), url, apiKeyEnv: embeddingKey };
  }

  /** The endpoint of a trained student: the one it was trained with, unless the options name another place that serves the same model. */
  readonly forStudent: EmbedderFor = ({ url, model, apiKeyEnv }) => {
    const { embeddings, embeddingModel = model, embeddingKey } = this.#options;
    if (embeddingModel !== model) {
      throw new SmallfirstError('USAGE', `the student was trained on vectors of ${model}, not of ${embeddingModel}`);
    }
    return this.#embedder({ url: embeddings ?? url, model, apiKeyEnv: embeddingKey ?? apiKeyEnv });
  };

  async close(): Promise<void> {
    await this.#upstreams.destroy();
  }

  #embedder({ url, model, apiKeyEnv }: { readonly url: string; readonly model: string; readonly apiKeyEnv: string | null }) {
    const key = apiKeyEnv === null ? null : (this.#io.env[apiKeyEnv] ?? '');
    if (key === '')
      throw new SmallfirstError('USAGE', `the environment variable ${apiKeyEnv} is not set; it should hold the key of ${url}`);
    const name = `embeddings ${model}`;
    // Any server that speaks OpenAI's protocol is reached like vLLM's: under its own URL, with a bearer token where there is one.
    this.#upstreams.add([{ name, provider: 'vllm', model, url, keys: key === null ? [] : [{ key, weight: 1 }] }]);
    return createEmbedder(this.#upstreams.get(name));
  }
}
