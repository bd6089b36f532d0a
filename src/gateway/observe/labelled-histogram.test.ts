import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { LabelledHistogram } from './labelled-histogram.ts';

const shape = { name: 'took_seconds', help: 'How long it took.', label: 'model', bounds: [0.1, 0.5, 1, 2.5] };

const observations = fc.array(
  fc.tuple(
    fc.constantFrom('', 'small', 'big "quoted"\n', '7'),
    fc.oneof(fc.constantFrom(0, ...shape.bounds), fc.double({ min: 0, max: 4, noNaN: true })),
  ),
  { maxLength: 60 },
);

describe('a histogram with one label', () => {
  it('shows what that of prom-client shows, whatever it has seen', async () => {
    await fc.assert(
      fc.asyncProperty(observations, async (seen) => {
        const own = new Registry();
        const theirs = new Registry();
        const histogram = new LabelledHistogram(shape, own);
        const { label, bounds, ...rest } = shape;
        const other = new Histogram({ ...rest, labelNames: [label], buckets: [...bounds], registers: [theirs] });
        for (const [text, value] of seen) {
          histogram.observe(text, value);
          other.observe({ [label]: text }, value);
        }
        expect(await own.metrics()).toBe(await theirs.metrics());
        expect(await own.metrics()).toBe(await own.metrics());
      }),
    );
  });
});
