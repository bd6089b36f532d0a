import type { vendors } from './vendors.ts';

/** Whose models a vendor serves, where that is only its own; null for hosts and engines, which serve anybody's. */
const makers: Readonly<Record<keyof typeof vendors, string | null>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  azure: null,
  openrouter: null,
  together: null,
  fireworks: null,
  groq: null,
  deepinfra: null,
  mistral: 'mistral',
  gemini: 'google',
  vllm: null,
  ollama: null,
  llamacpp: null,
  lmstudio: null,
  tgi: null,
};

/** Names by which a maker's models are known. The first match counts: a distilled model is of the family that taught it. */
const names: readonly (readonly [RegExp, string])[] = [
  [/deepseek/, 'deepseek'],
  [/claude/, 'anthropic'],
  [/gemini|gemma/, 'google'],
  [/(^|[/-])(gpt|chatgpt|o[1-9])(-|$|\d|\b)/, 'openai'],
  [/mistral|mixtral|ministral|codestral|magistral|devstral/, 'mistral'],
  [/nemotron/, 'nvidia'],
  [/qwen|qwq/, 'alibaba'],
  [/llama/, 'meta'],
  [/(^|\/)phi-?\d/, 'microsoft'],
  [/command-|c4ai|(^|\/)aya/, 'cohere'],
  [/grok/, 'xai'],
  [/kimi|moonshot/, 'moonshot'],
  [/glm-?\d/, 'zhipu'],
  [/(^|[/.])nova-|titan/, 'amazon'],
  [/granite/, 'ibm'],
];

/**
 * Who made a model: by its name on the wire, else by a vendor that serves only its own; null when neither says. Models of one family
 * share training, and a judge favours its own kind.
 */
export function familyOf(provider: string, model: string): string | null {
  const lower = model.toLowerCase();
  const named = names.find(([pattern]) => pattern.test(lower))?.[1];
  if (named !== undefined) return named;
  return Object.hasOwn(makers, provider) ? makers[provider as keyof typeof makers] : null;
}
