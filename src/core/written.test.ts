import { describe, expect, it } from 'vitest';
import { collect, type ModelEvent, NO_USAGE, writtenIn, writtenWith } from './index.ts';

const EVENTS: readonly ModelEvent[] = [
  { type: 'start', servedModel: 'm', fingerprint: null, upstreamId: null, inputTokens: null },
  { type: 'thinking', text: 'Hm. ', signature: null, protocol: 'anthropic-messages' },
  { type: 'thinking', text: 'Yes.', signature: 's', protocol: 'anthropic-messages' },
  { type: 'text', text: 'Look' },
  { type: 'text', text: 'ing.' },
  { type: 'tool-call', index: 0, id: 'c', name: 'find', arguments: '' },
  { type: 'tool-call', index: 0, id: null, name: null, arguments: '{"a":1}' },
  { type: 'refusal', text: 'No more.' },
  { type: 'end', stop: 'refusal', usage: NO_USAGE, usageSource: 'reported' },
];

describe('what a model wrote', () => {
  it('is, event by event, its thinking, text, calls of tools and refusals', () => {
    expect(EVENTS.map(writtenWith).join('')).toBe('Hm. Yes.Looking.\nfind {"a":1}No more.');
  });

  it('is the same in a whole answer', async () => {
    expect(writtenIn(await collect(EVENTS))).toBe('Hm. Yes.\nLooking.\nNo more.\nfind {"a":1}');
    expect(writtenIn(await collect([]))).toBe('');
  });
});
