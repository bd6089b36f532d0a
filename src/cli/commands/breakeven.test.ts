import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../core/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { buildProgram } from '../program.ts';
import { type BreakevenOptions, runBreakeven } from './breakeven.ts';
import { levelsOf } from './breakeven-measure.ts';
import type { BreakevenDocument } from './breakeven-types.ts';

const clock: Clock = { now: () => Date.parse('2026-11-22T10:00:00Z'), monotonic: () => systemClock.monotonic() };

let folder: string;
let server: Server;
let url: string;
const asked: { path: string; authorization: string | undefined; prompt: string; inFlight: number }[] = [];
let inFlight = 0;
let refuse = false;
let usageReported = true;
let strict = false;

/** A small OpenAI-compatible server that answers when four requests wait, or a turn later: what it can do at once shows in the figures. */
function serve(): Server {
  return createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'tiny', object: 'model' }] }));
      return;
    }
    if (request.url === '/v1/moved/chat/completions') {
      response.writeHead(307, { location: 'http://127.0.0.2:1/v1/chat/completions' }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      inFlight += 1;
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        messages: { content: string }[];
        max_tokens: number;
        ignore_eos?: boolean;
      };
      asked.push({
        path: request.url ?? '',
        authorization: request.headers.authorization,
        prompt: body.messages[0]?.content ?? '',
        inFlight,
      });
      setImmediate(() => {
        inFlight -= 1;
        if (refuse) response.writeHead(503).end('busy');
        else if (strict && body.ignore_eos !== undefined) response.writeHead(400).end('unknown parameter ignore_eos');
        else {
          const usage = { prompt_tokens: 40, completion_tokens: body.max_tokens, total_tokens: 40 + body.max_tokens };
          const choices = [{ index: 0, message: { role: 'assistant', content: 'one two three' }, finish_reason: 'length' }];
          response.end(JSON.stringify({ id: 'x', object: 'chat.completion', choices, ...(usageReported ? { usage } : {}) }));
        }
      });
    });
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-breakeven-'));
  server = serve();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});

afterAll(async () => {
  await new Promise((done) => server.close(done));
  await rm(folder, { recursive: true, force: true });
});

function terminal(env: Record<string, string> = {}): CommandIo & { text: string; notes: string[]; documents: unknown[] } {
  return {
    text: '',
    notes: [] as string[],
    documents: [] as unknown[],
    out(part) {
      this.text += part;
    },
    json(value) {
      this.documents.push(value);
    },
    note(line) {
      this.notes.push(line);
    },
    progress: () => ({ advance() {}, end() {} }),
    env,
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
}

const usual: BreakevenOptions = {
  ...{ volume: 240_000, inputTokens: 3000, outputTokens: 600, cachedTokens: 0, baseline: 'openai/gpt-5-mini', json: true },
  ...{ utilisation: 0.5, spareHosts: 1, opsHours: 10, opsUsd: 75, otherUsd: 0, peak: 1.5 },
  ...{ endpointUsd: 0, endpointTasks: 1, tuneMonths: 12, measureConcurrency: 4, measureRequests: 40 },
};

async function ask(
  options: Partial<BreakevenOptions>,
  io = terminal(),
): Promise<{ document: BreakevenDocument; text: string; notes: string[] }> {
  expect(await runBreakeven({ ...usual, ...options }, io, clock)).toBe(0);
  return { document: io.documents[0] as BreakevenDocument, text: io.text, notes: io.notes };
}

const optionOf = (document: BreakevenDocument, model: string) => document.options.find((option) => option.model === model);

describe('smallfirst breakeven', () => {
  it('prices a month of calls at the list: 240,000 of 3,000 + 600 tokens are $468 on gpt-5-mini, $7,200 on opus 5', async () => {
    expect((await ask({})).document.baseline).toEqual({ model: 'openai/gpt-5-mini', usdPerMonth: expect.closeTo(468, 9) });
    // The seed's month of 30.4 days.
    expect((await ask({ volume: 243_200 })).document.baseline.usdPerMonth).toBeCloseTo(474.24, 9);
    expect((await ask({ baseline: 'claude-opus-5' })).document.baseline).toEqual({
      model: 'anthropic/claude-opus-5',
      usdPerMonth: expect.closeTo(7200, 9),
    });
  });

  it('prints exactly the members that were promised', async () => {
    const { document } = await ask({});
    expect(Object.keys(document)).toEqual(['baseline', 'options', 'assumptions']);
    expect(Object.keys(document.baseline)).toEqual(['model', 'usdPerMonth']);
    for (const option of document.options) {
      expect(Object.keys(option)).toEqual(['kind', 'model', 'usdPerMonth', 'breakEvenVolume', 'utilisation', 'never']);
      expect(option.never && option.breakEvenVolume !== null).toBe(false);
    }
    for (const { name, source, date } of document.assumptions) {
      expect([name, source].every((text) => text.length > 0)).toBe(true);
      expect(date).toMatch(/^\d{4}-\d{2}(-\d{2})?$/);
    }
    expect(new Set(document.options.map(({ kind }) => kind))).toEqual(new Set(['hosted-small', 'hosted-open', 'self-hosted']));
  });

  it('finds u* of 49 % for an A40 against $.20 a million, a volume only where it is planned busier than that', async () => {
    const against = { baseline: 'fireworks/llama-v3p1-8b-instruct', gpu: 'A40' };
    const half = optionOf((await ask(against)).document, 'llama-3.1-8b on A40');
    expect(half?.utilisation?.toFixed(2)).toBe('0.49');
    // (n + 1)·$321.20 + $750 ≤ n·K·$.00072 with K = 454,790 calls a host: 172 hosts.
    expect(half).toMatchObject({ never: false, breakEvenVolume: expect.any(Number) });
    expect(half?.breakEvenVolume).toBeGreaterThan(1e7);
    const quarter = await ask({ ...against, utilisation: 0.25 });
    expect(optionOf(quarter.document, 'llama-3.1-8b on A40')).toMatchObject({ never: false, breakEvenVolume: null });
    const printed = await ask({ ...against, utilisation: 0.25, json: false });
    expect(printed.text).toContain('not as planned: only when busy over 49 % of its hours, planned 25 %');
  });

  it('says never, and why, where u* is above 1', async () => {
    const { document } = await ask({ baseline: 'groq/llama-3.1-8b-instant', gpu: 'A40' });
    expect(optionOf(document, 'llama-3.1-8b on A40')).toMatchObject({ never: true, breakEvenVolume: null });
    expect(optionOf(document, 'llama-3.1-8b on A40')?.utilisation).toBeGreaterThan(1);
    const { text } = await ask({ baseline: 'groq/llama-3.1-8b-instant', gpu: 'A40', json: false });
    expect(text).toMatch(/llama-3\.1-8b on A40 +self-hosted .*NEVER: always busy, its rent alone is 1\.8 × today/);
    expect(text).toMatch(/openai\/gpt-5-mini +hosted-small .*NEVER: it is not cheaper per call/);
  });

  it('counts the spare host, the people and the staircase', async () => {
    const { document, text } = await ask({ volume: 1_000_000, gpu: 'A40', baseline: 'claude-opus-5' });
    // .3461 requests/s · .5 · 2,628,000 s = 454,790 calls a host: three of them and one spare, and ten hours of $75.
    expect(optionOf(document, 'llama-3.1-8b on A40')?.usdPerMonth).toBeCloseTo(4 * 730 * 0.44 + 750, 6);
    expect(text).toBe('');
    const shown = await ask({ volume: 1_000_000, gpu: 'A40', baseline: 'claude-opus-5', json: false });
    expect(shown.text).toContain('- A40: 4 hosts, 1 of them spare, busy 27.5 % of paid hours');
    expect(shown.text).toMatch(/1\. hosted-small, .* \(due on price\): a certificate/);
    expect(shown.text).toMatch(/3\. self-hosted, llama-3\.1-8b on A40: never on price against novita/);
  });

  it('takes prices, names and cached tokens of one’s own', async () => {
    await writeFile(
      join(folder, 'prices.yaml'),
      '- provider: openai\n  model: my-tune\n  source: contract\n  from: 2026-10-01\n  usdPerMillion: { input: 1, output: 4, cacheRead: 0.1 }\n',
    );
    const { document } = await ask({ prices: 'prices.yaml', baseline: 'my-tune', volume: 1000, cachedTokens: 2000 });
    expect(document.baseline).toEqual({ model: 'openai/my-tune', usdPerMonth: expect.closeTo(1000 * (0.001 + 0.0002 + 0.0024), 9) });
    expect(document.assumptions).toContainEqual({
      ...{ name: 'openai/my-tune: cacheRead, $ per million', value: 0.1, source: 'contract', date: '2026-10-01' },
    });
  });

  it('takes GPUs of one’s own, and says where their list is wrong', async () => {
    const throughput = {
      ...{ gpu: 'MI300X', model: 'qwen3-8b', precision: 'bf16', concurrency: 64, outputTokensPerSecond: 2000, totalTokensPerSecond: 9000 },
      ...{ source: 'own run', date: '2026-11-20' },
    };
    const offer = { name: 'MI300X', memoryGib: 192, usdPerHour: 2, source: 'contract', date: '2026-11-01' };
    await writeFile(join(folder, 'gpus.json'), JSON.stringify({ offers: [offer], throughputs: [throughput] }));
    const { document } = await ask({ gpus: 'gpus.json', gpu: 'mi300x' });
    expect(document.options.filter(({ kind }) => kind === 'self-hosted').map(({ model }) => model)).toEqual(['qwen3-8b on MI300X']);
    await writeFile(join(folder, 'bad.json'), JSON.stringify({ offers: [{ ...offer, usdPerHour: -1 }] }));
    await expect(ask({ gpus: 'bad.json' })).rejects.toThrow('offers[0].usdPerHour');
  });

  it('pays a fine-tune back, with its endpoint', async () => {
    const { document } = await ask({ tuneUsd: 1200, endpointUsd: 584, baseline: 'claude-opus-5', gpu: 'A40' });
    const tuned = document.options.find(({ kind }) => kind === 'fine-tuned');
    // $684 a month ÷ ($.03 − 3,600 tokens of $.05 a million).
    expect(tuned).toMatchObject({ breakEvenVolume: Math.ceil(684 / (0.03 - 0.00018)), never: false });
  });

  it.each<[Partial<BreakevenOptions>, string]>([
    [{ baseline: 'gpt-nowhere' }, 'No price list knows a model "gpt-nowhere"'],
    [{ gpu: 'H200' }, '--gpu knows no "H200"; it takes A40, RTX-4090'],
    [{ gpu: 'L4' }, 'The list has no benchmark of L4'],
    [{ inputTokens: 0, outputTokens: 0 }, 'A call needs tokens'],
    [{ cachedTokens: 4000 }, '--cached-tokens 4000 is a part of --input-tokens 3000'],
    [{ gpus: 'none.yaml' }, 'No list of GPUs at'],
    [{ measure: 'http://127.0.0.1:1/v1' }, '--measure needs --gpu'],
    [{ measure: 'http://127.0.0.1:1/v1', gpu: 'A40', measureKeyEnv: 'NO_KEY' }, 'The environment has no NO_KEY'],
  ])('refuses %j with what to do', async (options, message) => {
    await expect(ask(options)).rejects.toThrow(message);
  });

  it('is reached by the options that are documented', async () => {
    const io = terminal();
    const codes: ExitCode[] = [];
    const words = ['breakeven', '--volume', '1000', '--input-tokens', '100', '--output-tokens', '10', '--gpu', 'A40', '--json'];
    await buildProgram(io, (code) => codes.push(code)).parseAsync(['node', 'smallfirst', ...words]);
    expect(codes).toEqual([0]);
    expect((io.documents[0] as BreakevenDocument).baseline).toEqual({
      model: 'anthropic/claude-opus-5',
      usdPerMonth: expect.closeTo(0.75, 9),
    });
    await expect(buildProgram(io, () => undefined).parseAsync(['node', 'smallfirst', 'breakeven', '--volume', '0'])).rejects.toThrow();
  });
});

describe('breakeven --measure', () => {
  it('uses the tokens per second of a real endpoint, in rising steps, within its budget of requests', async () => {
    asked.length = 0;
    const io = terminal({ KEY: 'secret' });
    const { document } = await ask({ measure: url, gpu: 'A40', measureKeyEnv: 'KEY', inputTokens: 40, outputTokens: 20 }, io);
    // One to warm up, then three waves of 1, 2 and 4 in flight.
    expect(asked).toHaveLength(1 + 3 + 6 + 12);
    expect(Math.max(...asked.map((one) => one.inFlight))).toBeLessThanOrEqual(4);
    expect(new Set(asked.map((one) => one.authorization))).toEqual(new Set(['Bearer secret']));
    expect(new Set(asked.map((one) => one.prompt)).size).toBe(asked.length);
    const measured = document.assumptions.find(({ name }) => name === 'A40: tokens/s, input and output');
    expect(measured?.value).toBeGreaterThan(0);
    expect(measured?.source).toMatch(/^measured at http:\/\/127\.0\.0\.1:\d+: as served, [124] in flight, 40 in, 20 out$/);
    expect(document.options.some(({ model }) => model === 'tiny on A40')).toBe(true);
  });

  it('asks an endpoint that knows no ignore_eos without it', async () => {
    strict = true;
    asked.length = 0;
    const { document } = await ask({ measure: url, gpu: 'A40', inputTokens: 40, measureConcurrency: 1, measureRequests: 5 });
    strict = false;
    expect(asked).toHaveLength(2 + 3);
    expect(document.options.some(({ model }) => model === 'tiny on A40')).toBe(true);
  });

  it('counts for itself what an endpoint does not report', async () => {
    usageReported = false;
    const { text } = await ask({ measure: url, gpu: 'A40', measureModel: 'tiny', inputTokens: 40, outputTokens: 20, json: false });
    usageReported = true;
    expect(text).toContain('Measured: tiny, tokens by our count');
    expect(text).toMatch(/in flight +requests +failed +tokens\/s/);
  });

  it('says what went wrong where nothing answers as it should', async () => {
    refuse = true;
    await expect(ask({ measure: url, gpu: 'A40', inputTokens: 40 })).rejects.toThrow('status 503: busy');
    refuse = false;
    await expect(ask({ measure: `${url}/moved`, gpu: 'A40', measureModel: 'tiny' })).rejects.toThrow('Nothing could be measured at');
  });

  it('asks nothing beyond this machine and the hosts of the config', async () => {
    for (const foreign of [
      'https://example.com/v1',
      'http://10.0.0.1/v1',
      'http://localhost.example.com/v1',
      'http://user:pw@127.0.0.1/v1',
      'file:///x',
    ]) {
      await expect(ask({ measure: foreign, gpu: 'A40' })).rejects.toMatchObject({ code: 'USAGE' });
    }
    await writeFile(
      join(folder, 'smallfirst.yaml'),
      `models:\n  mine: { provider: vllm, model: tiny, url: "${url.replace('127.0.0.1', 'localhost')}" }\n`,
    );
    const { document } = await ask({
      measure: url,
      gpu: 'A40',
      config: 'smallfirst.yaml',
      inputTokens: 40,
      measureRequests: 4,
      measureConcurrency: 1,
    });
    expect(document.options.some(({ model }) => model === 'tiny on A40')).toBe(true);
  });

  it('plans levels that fill their slots', () => {
    const plan = (concurrency: number, maxRequests: number) =>
      levelsOf({ concurrency, maxRequests }).map((level) => [level.concurrency, level.requests]);
    expect(plan(6, 100)).toEqual([
      [1, 3],
      [2, 6],
      [4, 12],
      [6, 18],
    ]);
    expect(plan(8, 13)).toEqual([
      [1, 3],
      [2, 6],
    ]);
    expect(plan(1, 3)).toEqual([[1, 1]]);
  });
});
