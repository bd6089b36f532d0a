import type { PriceClass, ServiceTier } from './types.ts';

/** What a service tier changes: a multiplier on the token prices, or prices of its own in dollars per million tokens. */
export interface TierRow {
  /** The bundled list's provider id. */
  readonly provider: string;
  /** Model ids of the bundled list, whole; null for every model of the provider. */
  readonly models: readonly string[] | null;
  readonly tier: Exclude<ServiceTier, 'default'>;
  /** First day it holds (UTC). */
  readonly from: string;
  readonly multiplier?: number;
  /** Classes that the multiplier leaves alone: some vendors do not stack the batch discount on the cache discount. */
  readonly unchanged?: readonly PriceClass[];
  /** Prices of the tier for prompts of the first context step; vendors exclude longer ones, which are billed as default. */
  readonly usdPerMillion?: Readonly<Partial<Record<PriceClass, number>>>;
  /** The vendor's page that states it. */
  readonly source: string;
}

const priority = (models: readonly string[], from: string, input: number, cached: number, output: number): TierRow => ({
  provider: 'openai',
  models,
  tier: 'priority',
  from,
  usdPerMillion: { freshInput: input, cacheRead: cached, output },
  source: 'openai.com/api-priority-processing, as of 2026-11',
});

const half = (provider: string, tier: 'batch' | 'flex', from: string, source: string): TierRow => ({
  provider,
  models: null,
  tier,
  from,
  multiplier: 0.5,
  source,
});

/**
 * Prices of service tiers, which the bundled list does not have. A row that names the model wins over one for the whole
 * provider, and among equals the newest. A tier without a row has no price: that is said loudly, not guessed.
 */
export const serviceTiers: readonly TierRow[] = [
  half('openai', 'batch', '2024-04-15', 'developers.openai.com/api/docs/guides/batch: 50 % off, cached input included'),
  half('anthropic', 'batch', '2024-10-08', 'platform.claude.com/docs/en/build-with-claude/batch-processing: 50 % off all usage'),
  {
    ...half('google', 'batch', '2025-07-07', 'ai.google.dev/gemini-api/docs/optimization: 50 % off; the cache discount takes precedence'),
    unchanged: ['cacheRead'],
  },
  {
    ...half('google', 'flex', '2026-04-01', 'ai.google.dev/gemini-api/docs/optimization: 50 % off; taken as not stacking with the cache'),
    unchanged: ['cacheRead'],
  },
  {
    ...half('groq', 'batch', '2025-04-01', 'groq.com/pricing: 50 % off; does not stack with the cache discount'),
    unchanged: ['cacheRead'],
  },
  half('mistral', 'batch', '2024-11-07', 'docs.mistral.ai/capabilities/batch: 50 % off'),
  {
    provider: 'openai',
    models: [
      'o3',
      'o4-mini',
      'gpt-5',
      'gpt-5-mini',
      'gpt-5-nano',
      'gpt-5.1',
      'gpt-5.2',
      'gpt-5.4',
      'gpt-5.4-mini',
      'gpt-5.4-nano',
      'gpt-5.5',
    ],
    tier: 'flex',
    from: '2025-04-17',
    multiplier: 0.5,
    source: 'developers.openai.com/api/docs/guides/flex-processing: batch rates, cache discount included',
  },
  priority(['gpt-4.1'], '2025-06-23', 3.5, 0.875, 14),
  priority(['gpt-4.1-mini'], '2025-06-23', 0.7, 0.175, 2.8),
  priority(['gpt-4.1-nano'], '2025-06-23', 0.2, 0.05, 0.8),
  priority(['gpt-4o'], '2025-06-23', 4.25, 2.125, 17),
  priority(['gpt-4o-mini'], '2025-06-23', 0.25, 0.125, 1),
  priority(['o3'], '2025-06-23', 3.5, 0.875, 14),
  priority(['o4-mini'], '2025-06-23', 2, 0.5, 8),
  priority(['gpt-5'], '2025-08-07', 2.5, 0.25, 20),
  priority(['gpt-5-mini'], '2025-08-07', 0.45, 0.045, 3.6),
  priority(['gpt-5.1'], '2025-11-13', 2.5, 0.25, 20),
  priority(['gpt-5.2'], '2025-12-11', 3.5, 0.35, 28),
  priority(['gpt-5.4'], '2026-03-05', 5, 0.5, 30),
  priority(['gpt-5.4-mini'], '2026-03-17', 1.5, 0.15, 9),
  priority(['gpt-5.5'], '2026-04-24', 12.5, 1.25, 75),
];
