import { usage } from '../../core/index.ts';
import { tierOf } from '../answer-body.ts';
import { type Importer, skip } from '../import-types.ts';
import { dollarsOf, firstNumber, firstText, isYes, type JsonRecord, objectOf, textOf, timeOf } from '../values.ts';

/** OpenAI's organization usage (`/v1/organization/usage/completions`, `embeddings`): counts per bucket, without calls. */
export const openaiUsage: Importer = {
  source: 'openai-usage',
  title: 'OpenAI organization usage',
  matches: (row) => /^organization\.usage\.\w+\.result$/.test(textOf(row.object) ?? ''),
  read(row) {
    const from = timeOf(row.start_time);
    if (from === null) return skip('a usage result outside a bucket: it has no time');
    const input = firstNumber(row, 'input_tokens');
    if (input === null) return skip(`no token counts (${textOf(row.object) ?? 'unknown'})`);
    return {
      kind: 'total',
      total: {
        from,
        to: timeOf(row.end_time),
        provider: 'openai',
        model: textOf(row.model),
        requests: firstNumber(row, 'num_model_requests'),
        usage: usageOf(row, input),
        serviceTier: isYes(row.batch) ? 'batch' : tierOf(row.service_tier).serviceTier,
        charged: null,
        item: (textOf(row.object) ?? '').split('.')[2] ?? null,
        group: firstText(row, 'project_id', 'api_key_id', 'user_id'),
      },
    };
  },
};

/** `input_tokens` holds the cached and the written ones. */
function usageOf(row: JsonRecord, input: number) {
  const cacheRead = Math.min(firstNumber(row, 'input_cached_tokens') ?? 0, input);
  const cacheWrite5m = Math.min(firstNumber(row, 'input_cache_write_tokens') ?? 0, input - cacheRead);
  const freshInput = input - cacheRead - cacheWrite5m;
  const output = firstNumber(row, 'output_tokens') ?? 0;
  return usage({
    freshInput,
    cacheRead,
    cacheWrite5m,
    output,
    audioInput: Math.min(firstNumber(row, 'input_audio_tokens') ?? 0, freshInput),
    audioOutput: Math.min(firstNumber(row, 'output_audio_tokens') ?? 0, output),
  });
}

/** OpenAI's organization costs (`/v1/organization/costs`): what was charged per day and line item. */
export const openaiCosts: Importer = {
  source: 'openai-costs',
  title: 'OpenAI organization costs',
  matches: (row) => row.object === 'organization.costs.result',
  read(row) {
    const from = timeOf(row.start_time);
    if (from === null) return skip('a cost result outside a bucket: it has no time');
    const amount = objectOf(row.amount);
    const charged = dollarsOf(amount?.value);
    if (charged === null) return skip('a cost result without an amount');
    const currency = textOf(amount?.currency) ?? 'usd';
    if (currency.toLowerCase() !== 'usd') return skip(`an amount in ${currency.slice(0, 8)}, not in dollars`);
    const item = textOf(row.line_item);
    return {
      kind: 'total',
      total: {
        from,
        to: timeOf(row.end_time),
        provider: 'openai',
        // Line items read `gpt-4o-2024-08-06, input`.
        model: item?.includes(',') ? item.slice(0, item.lastIndexOf(',')).trim() : null,
        requests: null,
        usage: null,
        serviceTier: 'default',
        charged,
        item,
        group: firstText(row, 'project_id', 'api_key_id', 'user_id'),
      },
    };
  },
};
