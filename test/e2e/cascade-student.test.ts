import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCertify } from '../../src/cli/commands/certify.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { readLock } from '../../src/config/index.ts';
import { systemClock } from '../../src/core/index.ts';
import { trainStudent } from '../../src/student/index.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;
let student: string;

const billing = ['invoice', 'charged twice', 'my card', 'the amount', 'payment failed', 'a receipt'];
const shipping = ['parcel', 'delivery late', 'the courier', 'tracking', 'package lost', 'an address'];
/** Two in three say what they are about; the others are about both, and nobody can tell: that is what the student must be unsure of. */
const rows = Array.from({ length: 360 }, (_, i) => {
  const drawn = (salt: number): number => (Math.imul(i * 31 + salt, 2_654_435_761) >>> 16) % 6;
  const isBilling = drawn(5) < 3;
  const own = isBilling ? billing : shipping;
  const isMixed = i % 3 === 2;
  const text = `please help with ${(isMixed ? shipping : own)[drawn(1)]} and ${(isMixed ? billing : own)[drawn(2)]}`;
  return { text, label: isBilling ? 'billing' : 'shipping' };
});

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  student = join((await import('node:os')).tmpdir(), `smallfirst-student-${process.pid}-${Date.now()}`);
  await trainStudent({ rows, outDir: student, seed: 1, clock: systemClock });
  world = await openCascadeWorld(`
models:
  frontier: { provider: anthropic, model: huge, url: "${upstream.origin}", apiKey: k, price: { input: 10, output: 20 } }
students:
  triage: { path: "${student}" }
tasks:
  triage: { output: { kind: label, labels: [billing, shipping] }, ladder: [student/triage, frontier], canary: false, audit: { share: 0 } }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
  await rm(student, { recursive: true, force: true });
});

const notes: string[] = [];
const quiet: CommandIo = {
  out: () => {},
  json: () => {},
  note: (text) => void notes.push(text),
  progress: () => ({ advance: () => {}, end: () => {} }),
  env: {},
  get cwd() {
    return world.folder;
  },
  signal: new AbortController().signal,
  width: 120,
};

/** Sure answers are right, unsure ones are a coin's throw. */
const pairs = Array.from({ length: 1_200 }, (_, i) => {
  const isSure = i % 4 !== 0;
  const quality = isSure ? 1 : i % 8 === 0 ? 1 : 0;
  return JSON.stringify({ id: `p${i}`, small: { quality, confidence: isSure ? 0.8 : 0.3 }, big: { quality: 1 } });
}).join('\n');

const options = { pairs: 'pairs.jsonl', floor: 0.98, level: 0.95, method: 'score', json: true, write: true } as const;

async function ask(content: string, stream: boolean): Promise<{ readonly text: string; readonly model: string | null }> {
  const response = await world.post('/v1/chat/completions', { model: 'task/triage', stream, messages: [{ role: 'user', content }] });
  const raw = await response.text();
  const text = stream
    ? [...raw.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join('')
    : JSON.parse(raw).choices[0].message.content;
  return { text, model: response.headers.get('x-smallfirst-model') };
}

describe('a certificate from the command line', () => {
  it('lets an embedded student answer what it is sure of, and nothing else', async () => {
    await writeFile(join(world.folder, 'pairs.jsonl'), pairs);
    upstream.script('huge', { tokens: [{ text: 'shipping' }] });
    expect(await ask('payment failed with my card, an invoice was charged twice', false)).toEqual({ text: 'shipping', model: 'frontier' });

    expect(await runCertify({ ...options, task: 'triage', small: 'student/triage' }, quiet)).toBe(0);
    const certificate = (await readLock(join(world.folder, 'smallfirst.lock'))).certificates.get('triage');
    expect([certificate?.verdict, certificate?.signal, certificate?.calibrator]).toEqual(['cascade', 'probability', { kind: 'identity' }]);
    expect(certificate?.threshold).toBe(0.8);
    expect(Object.keys(certificate?.pins ?? {})).toEqual(['small', 'big', 'small.version', 'output']);
    await world.reload();

    for (const stream of [false, true]) {
      expect(await ask('payment failed with my card, an invoice was charged twice', stream)).toEqual({
        text: 'billing',
        model: 'student/triage',
      });
      expect(await ask('please help with my card and the courier', stream)).toEqual({ text: 'shipping', model: 'frontier' });
    }
    const rows = await world.rows();
    expect(rows.map(({ model, outcome, cost }) => `${model} ${outcome} ${cost}`)).toEqual([
      'frontier accepted 220000',
      'student/triage accepted 0',
      'student/triage escalated 0',
      'frontier accepted 220000',
      'student/triage accepted 0',
      'student/triage escalated 0',
      'frontier accepted 220000',
    ]);
  });

  it('is not needed by those who name the student themselves', async () => {
    const body = { model: 'student/triage', max_tokens: 9, messages: [{ role: 'user', content: 'payment failed with my card' }] };
    const response = await world.post('/v1/messages', body, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(await response.json()).toMatchObject({ type: 'message', model: 'student/triage', content: [{ type: 'text', text: 'billing' }] });
    const completion = await world.post('/v1/completions', { model: 'student/triage', prompt: 'payment failed with my card' });
    expect(await completion.json()).toMatchObject({ object: 'text_completion', choices: [{ text: 'billing', finish_reason: 'stop' }] });
    expect((await world.post('/v1/embeddings', { model: 'student/triage', input: 'x' })).status).toBe(501);
  });

  it('is void as soon as the student is another one', async () => {
    await writeFile(join(world.folder, 'pairs.jsonl'), pairs);
    await runCertify({ ...options, task: 'triage', small: 'student/triage' }, quiet);
    const path = join(world.folder, 'smallfirst.lock');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/small\.version: .*/, 'small.version: another'));
    await world.reload();
    upstream.script('huge', { tokens: [{ text: 'shipping' }] });
    expect((await ask('payment failed with my card, an invoice was charged twice', false)).model).toBe('frontier');
  });

  it('licenses nothing when the lock file cannot be read', async () => {
    await writeFile(join(world.folder, 'pairs.jsonl'), pairs);
    await runCertify({ ...options, task: 'triage', small: 'student/triage' }, quiet);
    await world.reload();
    await writeFile(join(world.folder, 'smallfirst.lock'), 'version: [');
    await world.reload();
    upstream.script('huge', { tokens: [{ text: 'shipping' }] });
    expect((await ask('payment failed with my card, an invoice was charged twice', false)).model).toBe('frontier');
  });

  it('is refused for a task or a model that is not there, and writes a verdict for the frontier too', async () => {
    await writeFile(join(world.folder, 'pairs.jsonl'), pairs);
    await expect(runCertify({ ...options, task: 'nope', small: 'student/triage' }, quiet)).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
    });
    await expect(runCertify({ ...options, task: 'triage', small: 'frontier' }, quiet)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(runCertify({ ...options, task: 'triage' }, quiet)).rejects.toMatchObject({ code: 'USAGE' });
    await writeFile(join(world.folder, 'pairs.jsonl'), pairs.split('\n').slice(0, 20).join('\n'));
    expect(await runCertify({ ...options, task: 'triage', small: 'student/triage' }, quiet)).toBe(1);
    const { certificates } = await readLock(join(world.folder, 'smallfirst.lock'));
    expect(certificates.get('triage')?.verdict).toBe('frontier');
  });
});
