/** A hosted model worth comparing with: the price list says what it costs. */
export interface HostedOption {
  readonly kind: 'hosted-small' | 'hosted-open';
  readonly provider: string;
  readonly model: string;
}

/** Small models of the large vendors, and open 8B-class models as several hosts sell them. One without a price in force is left out and named. */
export const hostedOptions: readonly HostedOption[] = [
  { kind: 'hosted-small', provider: 'openai', model: 'gpt-5-mini' },
  { kind: 'hosted-small', provider: 'openai', model: 'gpt-6-luna' },
  { kind: 'hosted-small', provider: 'anthropic', model: 'claude-haiku-4-5' },
  { kind: 'hosted-small', provider: 'google', model: 'gemini-2.5-flash-lite' },
  { kind: 'hosted-open', provider: 'fireworks', model: 'llama-v3p1-8b-instruct' },
  { kind: 'hosted-open', provider: 'together', model: 'meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo' },
  { kind: 'hosted-open', provider: 'groq', model: 'llama-3.1-8b-instant' },
  { kind: 'hosted-open', provider: 'novita', model: 'meta-llama/llama-3.1-8b-instruct' },
];
