import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documentIn, smallfirst } from '../support/cli.ts';

const root = resolve(import.meta.dirname, '..', '..');

/** What the clock and the file's own date decide: everything else is the same on every machine. */
function settled(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document, (key, value: unknown) => (key === 'latencyMs' || key === 'pins' ? undefined : value)));
}

describe('smallfirst demo', () => {
  it('finds again what README quotes', async () => {
    const kept = JSON.parse(readFileSync(join(root, 'bench', 'results', 'demo.json'), 'utf8')) as {
      figures: { document: { seed: number } };
    };
    const run = await smallfirst(root, ['demo', '--json', '--seed', String(kept.figures.document.seed)]);
    expect(run.exit).toBe(0);
    expect(settled(documentIn(run))).toEqual(settled(kept.figures.document));
  });
});
