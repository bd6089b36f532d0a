import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDatasetBuild } from '../../src/cli/commands/dataset-build.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import type { DatasetManifest, DatasetRow } from '../../src/dataset/index.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: ScriptedUpstream;
let gateway: ServedGateway;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  gateway = await serveHere({
    config: `models:
  small: { provider: vllm, model: tiny, url: "${upstream.origin}/v1", price: { input: 1, output: 2 } }
  frontier: { provider: anthropic, model: huge, url: "${upstream.origin}", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  sort: { output: { kind: label, labels: [billing, refund] }, ladder: [small, frontier], threshold: 0.5, capture: { mode: full } }
`,
  });
});
afterEach(async () => {
  await gateway.remove();
  await upstream.close();
});

/** Builds from what the gateway has recorded so far, while it runs. */
async function build(): Promise<DatasetManifest & { readonly folder: string }> {
  const documents: unknown[] = [];
  const io: CommandIo = {
    out: () => undefined,
    json: (document) => documents.push(document),
    note: () => undefined,
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd: dirname(gateway.dataDir),
    signal: new AbortController().signal,
    width: 100,
  };
  const rest = {
    minCharacters: 1,
    flagTokens: 8_192,
    relabelWhich: 'missing',
    concurrency: 1,
    near: 0.8,
    splitBy: 'conversation',
  } as const;
  const where = { task: 'sort', fromRecord: true, config: 'smallfirst.yaml', data: gateway.dataDir, json: true, private: 'scrub' } as const;
  await runDatasetBuild('sorted', { ...rest, ...where, validation: 0, golden: 0 }, io);
  return documents[0] as DatasetManifest & { readonly folder: string };
}

/** Asks and waits for the whole answer. */
async function ask(path: string, content: string, more: object): Promise<string> {
  const body = { model: 'task/sort', max_tokens: 9, messages: [{ role: 'user', content }], ...more };
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.text();
  expect(answer.status).toBe(200);
  return answer.headers.get('x-smallfirst-request-id') ?? '';
}

describe('a data set from the traffic of a gateway', () => {
  it('holds what was asked and answered in every protocol, plain and streamed, with the worse answer of what was escalated', async () => {
    upstream.script('tiny', ({ messages }) => {
      const isSure = JSON.stringify(messages).includes('invoice');
      return { tokens: [{ text: isSure ? 'billing' : 'refund', logprob: isSure ? -0.01 : -3 }] };
    });
    upstream.script('huge', { tokens: [{ text: 'billing' }] });
    const asked = [
      await ask('/v1/chat/completions', 'the first invoice is wrong', {}),
      await ask('/v1/chat/completions', 'another invoice came twice, says jane@mail.example', { stream: true }),
      await ask('/v1/messages', 'something about an unclear matter', { system: 'Be short.' }),
      await ask('/v1/messages', 'quite a different unclear story', { stream: true }),
    ];
    let manifest: (DatasetManifest & { readonly folder: string }) | null = null;
    // The recorder writes behind the answer.
    await expect
      .poll(
        async () => {
          manifest = await build().catch(() => null);
          return manifest?.report.rows.train ?? 0;
        },
        { timeout: 20_000 },
      )
      .toBe(4);
    const text = await readFile(join((manifest as unknown as { folder: string }).folder, 'train.jsonl'), 'utf8');
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DatasetRow);
    const seen = asked
      .map((id) => rows.find((row) => row.id === id))
      .map((row) => row && [row.text, row.output, row.rejected, row.drawn, row.teacher?.model]);
    expect(seen).toEqual([
      ['the first invoice is wrong', 'billing', null, 'traffic', 'small'],
      ['another invoice came twice, says [EMAIL]', 'billing', null, 'traffic', 'small'],
      ['something about an unclear matter', 'billing', 'refund', 'escalated', 'frontier'],
      ['quite a different unclear story', 'billing', 'refund', 'escalated', 'frontier'],
    ]);
    expect(rows.find(({ id }) => id === asked[2])?.messages).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'something about an unclear matter' },
    ]);
    expect(rows.filter(({ flags }) => flags.includes('terms')).length).toBe(2);
  });
});
