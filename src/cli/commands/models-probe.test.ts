import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateFor } from '../../../test/support/cascade-world.ts';
import { type FakeUpstream, type Fault, startFakeUpstream } from '../../../test/support/fake-upstream/index.ts';
import { chatReply } from '../../../test/support/fake-upstream/openai-chat.ts';
import { serveHere } from '../../../test/support/serve.ts';
import { type LockedCertificate, loadConfig, NO_LOCK, withCertificate } from '../../config/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo } from '../io.ts';
import { buildProgram } from '../program.ts';
import { type ModelsProbeDocument, runModelsProbe } from './models-probe.ts';
import { readProbes } from './probe-file.ts';
import { signalWarnings } from './serve-signals.ts';

let folder: string;
let upstream: FakeUpstream;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-probe-'));
  upstream = await startFakeUpstream();
});

afterEach(async () => {
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

/** A server that answers chats, and takes no notice of what these members ask for. */
function deafTo(...members: readonly string[]): Fault {
  return {
    kind: 'rewrite',
    rewrite: (_reply, { json }) => chatReply(Object.fromEntries(Object.entries(json ?? {}).filter(([name]) => !members.includes(name)))),
  };
}

async function write(models: Readonly<Record<string, string>>, rest = ''): Promise<void> {
  const lines = Object.entries(models).map(([name, text]) => `  ${name}: ${text}\n`);
  await writeFile(join(folder, 'smallfirst.yaml'), `models:\n${lines.join('')}${rest}`);
}

const vllm = (more = '') =>
  `{ provider: vllm, model: llama-8b, url: "${upstream.origin}/v1", price: { input: 1, output: 2 }${more === '' ? '' : `, ${more}`} }`;

function world() {
  const documents: ModelsProbeDocument[] = [];
  const notes: string[] = [];
  const said: string[] = [];
  const io: CommandIo = {
    out: (part) => void said.push(part),
    json: (value) => documents.push(value as ModelsProbeDocument),
    note: (line) => notes.push(line),
    progress: () => ({ advance() {}, end() {} }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  return { io, documents, notes, said };
}

async function probe(names: readonly string[] = [], options: { readonly maxCost?: number; readonly json?: boolean } = {}) {
  const { io, documents, notes, said } = world();
  const exit = await runModelsProbe(names, { config: 'smallfirst.yaml', data: '.smallfirst', maxCost: 0.25, json: true, ...options }, io);
  return { exit, document: documents[0], model: documents[0]?.models[0], notes, text: said.join('') };
}

describe('smallfirst models probe', () => {
  it('says what really came of a model that gives what its vendor declares', async () => {
    await write({ small: vllm() });
    const { exit, document, model } = await probe();
    expect(exit).toBe(0);
    expect(model).toMatchObject({
      name: 'small',
      reachable: true,
      servedModel: 'llama-8b-2026-08-01',
      systemFingerprint: 'fp_fake',
      usage: { plain: true, streamed: true },
      alternatives: 5,
      differences: [],
      stopped: null,
    });
    expect(Object.values(model?.observed ?? {}).map(({ seen }) => seen)).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(upstream.seen.map(({ json }) => [json?.stream ?? false, json?.logprobs ?? false])).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [true, false],
      [true, false],
    ]);
    // The bill of the answers' own tokens, at $1 and $2 a million; the fake counts 3 cached tokens in each prompt.
    const tokens = model?.requests.map(({ inputTokens, outputTokens }) => (inputTokens ?? 0) + 2 * (outputTokens ?? 0)) ?? [];
    expect(document?.costUsd).toBeCloseTo(tokens.reduce((sum, one) => sum + one, 0) / 1e6, 12);
    expect(document?.estimateUsd).toBeGreaterThan(document?.costUsd ?? 1);
  });

  it('answers 1 and names what is declared and does not come', async () => {
    upstream.always(deafTo('logprobs', 'tools', 'response_format', 'stream_options'));
    await write({ small: vllm() });
    const { exit, model } = await probe();
    expect(exit).toBe(1);
    expect(model?.differences.map(({ kind, capability }) => [kind, capability])).toEqual([
      ['missing', 'logprobs'],
      ['missing', 'json-schema'],
      ['missing', 'tools'],
    ]);
    expect(model?.usage).toEqual({ plain: true, streamed: false });
    expect(model?.alternatives).toBe(null);
    const { text } = await probe([], { json: false });
    expect(text).toContain('- missing: small declares logprobs, and does not give it: asked for, and none came');
  });

  it('finds a stream that comes in one piece, and what is refused', async () => {
    const refused: Fault = { kind: 'status', status: 400, body: '{"error":{"message":"no tool parser","type":"invalid_request_error"}}' };
    const whole: Fault = { kind: 'rewrite', rewrite: (_reply, { json }) => chatReply({ ...json, stream: false }) };
    upstream.next(null, whole, null, null, refused);
    await write({ small: vllm() });
    const { exit, model } = await probe();
    expect(exit).toBe(1);
    expect(model?.observed).toMatchObject({
      streaming: { seen: 'no', detail: 'all in one piece' },
      tools: { seen: 'no', detail: 'The upstream of small refused the request (HTTP 400): no tool parser' },
    });
  });

  it('shows what comes undeclared, and leaves the exit at 0', async () => {
    await write({ small: vllm('capabilities: [system, streaming]') });
    const { exit, model } = await probe();
    expect(exit).toBe(0);
    expect(model?.differences.map(({ kind, capability }) => [kind, capability])).toEqual([
      ['undeclared', 'logprobs'],
      ['undeclared', 'json-schema'],
      ['undeclared', 'tools'],
    ]);
  });

  it('never asks for logprobs where the protocol has none', async () => {
    await write({ big: `{ provider: anthropic, model: claude-1, apiKey: k, url: "${upstream.origin}", price: { input: 1, output: 2 } }` });
    const { exit, model } = await probe();
    expect(exit).toBe(0);
    expect(model?.observed.logprobs).toEqual({ seen: 'no', detail: 'never asked for: the protocol has none' });
    expect(upstream.seen).toHaveLength(4);
  });

  it('asks a dead upstream nothing more, keeps nothing of it, and answers 1', async () => {
    const dead = await startFakeUpstream();
    await dead.close();
    await write({
      gone: `{ provider: vllm, model: gone-8b, url: "${dead.origin}/v1", retries: 0 }`,
      small: vllm(),
    });
    const { exit, document, notes } = await probe();
    expect(exit).toBe(1);
    expect(document?.models.map(({ name, reachable, requests }) => ({ name, reachable, asked: requests.length }))).toEqual([
      { name: 'gone', reachable: false, asked: 1 },
      { name: 'small', reachable: true, asked: 5 },
    ]);
    expect(document?.models[0]?.requests[0]?.error?.code).toBe('UPSTREAM_FAILED');
    expect(document?.estimateUsd).toBe(null);
    expect(notes[0]).toBe('WARNING: gone has no known price: what asking it costs is not known, and not capped.');
    expect([...(await readProbes(join(folder, '.smallfirst'))).keys()]).toEqual(['small']);
  });

  it('never lets a fallback answer for the model', async () => {
    const dead = await startFakeUpstream();
    await dead.close();
    await write({ gone: `{ provider: vllm, model: gone-8b, url: "${dead.origin}/v1", retries: 0, fallbacks: [small] }`, small: vllm() });
    const { model } = await probe(['gone']);
    expect(model?.reachable).toBe(false);
    expect(upstream.seen).toHaveLength(0);
  });

  it('spends nothing past the cap', async () => {
    await write({ small: vllm() });
    const { exit, document, model } = await probe([], { maxCost: 0.001 });
    expect([exit, model?.stopped]).toEqual([1, 'max-cost']);
    expect(document?.costUsd).toBeLessThanOrEqual(0.001);
    expect([1, 2, 3, 4]).toContain(upstream.seen.length);
    upstream.reset();
    expect((await probe([], { maxCost: 0 })).exit).toBe(1);
    expect(upstream.seen).toHaveLength(0);
  });

  it('names the model that a typo meant', async () => {
    await write({ small: vllm() });
    await expect(probe(['smal'])).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining('small') });
  });

  it('takes its options after its names, although models has the same', async () => {
    await write({ small: vllm(), other: vllm() });
    const { io, documents } = world();
    const exits: number[] = [];
    const args = ['models', 'probe', 'small', '--json', '--max-cost', '0.1', '--config', 'smallfirst.yaml'];
    await buildProgram(io, (code) => exits.push(code)).parseAsync(args, { from: 'user' });
    expect(exits).toEqual([0]);
    expect(documents.map(({ maxCostUsd, models }) => ({ maxCostUsd, names: models.map(({ name }) => name) }))).toEqual([
      { maxCostUsd: 0.1, names: ['small'] },
    ]);
  });
});

describe('signalWarnings', () => {
  const task = `tasks:
  sort: { output: { kind: label, labels: [a, b] }, ladder: [small, big], prompt: "Sort: {{input}}", signal: token }
`;
  const warnings = async () => {
    const config = await loadConfig(join(folder, 'smallfirst.yaml'), {}, { providers });
    return signalWarnings(config, NO_LOCK, await readProbes(join(folder, '.smallfirst')));
  };

  it('asks for a probe until one has seen the logprobs that a signal needs', async () => {
    await write({ small: vllm(), big: vllm() }, task);
    expect(await warnings()).toEqual([
      'the signal "token" of sort needs logprobs of small, which was never probed as it is configured now: run `smallfirst models probe small`.',
    ]);
    await probe(['small']);
    expect(await warnings()).toEqual([]);
    // Another model under the same name was never probed.
    await write({ small: vllm().replace('llama-8b', 'llama-9b'), big: vllm() }, task);
    expect(await warnings()).toHaveLength(1);
  });

  it('says so where none are declared, or none came', async () => {
    await write({ small: vllm(), big: vllm() }, task);
    upstream.always(deafTo('logprobs'));
    await probe(['small']);
    expect(await warnings()).toEqual([expect.stringContaining('which gave none when it was probed on')]);
    await write({ small: vllm('capabilities: [system, streaming]'), big: vllm() }, task);
    expect(await warnings()).toEqual([expect.stringContaining('which declares none')]);
  });

  it('knows what a threshold without a signal reads, and goes by the certificate where there is one', async () => {
    await write({ small: vllm(), big: vllm() }, task.replace('signal: token', 'threshold: 0.9'));
    expect(await warnings()).toEqual([expect.stringContaining('the signal "token" of sort')]);
    const config = await loadConfig(join(folder, 'smallfirst.yaml'), {}, { providers });
    const certificate = (parts: Partial<LockedCertificate>) => withCertificate(NO_LOCK, certificateFor(config, { task: 'sort', ...parts }));
    expect(signalWarnings(config, certificate({ signal: 'margin' }), new Map())).toEqual([
      expect.stringContaining('the signal "margin" of sort'),
    ]);
    expect(signalWarnings(config, certificate({ signal: 'agreement' }), new Map())).toEqual([]);
    expect(signalWarnings(config, certificate({ verdict: 'frontier' }), new Map())).toEqual([]);
  });

  it('leaves tasks alone whose signal needs no logprobs', async () => {
    await write({ small: vllm(), big: vllm() }, task.replace('signal: token', 'signal: valid'));
    expect(await warnings()).toEqual([]);
  });
});

describe('smallfirst serve', () => {
  it('says at its start which signal may never come, without a request to any model', async () => {
    const config = `models:\n  small: ${vllm()}\n  big: ${vllm()}\ntasks:
  sort: { output: { kind: label, labels: [a, b] }, ladder: [small, big], prompt: "Sort: {{input}}", signal: token }
`;
    const gateway = await serveHere({ config });
    try {
      expect(gateway.output()).toContain('WARNING: the signal "token" of sort needs logprobs of small, which was never probed');
      expect(upstream.seen).toHaveLength(0);
    } finally {
      await gateway.remove();
    }
  });
});
