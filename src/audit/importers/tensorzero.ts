import { readAnswer } from '../answer-body.ts';
import { hintsOf, taskName } from '../hints.ts';
import { draftOf, type ImportedRow, type Importer, skip } from '../import-types.ts';
import { flatText, readMessages, readRequest } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  dollarsOf,
  firstNumber,
  firstText,
  isYes,
  type JsonRecord,
  jsonOf,
  listOf,
  objectOf,
  textOf,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';

/**
 * TensorZero's tables: a ModelInference is a call; the ChatInference or JsonInference of its `inference_id` names the function and is
 * shared by every call that it made. Given alone it is a call without counts.
 */
export const tensorzero: Importer = {
  source: 'tensorzero',
  title: 'TensorZero inferences',
  matches: (row) => isModelInference(row) || isInference(row),
  read(row) {
    if (isModelInference(row)) return { kind: 'answer', key: String(row.inference_id), row };
    return isInference(row) ? { kind: 'companion', key: String(row.id) } : skip('neither an inference nor a model inference');
  },
  joining: { mode: 'shared', complete: (row, [inference]) => modelCall(row, inference ?? null), orphan: (row) => inferenceCall(row) },
};

function isModelInference(row: JsonRecord): boolean {
  return typeof row.inference_id === 'string' && 'model_name' in row;
}

function isInference(row: JsonRecord): boolean {
  return typeof row.id === 'string' && 'function_name' in row && 'variant_name' in row;
}

function modelCall(row: JsonRecord, inference: JsonRecord | null): ImportedRow {
  const answer = readAnswer(unpacked(row.raw_response) ?? null);
  const sent = readRequest(unpackedObject(row.raw_request));
  const said = readMessages(listOf(unpacked(row.input_messages)));
  const counts = {
    input: firstNumber(row, 'input_tokens'),
    output: firstNumber(row, 'output_tokens'),
    cacheRead: firstNumber(row, 'provider_cache_read_input_tokens', 'cache_read_input_tokens'),
    cacheWrite5m: firstNumber(row, 'provider_cache_write_input_tokens', 'cache_write_input_tokens'),
  };
  // The raw answer has the vendor's own breakdown; the columns hold the sums, cached tokens included.
  const counted = answer.usage === null ? usageOfTool(counts, { cache: 'inside', reasoning: 'inside' }) : answer;
  const id = textOf(row.id);
  return {
    kind: 'call',
    draft: draftOf({
      ...facts(inference ?? {}),
      callId: textOf(row.inference_id),
      identity: id,
      at: timeOf(row.timestamp) ?? timeOfUuid(id),
      provider: textOf(row.model_provider_name),
      model: sent.model ?? textOf(row.model_name) ?? '',
      servedModel: answer.servedModel,
      usage: counted.usage,
      flags: counted.flags,
      serviceTier: answer.serviceTier,
      reportedCost: dollarsOf(row.cost),
      latencyMs: firstNumber(row, 'response_time_ms'),
      firstTokenMs: firstNumber(row, 'ttft_ms'),
      status: isYes(row.cached) ? 'cached' : answer.error === null ? 'ok' : 'error',
      error: answer.error,
      system: textOf(row.system) ?? sent.system,
      userTexts: said.userTexts.length > 0 ? said.userTexts : sent.userTexts,
      tools: sent.tools,
      toolCalls: answer.toolCalls,
      responseFormat: sent.responseFormat,
      output: answer.output ?? flatText(unpacked(row.output)),
      finish: firstText(row, 'finish_reason') ?? answer.finish,
      params: sent.params,
    }),
  };
}

function inferenceCall(row: JsonRecord): ImportedRow {
  const input = unpackedObject(row.input);
  const said = readMessages(listOf(input?.messages));
  const output = unpacked(row.output);
  return {
    kind: 'call',
    draft: draftOf({
      ...facts(row),
      callId: textOf(row.id),
      identity: textOf(row.id),
      at: timeOf(row.timestamp) ?? timeOfUuid(textOf(row.id)),
      latencyMs: firstNumber(row, 'processing_time_ms'),
      firstTokenMs: firstNumber(row, 'ttft_ms'),
      system: flatText(input?.system) ?? (objectOf(input?.system) === null ? null : JSON.stringify(input?.system)),
      userTexts: said.userTexts,
      responseFormat: jsonOf(unpackedObject(row.output_schema)),
      output: flatText(output) ?? firstText(objectOf(output), 'raw'),
    }),
  };
}

function facts(inference: JsonRecord) {
  const told = hintsOf(unpackedObject(inference.tags));
  return {
    hints: { ...told, functionId: taskName(inference.function_name) ?? told.functionId },
    conversation: textOf(inference.episode_id),
  };
}

/** A UUID of version 7 begins with its time in milliseconds. */
function timeOfUuid(id: string | null): number | null {
  return id !== null && id[14] === '7' ? timeOf(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)) : null;
}
