import { readAnswer } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type ImportedRow, type Importer, skip } from '../import-types.ts';
import { readMessages, readRequest } from '../request-body.ts';
import { firstText, type JsonRecord, objectOf, textOf } from '../values.ts';
import { callOf } from './pairs.ts';

/**
 * OpenAI's stored completions: `GET /v1/chat/completions` has the answers, `GET /v1/chat/completions/{id}/messages` the inputs,
 * whose ids begin with their completion's. Either a page, its `data`, or an element a line.
 */
export const openaiStored: Importer = {
  source: 'openai-stored',
  title: 'OpenAI stored completions',
  matches: (row) => isCompletion(row) || isStoredMessage(row),
  read(row) {
    if (isStoredMessage(row)) return { kind: 'companion', key: completionOf(row) };
    const id = textOf(row.id);
    if (!isCompletion(row) || id === null) return skip('neither a stored completion nor a message of one');
    return { kind: 'answer', key: id, row };
  },
  joining: {
    mode: 'every',
    complete: (row, messages) => completed(row, messages),
    orphan: () => skip('a stored message whose completion is in none of the files'),
  },
};

function isCompletion(row: JsonRecord): boolean {
  return (
    row.object === 'chat.completion' && Array.isArray(row.choices) && ('request_id' in row || 'tool_choice' in row || 'input_user' in row)
  );
}

function isStoredMessage(row: JsonRecord): boolean {
  return typeof row.id === 'string' && typeof row.role === 'string' && /^chatcmpl-.+-\d+$/.test(row.id) && !('choices' in row);
}

function completionOf(row: JsonRecord): string {
  return String(row.id).replace(/-\d+$/, '');
}

function ordinal(row: JsonRecord): number {
  return Number(/\d+$/.exec(String(row.id))?.[0] ?? 0);
}

function completed(row: JsonRecord, messages: readonly JsonRecord[]): ImportedRow {
  const answer = readAnswer(row);
  const request = readRequest(row);
  // Pages and retries may hold a message twice.
  const inOrder = [...new Map(messages.map((item) => [String(item.id), item])).values()].sort((a, b) => ordinal(a) - ordinal(b));
  const said = readMessages(inOrder.map((item) => ({ role: item.role, content: item.content_parts ?? item.content })));
  return {
    kind: 'call',
    draft: {
      ...callOf(request, answer),
      callId: firstText(row, 'request_id', 'id'),
      identity: textOf(row.id),
      provider: 'openai',
      endpoint: '/v1/chat/completions',
      system: said.system,
      userTexts: said.userTexts,
      hints: hintsOf(objectOf(row.metadata)),
      key: textOf(row.input_user),
    },
  };
}
