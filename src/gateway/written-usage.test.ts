import { describe, expect, it } from 'vitest';
import { type ModelEvent, type ModelRequest, type Usage, usage } from '../core/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { WrittenUsage } from './written-usage.ts';

const REQUEST: ModelRequest = { messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] };
const words = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;
const end = (said: Usage | null, stop: 'done' | 'cut' = 'done'): ModelEvent => ({
  type: 'end',
  stop,
  usage: said,
  usageSource: 'reported',
});
const text = (written: string): ModelEvent => ({ type: 'text', text: written });

function says(...events: ModelEvent[]): ModelClient {
  return {
    async *call() {
      yield* events;
    },
  };
}

/** What is heard of the end of an answer, and what is counted of all of it. */
async function heard(...events: ModelEvent[]) {
  const written = new WrittenUsage(20, words);
  const context = { signal: null, deadlineAt: null, itemId: null, input: null, output: { kind: 'text' } as const, held: () => undefined };
  let last: ModelEvent | null = null;
  for await (const event of written.listen('m', says(...events)).call(REQUEST, context)) last = event;
  const told = last?.type === 'end' ? { usage: last.usage, source: last.usageSource } : null;
  return { told, counted: written.of('m') };
}

describe('the usage of an answer', () => {
  it('is what its upstream says where that can be', async () => {
    const said = usage({ freshInput: 7, cacheRead: 3, output: 2 });
    expect((await heard(text('one two three'), end(said))).told).toEqual({ usage: said, source: 'reported' });
    expect((await heard(end(usage({ freshInput: 7 })))).told).toEqual({ usage: usage({ freshInput: 7 }), source: 'reported' });
  });

  it('is counted where that cannot be: nothing read, or nothing written although there is a text', async () => {
    const zero = await heard(text('one two three'), end(usage({})));
    expect(zero.told).toEqual({ usage: usage({ freshInput: 20, output: 3 }), source: 'counted' });
    const silent = await heard({ type: 'thinking', text: 'one two', signature: null }, end(usage({ freshInput: 7, cacheRead: 3 })));
    expect(silent.told).toEqual({ usage: usage({ freshInput: 7, cacheRead: 3, output: 2 }), source: 'counted' });
  });

  it('of an answer that broke off is what came of it, where its upstream had said less so far', async () => {
    const cut = await heard(text('one two three'), end(usage({ freshInput: 7, output: 1 }), 'cut'));
    expect(cut.told).toEqual({ usage: usage({ freshInput: 7, output: 3 }), source: 'counted' });
  });

  it('counts thinking, refusals and calls of tools as well, also when nobody waits for the end', async () => {
    const { told, counted } = await heard(
      { type: 'thinking', text: 'let me think ', signature: null },
      { type: 'refusal', text: 'no' },
      { type: 'tool-call', index: 0, id: 't', name: 'weather', arguments: '' },
      { type: 'tool-call', index: 0, id: null, name: null, arguments: '{"city": "Bern"}' },
    );
    expect({ told, counted }).toEqual({ told: null, counted: usage({ freshInput: 20, output: 7 }) });
    expect((await heard(end(null))).told).toEqual({ usage: null, source: 'reported' });
  });

  it('of a student is its own: it writes no tokens', async () => {
    const written = new WrittenUsage(20, words);
    const student: ModelEvent = {
      type: 'end',
      stop: 'done',
      usage: usage({ freshInput: 5 }),
      usageSource: 'reported',
      recorded: { probability: 0.9 },
    };
    const events: ModelEvent[] = [];
    const context = { signal: null, deadlineAt: null, itemId: null, input: null, output: { kind: 'text' } as const, held: () => undefined };
    for await (const event of written.listen('m', says(text('billing'), student)).call(REQUEST, context)) events.push(event);
    expect(events).toEqual([text('billing'), student]);
  });
});
