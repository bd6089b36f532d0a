import { catalogueProvider } from '../pricing/index.ts';

/** What logs call providers, in the price list's words. Lower case, `_` as `-`; names that the list knows itself are not here. */
const names: Readonly<Record<string, string>> = {
  'aws.bedrock': 'aws',
  'amazon-bedrock': 'aws',
  'bedrock-converse': 'aws',
  'gcp.gemini': 'google',
  'gcp.gen-ai': 'google',
  'gcp.vertex-ai': 'google',
  'google-genai': 'google',
  'google-vertexai': 'google',
  'vertex-ai': 'google',
  'vertex-ai-beta': 'google',
  vertexai: 'google',
  'azure-ai': 'azure',
  'azure.ai.openai': 'azure',
  'azure.ai.inference': 'azure',
  'az.ai.openai': 'azure',
  'az.ai.inference': 'azure',
  'mistral-ai': 'mistral',
  mistralai: 'mistral',
  'text-completion-openai': 'openai',
  'openai-chat': 'openai',
  'perplexity-ai': 'perplexity',
  'cohere-chat': 'cohere',
  x: 'x-ai',
  moonshotai: 'moonshotai',
};

/** Models whose name says whose they are. Open weights have no vendor: many serve them, at many prices. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-(?!oss|neo|j)|o[1345](?:-|$)|chatgpt-|text-embedding-(?:3|ada)|davinci|babbage|codex-|computer-use|ft:)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'google'],
  [/^(?:mistral-|ministral-|codestral|pixtral|magistral|devstral|open-mistral|open-mixtral)/, 'mistral'],
  [/^deepseek-(?:chat|reasoner)/, 'deepseek'],
  [/^grok-/, 'x-ai'],
  [/^(?:command-|embed-(?:english|multilingual|v\d))/, 'cohere'],
  [/^voyage-/, 'voyageai'],
  [/^sonar/, 'perplexity'],
];

/** The vendor that a model's name gives away, or null. */
export function vendorOfModel(model: string): string | null {
  const name = model.toLowerCase();
  return families.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** A provider and the model's name there. */
export interface Served {
  /** In the price list's words where it has one, else as the log names it; null where nobody says. */
  readonly provider: string | null;
  readonly model: string;
}

/**
 * Whose a call is: the provider that the log names, a prefix of the model (`azure/gpt-4o`, `openrouter/meta-llama/…`), or what the
 * model's name gives away.
 */
export function servedBy(provider: string | null, model: string): Served {
  const named = provider === null ? null : listName(provider);
  const slash = model.indexOf('/');
  const prefix = slash > 0 ? listName(model.slice(0, slash)) : null;
  const bare = prefix?.known ? model.slice(slash + 1) : model;
  if (named?.known) return { provider: named.name, model: prefix?.name === named.name ? bare : model };
  if (prefix?.known) return { provider: prefix.name, model: bare };
  return { provider: vendorOfModel(model) ?? named?.name ?? null, model };
}

function listName(provider: string): { readonly name: string; readonly known: boolean } {
  const lower = provider.trim().toLowerCase().replaceAll('_', '-');
  for (const candidate of [lower, lower.split('.')[0] ?? '', lower.split('-')[0] ?? '']) {
    const known = catalogueProvider(names[candidate] ?? candidate);
    // `openai-proxy` is not OpenAI: only the provider of a model that begins with the vendor's own part and `.` may be shortened.
    if (known !== null && (candidate === lower || lower.startsWith(`${candidate}.`) || lower.startsWith('vertex-ai-')))
      return { name: known, known: true };
  }
  return lower.startsWith('vertex-ai-') ? { name: 'google', known: true } : { name: lower.slice(0, 64), known: false };
}
