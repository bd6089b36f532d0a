/** What a provider's terms say about training other models with its models' answers. */
interface TermsRow {
  readonly provider: string;
  readonly training: 'allowed' | 'restricted' | 'unknown';
  readonly note: string;
  /** The page that was read, and when; a reading, no legal advice. */
  readonly source: string | null;
  readonly asOf: string | null;
}

/** By provider row. "Restricted" means that competing models are excluded: whether a student of one's own task is one, a lawyer says. */
const rows: readonly TermsRow[] = [
  {
    provider: 'openai',
    training: 'restricted',
    note: 'Output may not be used to develop models that compete with OpenAI.',
    source: 'https://ospo.co/blog/be-careful-with-openais-terms-of-use/',
    asOf: '2026-11-22',
  },
  {
    provider: 'anthropic',
    training: 'restricted',
    note: 'The services may not be used to build a competing product or to train competing AI models without express approval.',
    source: 'https://conductatlas.com/platform/anthropic/anthropic-commercial-terms/use-restrictions-and-competing-products/',
    asOf: '2026-11-22',
  },
  {
    provider: 'gemini',
    training: 'restricted',
    note: 'The services may not be used to develop models that compete with the services (Gemini API, Google AI Studio).',
    source: 'https://ai.google.dev/gemini-api/terms',
    asOf: '2026-11-22',
  },
  {
    provider: 'mistral',
    training: 'restricted',
    note: 'Outputs may not be used to reverse engineer the models; image outputs may not train competing products.',
    source:
      'https://conductatlas.com/platform/mistral-ai/mistral-ai-terms-of-service/prohibited-use-of-image-outputs-for-competing-products/',
    asOf: '2026-11-22',
  },
  ...['vllm', 'ollama', 'llamacpp', 'llama-cpp', 'lmstudio', 'tgi'].map((provider) => ({
    provider,
    training: 'unknown' as const,
    note: "Weights of your own choice: their licence decides (Llama's asks for its name in the new model's, others are Apache 2.0 or MIT).",
    source: null,
    asOf: null,
  })),
];

const byProvider: ReadonlyMap<string, TermsRow> = new Map(rows.map((row) => [row.provider, row]));

/** What is known of a provider's terms; `unknown` where nobody has read them for us. */
export function termsOf(provider: string): TermsRow {
  return (
    byProvider.get(provider) ?? {
      provider,
      training: 'unknown',
      note: 'Nobody has read the terms of this provider for smallfirst.',
      source: null,
      asOf: null,
    }
  );
}
