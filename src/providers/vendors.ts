import type { Capability } from '../core/index.ts';
import type { Protocol, Quirks } from './codecs/types.ts';

/** How a vendor wants its key. Engines that check none still take a bearer token where one is configured. */
export type AuthStyle = 'bearer' | 'x-api-key' | 'api-key';

/**
 * What stands between the base URL that people configure and an endpoint's own path (`/chat/completions`, `/messages`):
 * `v1` nothing, but a bare origin gets `/v1`; `exact` nothing at all; `before-v1` always `/v1`, as Anthropic's SDK adds it;
 * `azure` the deployment's path where the URL carries an `api-version`, else Azure's own `/openai/v1`.
 */
export type UrlLayout = 'v1' | 'exact' | 'before-v1' | 'azure';

/** How a server takes LoRA adapters, by the server that began it. */
export type LoraStyleName = 'vllm' | 'llama-server' | 'ollama';

/** A vendor as data: everything that calling it needs to know. Nothing in the product asks for a vendor's name. */
export interface Vendor {
  readonly title: string;
  /** Protocols whose bytes it takes as they are; requests of any other are translated into the first. */
  readonly protocols: readonly [Protocol, ...Protocol[]];
  /** The base URL that its SDK uses; null where everybody has a URL of their own. */
  readonly url: string | null;
  readonly layout: UrlLayout;
  readonly auth: AuthStyle;
  /** The environment variable that holds its key by custom; read only for its own URL, never for a configured one. Null: no key needed. */
  readonly keyEnv: string | null;
  readonly capabilities: readonly Capability[];
  readonly quirks: Quirks;
  /** How it takes LoRA adapters; absent where it takes none, or none of ours. */
  readonly lora?: LoraStyleName;
  /** The page that this row was checked against. */
  readonly source: string;
}

const OPENAI_LIKE: readonly Capability[] = ['system', 'streaming', 'tools', 'images', 'json-schema', 'embeddings'];
const WITH_LOGPROBS: readonly Capability[] = [...OPENAI_LIKE, 'logprobs'];
const WITH_PDFS: readonly Capability[] = [...WITH_LOGPROBS, 'pdfs'];

/**
 * Every vendor there is. Engines that people run themselves are listed with the one protocol that all their versions speak;
 * a model's `protocols` in the config names more where its version has them.
 */
export const vendors = {
  openai: {
    title: 'OpenAI',
    protocols: ['openai-chat', 'openai-responses'],
    url: 'https://api.openai.com/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'OPENAI_API_KEY',
    capabilities: WITH_PDFS,
    quirks: { maxTokensField: 'max_completion_tokens' },
    source: 'platform.openai.com/docs/api-reference/chat',
  },
  anthropic: {
    title: 'Anthropic',
    protocols: ['anthropic-messages'],
    url: 'https://api.anthropic.com',
    layout: 'before-v1',
    auth: 'x-api-key',
    keyEnv: 'ANTHROPIC_API_KEY',
    capabilities: ['system', 'streaming', 'tools', 'images', 'pdfs', 'json-schema'],
    quirks: { noLogprobs: true },
    source: 'docs.claude.com/en/api/messages',
  },
  azure: {
    title: 'Azure OpenAI',
    protocols: ['openai-chat', 'openai-responses'],
    url: null,
    layout: 'azure',
    auth: 'api-key',
    keyEnv: 'AZURE_OPENAI_API_KEY',
    capabilities: WITH_LOGPROBS,
    quirks: { maxTokensField: 'max_completion_tokens' },
    source: 'learn.microsoft.com/azure/foundry/openai/api-version-lifecycle',
  },
  openrouter: {
    title: 'OpenRouter',
    protocols: ['openai-chat', 'openai-responses', 'anthropic-messages'],
    url: 'https://openrouter.ai/api/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'OPENROUTER_API_KEY',
    capabilities: WITH_PDFS,
    quirks: {},
    source: 'openrouter.ai/docs/api-reference/overview',
  },
  together: {
    title: 'Together AI',
    protocols: ['openai-chat'],
    url: 'https://api.together.ai/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'TOGETHER_API_KEY',
    capabilities: OPENAI_LIKE,
    // `logprobs` is a count there, and the answer is a list of its own shape.
    quirks: { noLogprobs: true },
    source: 'docs.together.ai/docs/inference/openai-compatibility',
  },
  fireworks: {
    title: 'Fireworks AI',
    protocols: ['openai-chat', 'anthropic-messages'],
    url: 'https://api.fireworks.ai/inference/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'FIREWORKS_API_KEY',
    capabilities: WITH_LOGPROBS,
    quirks: {},
    source: 'docs.fireworks.ai/tools-sdks/openai-compatibility',
  },
  groq: {
    title: 'Groq',
    protocols: ['openai-chat', 'openai-responses'],
    url: 'https://api.groq.com/openai/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'GROQ_API_KEY',
    capabilities: ['system', 'streaming', 'tools', 'images', 'json-schema'],
    quirks: { noLogprobs: true, omit: ['logit_bias'] },
    source: 'console.groq.com/docs/openai',
  },
  deepinfra: {
    title: 'DeepInfra',
    protocols: ['openai-chat'],
    url: 'https://api.deepinfra.com/v1/openai',
    layout: 'exact',
    auth: 'bearer',
    keyEnv: 'DEEPINFRA_API_TOKEN',
    capabilities: OPENAI_LIKE,
    quirks: { noLogprobs: true },
    source: 'deepinfra.com/docs/advanced/openai_api',
  },
  mistral: {
    title: 'Mistral AI',
    protocols: ['openai-chat'],
    url: 'https://api.mistral.ai/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: 'MISTRAL_API_KEY',
    capabilities: OPENAI_LIKE,
    // It answers 422 to members it does not know (`seed` is `random_seed` there), and streams usage unasked.
    quirks: { noLogprobs: true, noStreamOptions: true, omit: ['seed', 'user', 'logit_bias', 'reasoning_effort'] },
    source: 'docs.mistral.ai/api',
  },
  gemini: {
    title: 'Gemini',
    protocols: ['openai-chat'],
    url: 'https://generativelanguage.googleapis.com/v1beta/openai',
    layout: 'exact',
    auth: 'bearer',
    keyEnv: 'GEMINI_API_KEY',
    capabilities: OPENAI_LIKE,
    quirks: { noLogprobs: true, omit: ['seed', 'user', 'frequency_penalty', 'logit_bias', 'parallel_tool_calls'] },
    source: 'ai.google.dev/gemini-api/docs/openai',
  },
  vllm: {
    title: 'vLLM',
    protocols: ['openai-chat'],
    url: 'http://127.0.0.1:8000/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: null,
    capabilities: WITH_LOGPROBS,
    quirks: {},
    lora: 'vllm',
    source: 'docs.vllm.ai/en/latest/serving/openai_compatible_server',
  },
  ollama: {
    title: 'Ollama',
    protocols: ['openai-chat'],
    url: 'http://127.0.0.1:11434/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: null,
    capabilities: WITH_LOGPROBS,
    quirks: {},
    lora: 'ollama',
    source: 'docs.ollama.com/api/openai-compatibility',
  },
  llamacpp: {
    title: 'llama.cpp server',
    protocols: ['openai-chat'],
    url: 'http://127.0.0.1:8080/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: null,
    capabilities: WITH_LOGPROBS,
    quirks: {},
    lora: 'llama-server',
    source: 'github.com/ggml-org/llama.cpp/tree/master/tools/server',
  },
  lmstudio: {
    title: 'LM Studio',
    protocols: ['openai-chat'],
    url: 'http://127.0.0.1:1234/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: null,
    capabilities: OPENAI_LIKE,
    // Its chat endpoint takes `logprobs` and answers null.
    quirks: { noLogprobs: true },
    source: 'lmstudio.ai/docs/api/openai-api',
  },
  tgi: {
    title: 'Text Generation Inference',
    protocols: ['openai-chat'],
    url: 'http://127.0.0.1:3000/v1',
    layout: 'v1',
    auth: 'bearer',
    keyEnv: null,
    capabilities: ['system', 'streaming', 'tools', 'images', 'json-schema', 'logprobs'],
    quirks: {},
    source: 'huggingface.co/docs/text-generation-inference/messages_api',
  },
} as const satisfies Readonly<Record<string, Vendor>>;

/** The row of a provider, null for one that is not called over HTTP. */
export function vendorOf(provider: string): Vendor | null {
  const rows: Readonly<Record<string, Vendor>> = vendors;
  return Object.hasOwn(rows, provider) ? (rows[provider] ?? null) : null;
}
