import { readAnswer } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type Counted, type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  between,
  dollarsOf,
  firstNumber,
  firstText,
  type JsonRecord,
  numberOf,
  textOf,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';
import { callOf } from './pairs.ts';

const NO_REFERENCE = '00000000-0000-0000-0000-000000000000';

/** Helicone's requests, as its export command and its query API give them; bodies where they were asked for. */
export const helicone: Importer = {
  source: 'helicone',
  title: 'Helicone requests',
  matches: (row) => 'request_id' in row && 'response_status' in row && ('request_created_at' in row || 'request_body' in row),
  read(row) {
    const id = textOf(row.request_id);
    if (id === null || !('response_status' in row)) return skip('not a request of Helicone');
    const answer = readAnswer(unpacked(row.response_body) ?? null);
    const request = readRequest(unpackedObject(row.request_body));
    const draft = callOf(request, answer);
    const status = numberOf(row.response_status);
    const reference = textOf(row.cache_reference_id);
    const isCached = reference !== null && reference !== NO_REFERENCE;
    const error = answer.error ?? (status !== null && (status >= 400 || status < 0) ? `HTTP ${status}` : null);
    const counted = answer.usage === null ? columns(row) : answer;
    const properties = unpackedObject(row.properties) ?? unpackedObject(row.request_properties);
    const start = timeOf(row.request_created_at);
    return {
      kind: 'call',
      draft: {
        ...draft,
        callId: id,
        identity: id,
        at: start ?? answer.at,
        provider: textOf(row.provider)?.toLowerCase() ?? null,
        model: firstText(row, 'model_override', 'request_model', 'model') ?? draft.model,
        servedModel: textOf(row.response_model) ?? answer.servedModel,
        endpoint: textOf(row.request_path),
        usage: counted.usage,
        flags: counted.flags,
        reportedCost: dollarsOf(row.cost ?? row.costUSD ?? row.cost_usd),
        latencyMs: firstNumber(row, 'delay_ms') ?? between(start, timeOf(row.response_created_at)),
        firstTokenMs: firstNumber(row, 'time_to_first_token'),
        status: isCached ? 'cached' : error === null ? 'ok' : 'error',
        error,
        hints: hintsOf(withPrompt(properties, row), request.metadata),
        conversation: firstText(properties, 'Helicone-Session-Id') ?? null,
        key: firstText(row, 'request_user_id', 'user_id'),
        team: firstText(properties, 'team', 'Team'),
      },
    };
  },
};

/** Headers keep their case in properties; a prompt's id is a column. */
function withPrompt(properties: JsonRecord | null, row: JsonRecord): JsonRecord {
  const lower: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties ?? {})) lower[name.toLowerCase()] = value;
  return {
    ...lower,
    prompt_name: lower.prompt_name ?? row.prompt_id ?? lower['helicone-prompt-id'],
    route: lower.route ?? lower['helicone-session-path'],
  };
}

/** Without the body only the columns are left: their prompt tokens are the vendor's own, so where the cache lies is the vendor's habit. */
function columns(row: JsonRecord): Counted {
  const isAnthropic = /anthropic|claude/i.test(
    `${textOf(row.provider) ?? ''} ${firstText(row, 'response_model', 'request_model', 'model') ?? ''}`,
  );
  return usageOfTool(
    {
      input: firstNumber(row, 'prompt_tokens'),
      output: firstNumber(row, 'completion_tokens'),
      cacheRead: firstNumber(row, 'prompt_cache_read_tokens'),
      cacheWrite5m: firstNumber(row, 'prompt_cache_write_tokens'),
      reasoning: firstNumber(row, 'reasoning_tokens'),
      audioInput: firstNumber(row, 'prompt_audio_tokens'),
      audioOutput: firstNumber(row, 'completion_audio_tokens'),
      total: firstNumber(row, 'total_tokens'),
    },
    { cache: isAnthropic ? 'outside' : 'inside', reasoning: 'inside' },
  );
}
