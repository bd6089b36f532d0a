import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answer, type ScriptedUpstream, type Step, serve } from '../../../test/support/upstream-world.ts';
import type { EvalReport } from '../../eval/index.ts';
import type { CommandIo } from '../io.ts';
import { runEval } from './eval.ts';

/** A chat model that says `card` whatever it is asked; every tenth request fails once first. */
function chatModel(): Step {
  let asked = 0;
  return (request, response, body) => {
    asked += 1;
    if (asked % 10 === 0) return answer(500, '{}', { 'retry-after-ms': '1' })(request, response, body);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"model":"chat-1","choices":[{"index":0,"delta":{"content":"card"}}]}\n\n');
    response.write('data: {"model":"chat-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
    response.end('data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":2,"total_tokens":102}}\n\ndata: [DONE]\n\n');
  };
}

const messageModel: Step = (_, response) => {
  const events: [string, object][] = [
    ['message_start', { message: { id: 'm', model: 'claude-1', usage: { input_tokens: 100, output_tokens: 1 } } }],
    ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
    ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'card' } }],
    ['content_block_stop', { index: 0 }],
    ['message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }],
    ['message_stop', {}],
  ];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(events.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`).join(''));
};

async function project(small: ScriptedUpstream, big: ScriptedUpstream, items: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'eval-live-'));
  const price = 'price: { input: 1, output: 2 }';
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:
  small: { provider: vllm, model: chat-1, url: "${small.url}", ${price} }
  big: { provider: anthropic, model: claude-1, url: "${big.url}", apiKey: "\${BIG_KEY}", ${price} }
tasks:
  sort: { output: { kind: label, labels: [card, loan] }, ladder: [small, big], prompt: "Sort: {{input}}" }
`,
  );
  const rows = Array.from({ length: items }, (_, id) => `${JSON.stringify({ id, text: `item ${id}`, expected: 'card' })}\n`);
  await writeFile(join(folder, 'set.jsonl'), rows.join(''));
  return folder;
}

describe('smallfirst eval with live models', () => {
  it('asks each in its own protocol, rides over failures, and shows no key', async () => {
    const [small, big] = [await serve(chatModel()), await serve(messageModel)];
    const cwd = await project(small, big, 60);
    const documents: unknown[] = [];
    const io: CommandIo = {
      out: () => undefined,
      json: (document) => documents.push(document),
      note: () => undefined,
      progress: () => ({ advance: () => undefined, end: () => undefined }),
      env: { BIG_KEY: 'sk-big-secret' },
      cwd,
      signal: new AbortController().signal,
      width: 120,
    };
    await runEval({ config: 'smallfirst.yaml', task: 'sort', set: 'set.jsonl', data: '.smallfirst', json: true }, io);
    const report = documents[0] as EvalReport;
    expect(report.models.map(({ model, n, quality, errors }) => ({ model, n, quality, errors }))).toEqual([
      { model: 'small', n: 60, quality: 1, errors: 0 },
      { model: 'big', n: 60, quality: 1, errors: 0 },
    ]);
    expect(small.requests.length).toBe(66);
    expect(big.requests[0]?.headers['x-api-key']).toBe('sk-big-secret');
    expect(JSON.stringify(documents)).not.toContain('sk-big-secret');
  });
});
