import type { Json } from '../core/index.ts';
import type { Method, RowIssue, RowRules } from './types.ts';

/** Counts the tokens of a text. */
export type Count = (text: string) => number;

/** A training file that was looked through: what is wrong with it, and how many tokens its rows hold. */
export interface CheckedRows {
  readonly issues: readonly RowIssue[];
  readonly tokens: number;
}

/** Tokens that a chat template puts around each message, about. */
const TOKENS_PER_MESSAGE = 4;
/** More is shown to nobody. */
const MAX_ISSUES = 100;

type Members = { readonly [key: string]: Json | undefined };

/**
 * Checks the lines of a training file, as they will be sent, against a provider's documented rules. Every issue names its line. At most
 * 100 are told.
 */
export function checkRows(lines: readonly Json[], method: Method, rules: RowRules, count: Count): CheckedRows {
  const issues: RowIssue[] = [];
  let tokens = 0;
  let bytes = 0;
  for (const [index, value] of lines.entries()) {
    const line = index + 1;
    const say = (message: string): void => {
      if (issues.length < MAX_ISSUES) issues.push({ line, message });
    };
    const row = value as Members;
    bytes += Buffer.byteLength(JSON.stringify(value)) + 1;
    const size = tokensOf(row, method, count);
    tokens += size;
    if (rules.maxRowTokens !== null && size > rules.maxRowTokens)
      say(`the row has about ${size} tokens; at most ${rules.maxRowTokens} are taken`);
    if (method === 'sft') checkConversation(row, rules, say);
    else if (method === 'dpo') checkPreference(row, rules, say);
    else checkClassified(row, say);
  }
  issues.push(...checkSize(lines.length, bytes, rules));
  return { issues, tokens };
}

function checkSize(rows: number, bytes: number, rules: RowRules): readonly RowIssue[] {
  const issues: RowIssue[] = [];
  if (rows < rules.minRows) issues.push({ line: 0, message: `the file has ${rows} rows; at least ${rules.minRows} are needed` });
  if (rules.maxRows !== null && rows > rules.maxRows)
    issues.push({ line: 0, message: `the file has ${rows} rows; at most ${rules.maxRows} are taken` });
  if (rules.maxFileBytes !== null && bytes > rules.maxFileBytes)
    issues.push({ line: 0, message: `the file has ${bytes} bytes; at most ${rules.maxFileBytes} are taken` });
  return issues;
}

type Say = (message: string) => void;

function checkConversation(row: Members, rules: RowRules, say: Say): void {
  const messages = listOf(row.messages);
  if (messages.length === 0) {
    say('"messages" is missing or empty');
    return;
  }
  checkMessages(messages, rules, say);
  const last = messages.at(-1)!;
  if (last.role !== 'assistant') say(`the last message has the role ${words(last.role)}; it must be the assistant's`);
  if (!messages.some((message) => message.role === 'assistant' && message.weight !== 0)) say('no message of the assistant is learnt from');
  if (row.tools !== undefined && !rules.tools) say('tools are not taken');
}

function checkPreference(row: Members, rules: RowRules, say: Say): void {
  const input = row.input as Members | undefined;
  const messages = listOf(input?.messages);
  if (messages.length === 0) {
    say('"input" holds no messages');
    return;
  }
  checkMessages(messages, rules, say);
  if (messages.at(-1)!.role === 'assistant') say('the conversation before the answers ends with the assistant');
  if (input?.tools !== undefined && !rules.tools) say('tools are not taken');
  for (const name of ['preferred_output', 'non_preferred_output'] as const) {
    const answers = listOf(row[name]);
    const [answer] = answers;
    if (answers.length !== 1 || answer?.role !== 'assistant') say(`"${name}" must be one message of the assistant`);
    else if (isBlank(answer.content) && answer.tool_calls === undefined) say(`"${name}" is empty`);
  }
}

function checkClassified(row: Members, say: Say): void {
  if (typeof row.text !== 'string' || row.text.trim() === '') say('"text" is missing or blank');
  const { labels } = row;
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels) || Object.keys(labels).length === 0)
    say('"labels" must name at least one decision with its label');
}

function checkMessages(messages: readonly Members[], rules: RowRules, say: Say): void {
  const called = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const at = `message ${index + 1}`;
    const role = words(message.role);
    if (!rules.roles.some((known) => known === role)) say(`${at} has the role ${role}; taken are ${rules.roles.join(', ')}`);
    if (role === 'system' && index > 0) say(`${at} has the role system; only the first message may`);
    const calls = listOf(message.tool_calls);
    if (isBlank(message.content) && calls.length === 0) say(`${at} is empty`);
    if (calls.length > 0) checkCalls(calls, { at, role, rules, say, called });
    if (role === 'tool' && !called.has(words(message.tool_call_id))) say(`${at} answers a tool call that was not made`);
    if (message.weight !== undefined) checkWeight(message, at, rules, say);
  }
  if (rules.alternates) checkTurns(messages, say);
}

function checkWeight(message: Members, at: string, rules: RowRules, say: Say): void {
  if (!rules.weights) say(`${at} has a weight, which is not taken`);
  else if (message.weight !== 0 && message.weight !== 1) say(`the weight of ${at} must be 0 or 1`);
  else if (message.role !== 'assistant') say(`${at} has a weight; only messages of the assistant may`);
}

interface CallPlace {
  readonly at: string;
  readonly role: string;
  readonly rules: RowRules;
  readonly say: Say;
  readonly called: Set<string>;
}

function checkCalls(calls: readonly Members[], { at, role, rules, say, called }: CallPlace): void {
  if (role !== 'assistant') say(`${at} calls a tool and is not the assistant's`);
  if (!rules.tools) say(`${at} calls a tool; tools are not taken`);
  else if (calls.length > 1 && !rules.parallelToolCalls) say(`${at} calls ${calls.length} tools at once; one at a time is taken`);
  for (const call of calls) {
    const target = call.function as Members | undefined;
    if (typeof call.id !== 'string' || typeof target?.name !== 'string' || typeof target.arguments !== 'string')
      say(`a tool call of ${at} lacks "id", or "function" with "name" and "arguments" as text`);
    else called.add(call.id);
  }
}

/** System aside, the user begins and both take turns; a tool's answer stands for the user's turn after a call. */
function checkTurns(messages: readonly Members[], say: Say): void {
  let before = 'assistant';
  for (const [index, { role }] of messages.entries()) {
    if (role === 'system') continue;
    const turn = role === 'tool' ? 'user' : words(role);
    const expected = before === 'assistant' ? 'user' : 'assistant';
    if (turn !== expected && !(role === 'tool' && messages[index - 1]?.role === 'tool')) {
      say(`message ${index + 1} has the role ${words(role)}; user and assistant must take turns`);
      return;
    }
    before = turn;
  }
}

function tokensOf(row: Members, method: Method, count: Count): number {
  if (method === 'classifier') return count(words(row.text));
  const source = method === 'dpo' ? ((row.input as Members | undefined) ?? {}) : row;
  const answers = method === 'dpo' ? [...listOf(row.preferred_output), ...listOf(row.non_preferred_output)] : [];
  const prompt = messageTokens(listOf(source.messages), count);
  const tools = source.tools === undefined ? 0 : count(JSON.stringify(source.tools));
  // Both answers are run through the model, each after the whole prompt.
  return method === 'dpo' ? 2 * (prompt + tools) + messageTokens(answers, count) : prompt + tools;
}

function messageTokens(messages: readonly Members[], count: Count): number {
  let tokens = 0;
  for (const { content, tool_calls } of messages) {
    tokens += TOKENS_PER_MESSAGE + (typeof content === 'string' ? count(content) : 0);
    if (tool_calls !== undefined) tokens += count(JSON.stringify(tool_calls));
  }
  return tokens;
}

/** A value as text: itself, or as JSON. */
function words(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function isBlank(content: Json | undefined): boolean {
  return typeof content !== 'string' || content.trim() === '';
}

function listOf(value: Json | undefined): readonly Members[] {
  return Array.isArray(value) ? (value as Members[]) : [];
}
