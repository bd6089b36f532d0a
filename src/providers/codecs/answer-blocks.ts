import { type ModelEvent, SmallfirstError, type TokenLogprob } from '../../core/index.ts';
import { SequentialCalls } from './sequential-calls.ts';

type Event<T extends ModelEvent['type']> = Extract<ModelEvent, { type: T }>;

/** A finished piece of an answer, in the order in which its first event came. */
export type AnswerBlock =
  | { readonly type: 'text'; text: string; logprobs: TokenLogprob[] | null; readonly annotations: Event<'annotation'>[] }
  | { readonly type: 'thinking'; text: string; signature: string | null; protocol: string | null }
  | { readonly type: 'tool-call'; readonly index: number; id: string | null; name: string; arguments: string }
  | { readonly type: 'refusal'; text: string; logprobs: TokenLogprob[] | null }
  | { readonly type: 'opaque'; readonly protocol: string; readonly value: Event<'opaque'>['value'] };

/** A whole answer as ordered blocks. */
export interface AnswerBlocks {
  readonly start: Event<'start'> | null;
  readonly blocks: readonly AnswerBlock[];
  readonly end: Event<'end'>;
}

/** Adds events up to blocks. Throws UPSTREAM_FAILED when they were cut: half an answer is never given as a whole one. */
export function answerBlocks(events: Iterable<ModelEvent>): AnswerBlocks {
  const blocks: AnswerBlock[] = [];
  const calls = new SequentialCalls();
  let start: Event<'start'> | null = null;
  let end: Event<'end'> | null = null;
  for (const event of events) {
    if (event.type === 'start') start ??= event;
    else if (event.type === 'end') end ??= event;
    else for (const ordered of calls.push(event)) add(blocks, ordered);
  }
  for (const ordered of calls.flush()) add(blocks, ordered);
  if (end === null || end.stop === 'cut') throw new SmallfirstError('UPSTREAM_FAILED', 'The answer broke off before its end.');
  return { start, blocks, end };
}

function add(blocks: AnswerBlock[], event: ModelEvent): void {
  const last = blocks.at(-1);
  switch (event.type) {
    case 'text':
      if (last?.type === 'text') {
        last.text += event.text;
        last.logprobs = joined(last.logprobs, event.logprobs);
      } else blocks.push({ type: 'text', text: event.text, logprobs: joined(null, event.logprobs), annotations: [] });
      break;
    case 'refusal':
      if (last?.type === 'refusal') {
        last.text += event.text;
        last.logprobs = joined(last.logprobs, event.logprobs);
      } else blocks.push({ type: 'refusal', text: event.text, logprobs: joined(null, event.logprobs) });
      break;
    case 'thinking':
      // A signature ends its block: what is thought after it is a new one.
      if (last?.type === 'thinking' && last.signature === null) {
        last.text += event.text;
        last.signature = event.signature;
        // Who signs a block answers for it.
        if (event.signature !== null || last.protocol === null) last.protocol = event.protocol ?? last.protocol;
      } else blocks.push({ type: 'thinking', text: event.text, signature: event.signature, protocol: event.protocol ?? null });
      break;
    case 'tool-call':
      if (last?.type === 'tool-call' && last.index === event.index) {
        last.id ??= event.id;
        last.name ||= event.name ?? '';
        last.arguments += event.arguments;
      } else blocks.push({ type: 'tool-call', index: event.index, id: event.id, name: event.name ?? '', arguments: event.arguments });
      break;
    case 'annotation':
      // A citation may come before the text that it belongs to.
      if (last?.type === 'text') last.annotations.push(event);
      else blocks.push({ type: 'text', text: '', logprobs: null, annotations: [event] });
      break;
    case 'opaque':
      blocks.push({ type: 'opaque', protocol: event.protocol, value: event.value });
      break;
    case 'start':
    case 'end':
      break;
  }
}

function joined(before: TokenLogprob[] | null, more: readonly TokenLogprob[] | undefined): TokenLogprob[] | null {
  if (more === undefined) return before;
  const all = before ?? [];
  for (const item of more) all.push(item);
  return all;
}
