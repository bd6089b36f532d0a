import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { runAudit } from './audit.ts';

const CLASSIFY = 'Classify the message of a customer as billing, refund or other. Answer with the label only.';
const LABELS = ['billing', 'refund', 'other'];
let folder = '';
let server: Server;
const asked: { readonly model: string; readonly system: string; readonly text: string }[] = [];

beforeEach(async () => {
  asked.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'audit-replay-'));
  // A candidate that answers as the log did, but for every tenth message.
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const { model, messages } = JSON.parse(body) as {
        readonly model: string;
        readonly messages: readonly { readonly content: string }[];
      };
      const text = messages.at(-1)?.content ?? '';
      asked.push({ model, system: messages[0]?.content ?? '', text });
      const n = Number(/\d+/.exec(text)?.[0]);
      const content = n % 10 === 0 ? 'no idea' : `${LABELS[n % 3]?.toUpperCase()}.`;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          ...{ id: 'c', object: 'chat.completion', created: 1, model },
          choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 100, completion_tokens: 2, total_tokens: 102 },
        }),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const rows = Array.from({ length: 100 }, (_, i) => ({
    request: {
      model: 'gpt-4o',
      temperature: 0,
      messages: [
        { role: 'system', content: CLASSIFY },
        { role: 'user', content: `message ${i} of a customer` },
      ],
    },
    response: {
      ...{ id: `r${i}`, object: 'chat.completion', created: 1_790_000_000 + i * 60, model: 'gpt-4o' },
      choices: [{ index: 0, message: { role: 'assistant', content: LABELS[i % 3] }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 500, completion_tokens: 4, total_tokens: 504 },
    },
  }));
  await writeFile(join(folder, 'log.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  await writeFile(
    join(folder, 'smallfirst.yaml'),
    `models:\n  mini: { provider: openai, model: mini-1, url: "${url}", apiKey: k, price: { input: 1, output: 2 } }\n  bare: { provider: openai, model: nobody-prices-this, url: "${url}", apiKey: k }\n`,
  );
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function audit(more: object) {
  const said = { documents: [] as { replay?: readonly object[] }[], notes: [] as string[] };
  const io: CommandIo = {
    out: () => {},
    json: (document) => said.documents.push(document as object),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => {}, end: () => {} }),
    ...{ env: {}, cwd: folder, signal: new AbortController().signal, width: 120 },
  };
  const code = await runAudit(['log.jsonl'], { top: 10, data: '.smallfirst', json: true, config: 'smallfirst.yaml', ...more }, io);
  return { code, ...said };
}

describe('the replay of an audit', () => {
  it('asks a candidate the log’s own prompts and says how often it answers as the log did, with n and interval', async () => {
    const { code, documents, notes } = await audit({ replay: 'mini', replayCalls: 100, maxCost: 1 });
    expect(code).toBe(0);
    expect(asked).toHaveLength(100);
    expect(asked[0]).toMatchObject({ model: 'mini-1', system: CLASSIFY, text: expect.stringMatching(/^message \d+ of a customer$/) });
    expect(documents[0]?.replay).toEqual([
      expect.objectContaining({ model: 'mini', n: 100, agreed: 90, agreement: 0.9, failed: 0, costUsd: expect.closeTo(0.0104, 6) }),
    ]);
    expect(documents[0]?.replay?.[0]).toMatchObject({ low: expect.closeTo(0.8238, 3), high: expect.closeTo(0.951, 3) });
    expect(notes.find((note) => note.startsWith('Replay:'))).toContain('100 prompts of 1 tasks to mini');
  });

  it('asks nothing without a cap, above it, or for a model that nobody prices', async () => {
    await expect(audit({ replay: 'mini' })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--max-cost') });
    await expect(audit({ replay: 'mini', maxCost: 0.0001 })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('above --max-cost'),
    });
    await expect(audit({ replay: 'bare', maxCost: 1 })).rejects.toMatchObject({ code: 'BUDGET_UNPRICED' });
    await expect(audit({ replay: 'nope', maxCost: 1 })).rejects.toMatchObject({ code: 'USAGE' });
    expect(asked).toEqual([]);
  });
});
