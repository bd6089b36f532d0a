import { describe, expect, it } from 'vitest';
import type { Answer } from '../core/index.ts';
import { SignalWatch } from './signal-watch.ts';

const without: Pick<Answer, 'text' | 'logprobs' | 'recorded' | 'stop' | 'refusal'> = {
  text: 'card',
  logprobs: null,
  recorded: null,
  stop: 'done',
  refusal: null,
};
const scored = { ...without, logprobs: [{ token: 'card', logprob: -0.1, top: [] }] };

function watchOf() {
  const warnings: string[] = [];
  const watch = new SignalWatch((message) => warnings.push(message));
  const hear = (count: number, answer: typeof without, model = 'small') => {
    for (let i = 0; i < count; i += 1) watch.heard(model, answer);
  };
  return { warnings, hear };
}

describe('a watch over signals', () => {
  it('warns once, at the fiftieth answer in a row without logprobs', () => {
    const { warnings, hear } = watchOf();
    hear(49, without);
    hear(49, { ...without, logprobs: [] }, 'other');
    expect(warnings).toEqual([]);
    hear(1, without);
    hear(200, without);
    expect(warnings).toEqual([
      '50 answers of small in a row came without the logprobs that its confidence is made of, so that each request pays for two models: see `smallfirst models probe small`',
    ]);
  });

  it('begins again when logprobs came, and warns again when they stay away again', () => {
    const { warnings, hear } = watchOf();
    hear(49, without);
    hear(1, scored);
    hear(49, without);
    expect(warnings).toHaveLength(0);
    hear(1, without);
    hear(1, scored);
    hear(50, without);
    expect(warnings).toHaveLength(2);
  });

  it('counts no answer that need not have any, and takes what a recording says of itself', () => {
    const { warnings, hear } = watchOf();
    hear(60, { ...without, stop: 'cut' });
    hear(60, { ...without, stop: 'length' });
    hear(60, { ...without, text: '', stop: 'tool-call' });
    hear(60, { ...without, refusal: 'no' });
    hear(60, { ...without, recorded: { token: 0.9 } });
    expect(warnings).toEqual([]);
  });
});
