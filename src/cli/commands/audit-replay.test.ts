import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../core/index.ts';
import type { CommandIo } from '../io.ts';
import { runAudit } from './audit.ts';

const CLASSIFY = 'Classify the message of a customer as billing, refund or other. Answer with the label only.';
const LABELS = ['billing', 'refund', 'other'];
let folder = '';
let server: Server;
const asked: { readonly model: string; readonly system: string; readonly text: string }[] = [];
/** How the candidate goes on. */
const candidate = {
  /** Calls under way, and the most that there were. */
  underWay: 0,
  peak: 0,
  /** Says nothing from this call on. */
  silentFrom: Number.POSITIVE_INFINITY,
  /** Its answers take all the tokens that they may. */
  isVerbose: false,
  spentUsd: 0,
};

beforeEach(async () => {
  asked.length = 0;
  Object.assign(candidate, { underWay: 0, peak: 0, silentFrom: Number.POSITIVE_INFINITY, isVerbose: false, spentUsd: 0 });
  folder = await mkdtemp(join(tmpdir(), 'audit-replay-'));
  // A candidate that answers as the log did, but for every tenth message.
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const said = JSON.parse(body) as {
        readonly model: string;
        readonly messages: readonly { readonly content: string }[];
        readonly max_completion_tokens?: number;
        readonly max_tokens?: number;
      };
      const { model, messages } = said;
      const text = messages.at(-1)?.content ?? '';
      asked.push({ model, system: messages[0]?.content ?? '', text });
      candidate.underWay += 1;
      candidate.peak = Math.max(candidate.peak, candidate.underWay);
      if (asked.length > candidate.silentFrom) return;
      const n = Number(/\d+/.exec(text)?.[0]);
      const content = n % 10 === 0 ? 'no idea' : `${LABELS[n % 3]?.toUpperCase()}.`;
      const length = candidate.isVerbose ? (said.max_completion_tokens ?? said.max_tokens ?? 100_000) : 2;
      candidate.spentUsd += (100 + 2 * length) / 1e6;
      // A turn of the loop, in which others arrive.
      setTimeout(() => {
        candidate.underWay -= 1;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            ...{ id: 'c', object: 'chat.completion', created: 1, model },
            choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
            usage: { prompt_tokens: 100, completion_tokens: length, total_tokens: 100 + length },
          }),
        );
      }, 5);
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
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function audit(more: object, { signal = new AbortController().signal, clock = systemClock as Clock } = {}) {
  const said = { documents: [] as { replay?: readonly object[]; replayLeft?: number }[], notes: [] as string[] };
  const io: CommandIo = {
    out: () => {},
    json: (document) => said.documents.push(document as object),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => {}, end: () => {} }),
    ...{ env: {}, cwd: folder, signal, width: 120 },
  };
  const code = await runAudit(['log.jsonl'], { top: 10, data: '.smallfirst', json: true, config: 'smallfirst.yaml', ...more }, io, clock);
  return { code, ...said };
}

describe('the replay of an audit', () => {
  it('asks a candidate the log’s own prompts and says how often it answers as the log did, with n and interval', async () => {
    const { code, documents, notes } = await audit({ replay: 'mini', replayCalls: 100, maxCost: 1 });
    expect(code).toBe(0);
    expect(asked).toHaveLength(100);
    expect([candidate.peak > 1, candidate.peak <= 8]).toEqual([true, true]);
    expect(asked[0]).toMatchObject({ model: 'mini-1', system: CLASSIFY, text: expect.stringMatching(/^message \d+ of a customer$/) });
    expect(documents[0]?.replay).toEqual([
      expect.objectContaining({ model: 'mini', n: 100, agreed: 90, agreement: 0.9, failed: 0, costUsd: expect.closeTo(0.0104, 6) }),
    ]);
    expect(documents[0]?.replay?.[0]).toMatchObject({ low: expect.closeTo(0.8238, 3), high: expect.closeTo(0.951, 3) });
    expect(notes.find((note) => note.startsWith('Replay:'))).toContain('100 prompts of 1 task to mini');
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

  it('never spends more than its cap, however long the answers are, and says how many prompts are left', async () => {
    candidate.isVerbose = true;
    const { code, documents, notes } = await audit({ replay: 'mini', replayCalls: 100, maxCost: 0.1 });
    expect([candidate.spentUsd > 0.08, candidate.spentUsd <= 0.1]).toEqual([true, true]);
    expect(documents[0]?.replay).toEqual([
      expect.objectContaining({ n: asked.length, failed: 0, costUsd: expect.closeTo(candidate.spentUsd, 9) }),
    ]);
    expect([code, documents[0]?.replayLeft]).toEqual([1, 100 - asked.length]);
    expect(notes).toContain(`--max-cost is reached before ${100 - asked.length} prompts.`);
  });

  it('keeps what was measured when it is interrupted, and counts nothing that was broken off as failed', async () => {
    candidate.silentFrom = 40;
    const controller = new AbortController();
    const running = audit({ replay: 'mini', replayCalls: 100, maxCost: 1 }, { signal: controller.signal });
    // Eight are under way together: when the 48th arrives, forty have been answered.
    while (asked.length < 48) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    const { code, documents, notes } = await running;
    expect(documents[0]?.replay).toEqual([expect.objectContaining({ n: 40, failed: 0 })]);
    expect([code, documents[0]?.replayLeft]).toEqual([1, 60]);
    expect(notes).toContain('Interrupted: what was measured until then is shown. 8 calls under way may be billed.');
  });

  it('pays the prices of the day on which it asks', async () => {
    const row = (from: string, input: number): string =>
      `- { provider: openai, model: mini-1, from: ${from}, source: contract, usdPerMillion: { input: ${input}, output: ${2 * input} } }\n`;
    await writeFile(join(folder, 'prices.yaml'), row('2020-01-01', 1) + row('2035-01-01', 10));
    const config = await readFile(join(folder, 'smallfirst.yaml'), 'utf8');
    await writeFile(join(folder, 'smallfirst.yaml'), `prices: prices.yaml\n${config.replace(', price: { input: 1, output: 2 }', '')}`);
    const clock = { ...systemClock, now: () => Date.UTC(2036, 0, 1), monotonic: () => systemClock.monotonic() };
    const { documents } = await audit({ replay: 'mini', replayCalls: 10, maxCost: 1 }, { clock });
    expect(documents[0]?.replay).toEqual([expect.objectContaining({ n: 10, costUsd: expect.closeTo(0.0104, 9) })]);
  });
});
