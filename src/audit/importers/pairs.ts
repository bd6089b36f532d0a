import { type AnswerFacts, type CallDraft, draftOf, type RequestFacts } from '../import-types.ts';

/** A call of what its request and its answer say; everything else is for the importer to add. */
export function callOf(request: RequestFacts, answer: AnswerFacts): CallDraft {
  return draftOf({
    at: answer.at,
    model: request.model ?? answer.servedModel ?? '',
    servedModel: answer.servedModel,
    usage: answer.usage,
    flags: answer.flags,
    serviceTier: answer.serviceTier,
    status: answer.error === null ? 'ok' : 'error',
    error: answer.error,
    system: request.system,
    userTexts: request.userTexts,
    tools: request.tools,
    responseFormat: request.responseFormat,
    params: request.params,
    output: answer.output,
    toolCalls: answer.toolCalls,
    finish: answer.finish,
  });
}
