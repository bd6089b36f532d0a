import { nanoUsd, type Usage, usage } from '../../core/index.ts';
import { tierOf } from '../answer-body.ts';
import { type Importer, skip } from '../import-types.ts';
import { firstNumber, firstText, type JsonRecord, numberOf, objectOf, textOf, timeOf } from '../values.ts';

/** Anthropic's usage report (`/v1/organizations/usage_report/messages`): counts per bucket, uncached input beside the cached. */
export const anthropicUsage: Importer = {
  source: 'anthropic-usage',
  title: 'Anthropic usage report',
  matches: (row) => 'uncached_input_tokens' in row && 'output_tokens' in row,
  read(row) {
    const from = timeOf(row.starting_at);
    if (from === null) return skip('a usage result outside a bucket: it has no time');
    return {
      kind: 'total',
      total: {
        from,
        to: timeOf(row.ending_at),
        provider: 'anthropic',
        model: textOf(row.model),
        requests: null,
        usage: usageOf(row),
        serviceTier: tierOf(row.service_tier).serviceTier,
        charged: null,
        item: textOf(row.context_window),
        group: firstText(row, 'workspace_id', 'api_key_id'),
      },
    };
  },
};

function usageOf(row: JsonRecord): Usage {
  const written = objectOf(row.cache_creation);
  return usage({
    freshInput: firstNumber(row, 'uncached_input_tokens') ?? 0,
    cacheRead: firstNumber(row, 'cache_read_input_tokens') ?? 0,
    cacheWrite5m: firstNumber(written, 'ephemeral_5m_input_tokens') ?? 0,
    cacheWrite1h: firstNumber(written, 'ephemeral_1h_input_tokens') ?? 0,
    output: firstNumber(row, 'output_tokens') ?? 0,
  });
}

/** Anthropic's cost report (`/v1/organizations/cost_report`): amounts are cents, as decimal text. */
export const anthropicCosts: Importer = {
  source: 'anthropic-costs',
  title: 'Anthropic cost report',
  matches: (row) => 'amount' in row && 'currency' in row && ('cost_type' in row || 'starting_at' in row) && objectOf(row.amount) === null,
  read(row) {
    const from = timeOf(row.starting_at);
    if (from === null) return skip('a cost result outside a bucket: it has no time');
    const cents = numberOf(row.amount);
    if (cents === null || Math.abs(cents) > 9e8) return skip('a cost result without an amount');
    const currency = textOf(row.currency) ?? 'USD';
    if (currency.toUpperCase() !== 'USD') return skip(`an amount in ${currency.slice(0, 8)}, not in dollars`);
    return {
      kind: 'total',
      total: {
        from,
        to: timeOf(row.ending_at),
        provider: 'anthropic',
        model: textOf(row.model),
        requests: null,
        usage: null,
        serviceTier: tierOf(row.service_tier).serviceTier,
        charged: nanoUsd(cents / 100),
        item: firstText(row, 'description', 'token_type', 'cost_type'),
        group: textOf(row.workspace_id),
      },
    };
  },
};
