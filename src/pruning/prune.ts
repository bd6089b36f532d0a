import { type Message, type ModelRequest, textOf } from '../core/index.ts';
import type { PromptTexts, PruneList, StaticPart } from './types.ts';

/** What came of a pruning, by the list that did it: a request is pruned once, even when a text of the user repeats a part. */
const pruned = new WeakMap<ModelRequest, string>();

/**
 * The request without the list's parts: each one's first occurrence after the one before, in the system prompt or in the last message of
 * the user, and nothing else. A part that is not there is passed over. A system message of which only white space would be left goes; a
 * message of the user never does. Pruning again by the same list changes nothing.
 */
export function pruneRequest(request: ModelRequest, list: PruneList): ModelRequest {
  if (pruned.get(request) === list.hash) return request;
  const last = lastUser(request.messages);
  const messages = request.messages.flatMap((message, at): readonly Message[] => {
    if (message.role === 'system') {
      const shorter = without(message, textsOf(list, 'system'));
      return shorter !== message && isBlank(shorter) ? [] : [shorter];
    }
    if (at !== last) return [message];
    const shorter = without(message, textsOf(list, 'user'));
    return [isBlank(shorter) ? message : shorter];
  });
  const result = { ...request, messages };
  pruned.set(result, list.hash);
  return result;
}

/** A text without parts: the first occurrence of each after the one before it, in order. */
export function pruneText(text: string, parts: readonly string[]): string {
  let kept = '';
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) continue;
    kept += text.slice(from, at);
    from = at + part.length;
  }
  return from === 0 ? text : kept + text.slice(from);
}

/** The prompts in which parts are looked for. */
export function promptTexts({ messages }: Pick<ModelRequest, 'messages'>): PromptTexts {
  const system = messages.filter(({ role }) => role === 'system').map(textOf);
  const user = messages[lastUser(messages)];
  return { system: system.length === 0 ? null : system.join('\n'), user: user === undefined ? null : textOf(user) };
}

function lastUser(messages: readonly Message[]): number {
  return messages.findLastIndex(({ role }) => role === 'user');
}

function textsOf({ parts }: PruneList, role: StaticPart['role']): readonly string[] {
  return parts.filter((part) => part.role === role).map(({ text }) => text);
}

/** The message itself where nothing of it goes. Texts of one message are read on: a part that was found in one is not looked for in the next. */
function without(message: Message, parts: readonly string[]): Message {
  let rest = parts;
  let isSame = true;
  const content = message.content.map((piece) => {
    if (piece.type !== 'text') return piece;
    const there = rest.filter((part) => piece.text.includes(part));
    const text = pruneText(piece.text, there);
    if (text === piece.text) return piece;
    rest = rest.filter((part) => !there.includes(part));
    isSame = false;
    return { ...piece, text };
  });
  return isSame ? message : { ...message, content: content.filter((piece) => piece.type !== 'text' || piece.text !== '') };
}

function isBlank({ content }: Message): boolean {
  return content.every((piece) => piece.type === 'text' && piece.text.trim() === '');
}
