import { calledTools } from '../answer-body.ts';
import { hintsOf, taskName } from '../hints.ts';
import { type Counted, draftOf, type Importer, NOT_COUNTED, skip } from '../import-types.ts';
import { flatText, readMessages, readRequest, toolNames } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  between,
  dollarsOf,
  firstNumber,
  firstText,
  type JsonRecord,
  listOf,
  numberOf,
  objectOf,
  shortError,
  textOf,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';

/** Langfuse's observations: rows of a blob export (snake_case), of its API (camelCase), or inside a trace. JSON, JSONL or CSV. */
export const langfuse: Importer = {
  source: 'langfuse',
  title: 'Langfuse observations',
  matches: (row) =>
    typeof row.type === 'string' &&
    ('trace_id' in row || 'traceId' in row) &&
    ('start_time' in row || 'startTime' in row) &&
    ('usage_details' in row ||
      'usageDetails' in row ||
      'provided_model_name' in row ||
      'parent_observation_id' in row ||
      'parentObservationId' in row),
  read(row) {
    const id = textOf(row.id);
    if (id === null || typeof row.type !== 'string') return skip('not an observation');
    const model = firstText(row, 'provided_model_name', 'providedModelName', 'model', 'internal_model_id');
    const counted = countsOf(row);
    const isModelCall = row.type === 'GENERATION' || row.type === 'EMBEDDING' || (model !== null && counted.usage !== null);
    if (!isModelCall) return skip(`no model call (${row.type.slice(0, 40)})`);
    return { kind: 'call', draft: { ...bodiesOf(row), ...factsOf(row, id, model), usage: counted.usage, flags: counted.flags } };
  },
};

function factsOf(row: JsonRecord, id: string, model: string | null) {
  const start = timeOf(row.start_time ?? row.startTime);
  const end = timeOf(row.end_time ?? row.endTime);
  const metadata = unpackedObject(row.metadata);
  const told = hintsOf(metadata, objectOf(metadata?.attributes), unpacked(row.tags), unpacked(row.trace_tags));
  const error = row.level === 'ERROR' ? (shortError(row.status_message ?? row.statusMessage) ?? 'error') : null;
  const status = error === null ? ('ok' as const) : ('error' as const);
  const firstToken = firstNumber(row, 'time_to_first_token', 'timeToFirstToken');
  const prompt = firstText(row, 'prompt_name', 'promptName');
  return {
    callId: id,
    identity: id,
    at: start,
    provider: firstText(metadata, 'ls_provider', 'provider'),
    model: model ?? '',
    endpoint: row.type === 'EMBEDDING' ? 'embeddings' : null,
    reportedCost: dollarsOf(row.total_cost ?? row.totalCost ?? row.calculated_total_cost ?? row.calculatedTotalCost) ?? totalOf(row),
    latencyMs: between(start, end) ?? scaled(firstNumber(row, 'latency'), 1000),
    firstTokenMs: between(start, timeOf(row.completion_start_time ?? row.completionStartTime)) ?? scaled(firstToken, 1000),
    status,
    error,
    hints: { ...told, functionId: told.functionId ?? taskName(row.name), promptName: prompt ?? told.promptName },
    conversation: firstText(row, 'session_id', 'sessionId', 'trace_id', 'traceId'),
    key: firstText(row, 'user_id', 'userId'),
  };
}

function totalOf(row: JsonRecord) {
  return dollarsOf(unpackedObject(row.cost_details ?? row.costDetails)?.total);
}

function scaled(value: number | null, by: number): number | null {
  return value === null ? null : value * by;
}

function bodiesOf(row: JsonRecord) {
  const input = unpacked(row.input);
  const request = objectOf(input);
  // What is traced is the list of messages, or the whole request.
  const said = request === null ? readMessages(typeof input === 'string' ? [input] : listOf(input)) : readRequest(request);
  const parameters = unpackedObject(row.model_parameters ?? row.modelParameters);
  const output = unpacked(row.output);
  const answer = objectOf(output) ?? objectOf(listOf(output)[0]);
  const called = listOf(unpacked(row.tool_call_names ?? row.toolCallNames)).filter((name) => typeof name === 'string');
  const declared = unpacked(row.tool_definitions ?? row.toolDefinitions);
  const whole = readRequest({ ...parameters, ...request });
  return {
    ...draftOf({}),
    system: said.system,
    userTexts: said.userTexts,
    tools: Array.isArray(declared) ? toolNames(declared) : declaredNames(declared, whole.tools),
    toolCalls: called.length > 0 ? called : calledTools(answer),
    responseFormat: whole.responseFormat,
    output: typeof output === 'string' ? output : (flatText(answer?.content) ?? objectAsText(answer)),
    params: whole.params,
  };
}

/** Tools by name, as newer exports have them. */
function declaredNames(declared: unknown, otherwise: readonly string[]): readonly string[] {
  const byName = objectOf(declared);
  return byName === null ? otherwise : Object.keys(byName);
}

/** A structured output is traced as the object itself. */
function objectAsText(answer: JsonRecord | null): string | null {
  if (answer === null || 'role' in answer || 'tool_calls' in answer) return null;
  return JSON.stringify(answer);
}

const READ = [
  'input_cached_tokens',
  'input_cache_read',
  'cache_read_input_tokens',
  'input_cache_read_tokens',
  'input_cached',
  'cached_tokens',
];
const WRITTEN = [
  'input_cache_creation',
  'cache_creation_input_tokens',
  'input_cache_write',
  'input_cache_creation_5m',
  'input_cache_creation_tokens',
];
const WRITTEN_1H = ['input_cache_creation_1h', 'cache_creation_input_tokens_1h'];
const THOUGHT = ['output_reasoning_tokens', 'output_reasoning', 'reasoning_tokens'];

/**
 * Langfuse keeps disjoint counts: what it breaks down it takes out of `input` and `output`. Rows that came in with the vendor's own
 * counts are told by their total. Older rows have `usage: {input, output, total}` or three columns.
 */
function countsOf(row: JsonRecord): Counted {
  const details = unpackedObject(row.usage_details ?? row.usageDetails);
  if (details === null || Object.keys(details).length === 0) {
    const usage = unpackedObject(row.usage);
    const counts = {
      input: firstNumber(usage, 'input', 'promptTokens') ?? firstNumber(row, 'prompt_tokens', 'promptTokens', 'inputUsage', 'input_usage'),
      output:
        firstNumber(usage, 'output', 'completionTokens') ??
        firstNumber(row, 'completion_tokens', 'completionTokens', 'outputUsage', 'output_usage'),
    };
    return (counts.input ?? 0) + (counts.output ?? 0) === 0 ? NOT_COUNTED : usageOfTool(counts, { cache: 'inside', reasoning: 'inside' });
  }
  return langfuseCounts(details);
}

/** Counts in a `usage_details`, also where a span carries it. */
export function langfuseCounts(details: JsonRecord): Counted {
  const counts = {
    input: firstNumber(details, 'input', 'prompt_tokens', 'input_tokens'),
    output: firstNumber(details, 'output', 'completion_tokens', 'output_tokens'),
    cacheRead: firstNumber(details, ...READ),
    cacheWrite5m: firstNumber(details, ...WRITTEN),
    cacheWrite1h: firstNumber(details, ...WRITTEN_1H),
    reasoning: firstNumber(details, ...THOUGHT),
    audioInput: firstNumber(details, 'input_audio_tokens', 'input_audio'),
    audioOutput: firstNumber(details, 'output_audio_tokens', 'output_audio'),
    total: numberOf(details.total),
  };
  const broken = (counts.cacheRead ?? 0) + (counts.cacheWrite5m ?? 0) + (counts.cacheWrite1h ?? 0) + (counts.reasoning ?? 0) > 0;
  const isWhole = counts.total !== null && (counts.input ?? 0) + (counts.output ?? 0) === counts.total;
  // Anthropic's own names stand for Anthropic's own counts, whatever total a client made up.
  const isOutside = !broken || !isWhole || 'cache_read_input_tokens' in details || 'cache_creation_input_tokens' in details;
  const told = usageOfTool(counts, isOutside ? { cache: 'outside', reasoning: 'outside' } : { cache: 'inside', reasoning: 'inside' });
  return isOutside
    ? told
    : { usage: told.usage, flags: [...told.flags, 'Langfuse counts overlap here, as the total shows; nothing is paid twice'] };
}
