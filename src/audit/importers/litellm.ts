import { readAnswer, tierOf } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type CallDraft, type Counted, type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  between,
  dollarsOf,
  firstNumber,
  firstText,
  isYes,
  type JsonRecord,
  objectOf,
  shortError,
  textOf,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';

/** LiteLLM's table `LiteLLM_SpendLogs`, as CSV (bodies and metadata are JSON texts) or as JSON. Bodies are there only where they were stored. */
export const litellmSpend: Importer = {
  source: 'litellm-spend',
  title: 'LiteLLM SpendLogs',
  matches: (row) => 'request_id' in row && 'spend' in row && 'call_type' in row,
  read(row) {
    const requestId = textOf(row.request_id);
    if (requestId === null || !('spend' in row)) return skip('not a row of LiteLLM_SpendLogs');
    const metadata = unpackedObject(row.metadata);
    const draft = common(row, metadata, unpackedObject(row.proxy_server_request));
    return {
      kind: 'call',
      draft: {
        ...draft,
        callId: requestId,
        identity: requestId,
        reportedCost: dollarsOf(row.spend),
        latencyMs: firstNumber(row, 'request_duration_ms') ?? between(timeOf(row.startTime), timeOf(row.endTime)),
        hints: hintsOf(metadata, objectOf(metadata?.requester_metadata), unpacked(row.request_tags)),
        conversation: firstText(row, 'session_id'),
        key: firstText(metadata, 'user_api_key_alias') ?? firstText(row, 'api_key'),
        team: firstText(metadata, 'user_api_key_team_alias') ?? firstText(row, 'team_id'),
      },
    };
  },
};

/** LiteLLM's StandardLoggingPayload, as its S3 and GCS loggers write it: an object a file, or a line. */
export const litellmPayload: Importer = {
  source: 'litellm-payload',
  title: 'LiteLLM StandardLoggingPayload',
  matches: (row) =>
    'response_cost' in row && 'call_type' in row && ('trace_id' in row || 'model_parameters' in row || 'litellm_call_id' in row),
  read(row) {
    const id = firstText(row, 'id', 'litellm_call_id');
    if (id === null || !('call_type' in row)) return skip('not a StandardLoggingPayload');
    const metadata = objectOf(row.metadata);
    return {
      kind: 'call',
      draft: {
        ...common(row, metadata, objectOf(row.model_parameters)),
        callId: firstText(row, 'litellm_call_id') ?? id,
        identity: id,
        reportedCost: dollarsOf(row.response_cost),
        latencyMs: between(timeOf(row.startTime), timeOf(row.endTime)) ?? seconds(row.response_time),
        hints: hintsOf(metadata, objectOf(metadata?.requester_metadata), row.request_tags),
        conversation: firstText(row, 'session_id', 'trace_id'),
        key: firstText(metadata, 'user_api_key_alias', 'user_api_key_hash'),
        team: firstText(metadata, 'user_api_key_team_alias', 'user_api_key_team_id'),
      },
    };
  },
};

function seconds(value: unknown): number | null {
  const number = firstNumber({ value }, 'value');
  return number === null ? null : number * 1000;
}

function common(row: JsonRecord, metadata: JsonRecord | null, parameters: JsonRecord | null): CallDraft {
  const response = unpacked(row.response);
  const body = objectOf(response);
  const answer = readAnswer(body !== null && Object.keys(body).length === 0 ? null : response);
  const messages = unpacked(row.messages);
  const request = readRequest({ ...parameters, ...(Array.isArray(messages) && messages.length > 0 ? { messages } : {}) });
  const isCached = isYes(row.cache_hit);
  const failed = row.status === 'failure';
  const told = countedBy(row, metadata, answer);
  const start = timeOf(row.startTime);
  const error = failed ? (shortError(row.error_str ?? row.error_information ?? metadata?.error_information) ?? 'failure') : answer.error;
  const tier = tierOf(firstText(objectOf(metadata?.usage_object), 'service_tier') ?? firstText(parameters, 'service_tier') ?? undefined);
  return {
    callId: null,
    identity: null,
    at: start ?? answer.at,
    provider: textOf(row.custom_llm_provider),
    // The group is the name that was asked for, an alias more often than not.
    model: textOf(row.model_group) ?? textOf(row.model) ?? request.model ?? '',
    servedModel: textOf(row.model) ?? answer.servedModel,
    endpoint: textOf(row.call_type),
    usage: told.usage,
    flags: told.flags,
    serviceTier: answer.serviceTier === 'default' ? tier.serviceTier : answer.serviceTier,
    reportedCost: null,
    latencyMs: null,
    firstTokenMs: firstToken(start, timeOf(row.completionStartTime), timeOf(row.endTime)),
    status: isCached ? 'cached' : error === null ? 'ok' : 'error',
    error,
    hints: { tag: null, functionId: null, promptName: null, route: null },
    system: request.system,
    userTexts: request.userTexts,
    tools: request.tools,
    toolCalls: answer.toolCalls,
    responseFormat: request.responseFormat,
    output: answer.output,
    finish: answer.finish,
    conversation: null,
    key: null,
    team: null,
    params: request.params,
    settled: null,
  };
}

/** LiteLLM writes the end as the start of the answer where nothing was streamed. */
function firstToken(start: number | null, first: number | null, end: number | null): number | null {
  return first === end ? null : between(start, first);
}

/**
 * The usage object is the most exact; then the answer's own; then the columns, which hold no cached tokens at all. LiteLLM counts the
 * cached tokens of every vendor inside `prompt_tokens` (before it did, Anthropic's lay outside: the counts tell).
 */
function countedBy(row: JsonRecord, metadata: JsonRecord | null, answer: Counted): Counted {
  const usage = objectOf(metadata?.usage_object) ?? objectOf(unpackedObject(row.response)?.usage);
  if (usage === null) {
    if (answer.usage !== null) return answer;
    const counts = { input: firstNumber(row, 'prompt_tokens'), output: firstNumber(row, 'completion_tokens') };
    const isEmpty = (counts.input ?? 0) === 0 && (counts.output ?? 0) === 0;
    return isEmpty ? { usage: null, flags: [] } : usageOfTool(counts, { cache: 'inside', reasoning: 'inside' });
  }
  if (!('prompt_tokens' in usage) && answer.usage !== null) return answer;
  const inputDetails = objectOf(usage.prompt_tokens_details);
  const outputDetails = objectOf(usage.completion_tokens_details);
  const written =
    firstNumber(usage, 'cache_creation_input_tokens') ?? firstNumber(inputDetails, 'cache_creation_tokens', 'cache_write_tokens');
  const lives = objectOf(usage.cache_creation) ?? objectOf(inputDetails?.cache_creation_token_details);
  const written1h = firstNumber(lives, 'ephemeral_1h_input_tokens') ?? 0;
  return usageOfTool(
    {
      input: firstNumber(usage, 'prompt_tokens', 'input_tokens'),
      output: firstNumber(usage, 'completion_tokens', 'output_tokens'),
      cacheRead: firstNumber(usage, 'cache_read_input_tokens') ?? firstNumber(inputDetails, 'cached_tokens'),
      cacheWrite5m: written === null ? firstNumber(lives, 'ephemeral_5m_input_tokens') : Math.max(0, written - written1h),
      cacheWrite1h: written1h,
      reasoning: firstNumber(outputDetails, 'reasoning_tokens'),
      audioInput: firstNumber(inputDetails, 'audio_tokens'),
      audioOutput: firstNumber(outputDetails, 'audio_tokens'),
      total: firstNumber(usage, 'total_tokens'),
    },
    { cache: 'inside', reasoning: 'inside' },
  );
}
