import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openLog, type RequestLine } from './logging.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smallfirst-log-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const name = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', 'a\nb', '\u2028', 'é', '\x7f', ''));
const named = fc.option(name, { nil: null });
const hundredths = fc.nat({ max: 100_000_000 }).map((scaled) => scaled / 100);
const count = fc.option(fc.nat(), { nil: null });
const line: fc.Arbitrary<RequestLine> = fc.record({
  id: fc.uuid(),
  route: name,
  model: named,
  task: named,
  key: named,
  status: fc.constantFrom(200, 404, 499, 502),
  ms: hundredths,
  upstreamMs: fc.option(hundredths, { nil: null }),
  inputTokens: count,
  outputTokens: count,
  cost: count,
  decision: named,
  error: named,
});

let files = 0;
/** The lines that a log wrote, of which there must be so many. */
async function written(
  lines: readonly RequestLine[],
  count: number,
  options: { readonly log?: 'info' | 'warn'; readonly sample?: number } = {},
): Promise<readonly string[]> {
  const path = join(folder, String(files++));
  const to = openSync(path, 'a');
  const log = openLog({ log: options.log ?? 'info', sample: options.sample ?? 1, random: () => 0.5, to });
  for (const one of lines) log.request(one);
  log.close();
  // The last block may still be on its way.
  const texts = await vi.waitFor(() => {
    const all = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    expect(all).toHaveLength(count);
    return all;
  });
  closeSync(to);
  return texts;
}

describe('a log of requests', () => {
  it('writes each line as JSON.stringify would', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), async (lines) => {
        const texts = await written(lines, lines.length);
        texts.forEach((text, i) => {
          const { time } = JSON.parse(text) as { readonly time: number };
          const { id, route, cost, decision, error, ...rest } = lines[i] as RequestLine;
          const { model, task, key, ...figures } = rest;
          const costUsd = cost === null ? null : cost / 1e9;
          const level = figures.status >= 500 ? 'warn' : 'info';
          expect(text).toBe(
            JSON.stringify({ level, time, id, route, model, task, key, ...figures, costUsd, decision, error, msg: 'request' }),
          );
          expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
        });
      }),
      { numRuns: 20 },
    );
  });

  const answered: RequestLine = {
    id: '1',
    route: '/v1/chat/completions',
    model: 'm',
    task: null,
    key: null,
    status: 200,
    ms: 1.5,
    upstreamMs: 1,
    inputTokens: 3,
    outputTokens: 4,
    cost: 5,
    decision: null,
    error: null,
  };

  it('leaves answers out by the sample, failures never', async () => {
    const refused = { ...answered, id: '2', status: 429 };
    const cut = { ...answered, id: '3', error: 'UPSTREAM_FAILED' };
    const ids = (texts: readonly string[]) => texts.map((text) => (JSON.parse(text) as { readonly id: string }).id);
    expect(ids(await written([answered, refused, cut], 2, { sample: 0.5 }))).toEqual(['2', '3']);
    expect(ids(await written([answered, refused, cut], 3, { sample: 0.6 }))).toEqual(['1', '2', '3']);
  });

  it('tells the failures of the server alone where only warnings are asked for', async () => {
    const [only] = await written([answered, { ...answered, status: 404 }, { ...answered, id: '7', status: 503 }], 1, { log: 'warn' });
    expect(JSON.parse(only as string)).toMatchObject({ id: '7', level: 'warn' });
  });
});
