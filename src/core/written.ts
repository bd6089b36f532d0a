import type { Answer } from './answer.ts';
import type { ModelEvent } from './event.ts';

/** What a model wrote with one event of its answer, as text whose tokens are paid for: text, refusals, thinking and calls of tools. */
export function writtenWith(event: ModelEvent): string {
  switch (event.type) {
    case 'text':
    case 'thinking':
    case 'refusal':
      return event.text;
    case 'tool-call':
      return event.name === null ? event.arguments : `\n${event.name} ${event.arguments}`;
    default:
      return '';
  }
}

/** The same of a whole answer, as far as it came; '' for nothing at all. */
export function writtenIn({ text, refusal, toolCalls, thinking = '' }: Answer): string {
  const calls = toolCalls.map((call) => `${call.name} ${call.arguments}`);
  return [thinking, text, refusal ?? '', ...calls].filter((part) => part !== '').join('\n');
}
