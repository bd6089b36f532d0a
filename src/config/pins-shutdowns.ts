import type { Deprecation } from './types.ts';

/** Models of one vendor that go at one date, or that have one replacement. */
type Group = readonly [shutdown: string, replacement: string | null, models: readonly string[]];

/** Rows as the vendor's page `source` had them on the day `asOf`. */
const page = (provider: string, source: string, asOf: string, groups: readonly Group[]): readonly Deprecation[] =>
  groups.flatMap(([shutdown, replacement, models]) => models.map((model) => ({ provider, model, shutdown, replacement, source, asOf })));

/**
 * Shutdown dates of text models that vendors have announced, each with its page and the day on which that page stood so. A date that a
 * page calls the earliest possible one without announcing it is left out. Cloud platforms that resell a model keep calendars of their own.
 */
export const SHUTDOWNS: readonly Deprecation[] = [
  ...page('openai', 'https://developers.openai.com/api/docs/deprecations', '2026-10-28', [
    ['2026-09-28', 'gpt-5.4-mini', ['gpt-3.5-turbo-1106', 'gpt-3.5-turbo-instruct']],
    ['2026-10-23', 'gpt-5.6-terra', ['gpt-3.5-turbo', 'gpt-3.5-turbo-0125', 'o4-mini', 'o4-mini-2025-04-16']],
    [
      '2026-10-23',
      'gpt-5.6-sol',
      [
        'gpt-4',
        'gpt-4-0613',
        'gpt-4-1106-preview',
        'gpt-4-turbo',
        'gpt-4-turbo-2024-04-09',
        'gpt-4o-2024-05-13',
        'o1',
        'o1-2024-12-17',
        'o1-pro',
        'o1-pro-2025-03-19',
        'o3-mini',
        'o3-mini-2025-01-31',
      ],
    ],
    ['2026-10-23', 'gpt-5.6-luna', ['gpt-4.1-nano', 'gpt-4.1-nano-2025-04-14']],
    [
      '2026-12-11',
      'gpt-5.6-sol',
      ['gpt-5', 'gpt-5-2025-08-07', 'gpt-5-pro', 'gpt-5-pro-2025-10-06', 'o3', 'o3-2025-04-16', 'o3-pro', 'o3-pro-2025-06-10'],
    ],
    ['2026-12-11', 'gpt-5.6-terra', ['gpt-5-mini', 'gpt-5-mini-2025-08-07']],
    ['2026-12-11', 'gpt-5.6-luna', ['gpt-5-nano', 'gpt-5-nano-2025-08-07']],
    [
      '2027-01-14',
      'gpt-6-luna',
      [
        'gpt-4o',
        'gpt-4o-2024-08-06',
        'gpt-4o-2024-11-20',
        'gpt-4o-mini',
        'gpt-4o-mini-2024-07-18',
        'gpt-4.1',
        'gpt-4.1-2025-04-14',
        'gpt-4.1-mini',
        'gpt-4.1-mini-2025-04-14',
      ],
    ],
    ['2027-04-01', null, ['gpt-5.1', 'gpt-5.1-2025-11-13']],
  ]),
  ...page('anthropic', 'https://platform.claude.com/docs/en/about-claude/model-deprecations', '2026-07-30', [
    ['2026-01-05', null, ['claude-3-opus-20240229']],
    ['2026-02-19', null, ['claude-3-7-sonnet-20250219', 'claude-3-5-haiku-20241022']],
    ['2026-06-15', 'claude-opus-4-8', ['claude-opus-4-20250514', 'claude-opus-4-0']],
    ['2026-06-15', 'claude-sonnet-4-6', ['claude-sonnet-4-20250514', 'claude-sonnet-4-0']],
    ['2026-08-05', 'claude-opus-4-8', ['claude-opus-4-1-20250805', 'claude-opus-4-1']],
  ]),
  ...page('gemini', 'https://ai.google.dev/gemini-api/docs/deprecations', '2026-11-10', [
    ['2026-06-01', 'gemini-3.5-flash', ['gemini-2.0-flash', 'gemini-2.0-flash-001']],
    ['2026-06-01', 'gemini-3.1-flash-lite', ['gemini-2.0-flash-lite', 'gemini-2.0-flash-lite-001']],
    ['2026-12-01', 'gemini-3.8-flash', ['gemini-2.5-pro']],
    ['2026-12-01', 'gemini-3.5-flash-lite', ['gemini-2.5-flash']],
    ['2027-05-07', null, ['gemini-3.1-flash-lite']],
  ]),
  ...page('mistral', 'https://docs.mistral.ai/getting-started/models', '2026-08-20', [
    ['2026-05-31', 'mistral-medium-3-5-26-04', ['mistral-large-2411']],
    ['2026-07-31', 'mistral-medium-3-5-26-04', ['magistral-medium-2509']],
    ['2026-07-31', 'mistral-small-4-0-26-03', ['mistral-small-2506', 'magistral-small-2509']],
    ['2026-07-31', 'ministral-3-8b-25-12', ['open-mistral-nemo-2407', 'open-mistral-nemo']],
    ['2026-08-31', 'mistral-medium-3-5-26-04', ['mistral-medium-2505', 'mistral-medium-2508']],
  ]),
  ...page('groq', 'https://console.groq.com/docs/deprecations', '2026-07-31', [
    ['2026-08-16', 'openai/gpt-oss-120b', ['llama-3.3-70b-versatile']],
    ['2026-08-16', 'openai/gpt-oss-20b', ['llama-3.1-8b-instant']],
  ]),
];
