import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, certificateFor, openCascadeWorld } from '../../../test/support/cascade-world.ts';
import { until } from '../../../test/support/cli.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../../../test/support/scripted-upstream.ts';
import { loadConfig, lockPathOf, NO_LOCK, readLock, withCertificate, writeLock } from '../../config/index.ts';
import { located, type SmallfirstError } from '../../core/index.ts';
import { openGatewayApp } from '../../gateway-app.ts';
import { providers } from '../../providers/index.ts';
import { openDataDir, openSqliteStore, type TaskEvent } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';
import { runPinsCheck, runPinsUpdate } from './pins.ts';
import { runPinsDrift } from './pins-drift.ts';
import { runPinsMigrate } from './pins-migrate.ts';
import { pinsCheckSchema } from './pins-schema.ts';

interface Terminal extends CommandIo {
  readonly said: { out: string; notes: string[]; documents: unknown[] };
}

function terminal(cwd: string): Terminal {
  const said: Terminal['said'] = { out: '', notes: [], documents: [] };
  return {
    said,
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => undefined, end: () => undefined }),
    env: {},
    cwd,
    signal: new AbortController().signal,
    width: 120,
  };
}

const CLASSIFY = 'output: { kind: label, labels: [card, loan] }, ladder: [small, frontier], prompt: "Sort: {{input}}"';
/** No date of the bundled list, so that the day on which a test runs does not matter. */
const NEVER = '- { provider: openai, model: gpt-4o-mini-2024-07-18, shutdown: null, source: "a test", asOf: 2026-11-01 }\n';

const configOf = (origin: string, small = 'gpt-4o-mini-2024-07-18') => `models:
  small: { provider: openai, model: ${small}, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: anthropic, model: claude-opus-5, url: "${origin}", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify: { ${CLASSIFY}, golden: golden.jsonl, canary: false }
deprecations: ${own}
`;

let upstream: ScriptedUpstream;
let own: string;
let world: CascadeWorld | null = null;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  own = join(await mkdtemp(join(tmpdir(), 'smallfirst-pins-')), 'own.yaml');
  await writeFile(own, NEVER);
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.script('gpt-4o-mini-2024-07-18', { tokens: [{ text: 'card' }], served: 'gpt-4o-mini-2024-07-18', fingerprint: 'fp_one' });
  upstream.script('claude-opus-5', { tokens: [{ text: 'card' }], served: 'claude-opus-5' });
});
afterEach(async () => {
  await world?.remove();
  world = null;
});

/** A folder with a config, a golden set and a record of some requests to both models. */
async function recorded(small?: string): Promise<CascadeWorld> {
  const opened = await openCascadeWorld(configOf(upstream.origin, small));
  world = opened;
  const rows = Array.from({ length: 40 }, (_, id) => `${JSON.stringify({ id, text: `item ${id}`, expected: 'card' })}\n`);
  await writeFile(join(opened.folder, 'golden.jsonl'), rows.join(''));
  for (const model of ['small', 'task/classify']) {
    const response = await opened.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Sort: item' }] });
    expect(response.status).toBe(200);
    await response.text();
  }
  await opened.rows();
  return opened;
}

const options = { config: 'smallfirst.yaml', data: 'data', days: 30, json: true } as const;

const settingsIn = (folder: string) => ({
  host: '127.0.0.1',
  port: 0,
  dataDir: join(folder, 'data'),
  environment: {},
  version: '0.0.0',
  logTo: join(folder, 'log'),
});

async function eventsIn(of: CascadeWorld): Promise<readonly TaskEvent[]> {
  const directory = await openDataDir(join(of.folder, 'data'));
  const store = await openSqliteStore(directory.database);
  try {
    return await store.events.list({});
  } finally {
    await store.close();
    await directory.release();
  }
}

describe('smallfirst pins check and update', () => {
  it('pin what answers in traffic, and want a person as soon as something else does', async () => {
    const { folder, config } = await recorded();
    const io = terminal(folder);
    await writeLock(lockPathOf(config.file), withCertificate(NO_LOCK, certificateFor(config, {})));

    expect(await runPinsCheck(options, io)).toBe(1);
    const first = pinsCheckSchema.parse(io.said.documents[0]);
    expect(first.models.map(({ alias, pinning, tasks, pin }) => ({ alias, pinning, tasks, pin }))).toEqual([
      { alias: 'small', pinning: 'pinned', tasks: ['classify'], pin: null },
      { alias: 'frontier', pinning: 'pinned', tasks: ['classify'], pin: null },
    ]);
    expect(first.models[0]?.observed).toMatchObject({ calls: 1, servedModel: 'gpt-4o-mini-2024-07-18', systemFingerprint: 'fp_one' });
    expect(first.models[1]?.observed).toMatchObject({ calls: 1, servedModel: 'claude-opus-5', systemFingerprint: null });
    expect(first.models.flatMap(({ findings }) => findings.map(({ kind }) => kind))).toEqual(['no-pin', 'no-pin']);

    expect(await runPinsUpdate({ ...options, json: false }, io)).toBe(1);
    expect(io.said.out).toBe(
      '+ small: openai/gpt-4o-mini-2024-07-18 · answers as gpt-4o-mini-2024-07-18 · fingerprints fp_one\n' +
        '+ frontier: anthropic/claude-opus-5 · answers as claude-opus-5\n',
    );
    expect((await readLock(lockPathOf(config.file))).pins.size).toBe(0);
    expect(await runPinsUpdate({ ...options, write: true }, io)).toBe(0);
    const pinned = await readLock(lockPathOf(config.file));
    expect([...pinned.pins.keys(), ...pinned.certificates.keys()]).toEqual(['frontier', 'small', 'classify']);
    expect(await runPinsCheck(options, io)).toBe(0);

    upstream.script('gpt-4o-mini-2024-07-18', { tokens: [{ text: 'card' }], served: 'gpt-4o-mini-2025-01-01', fingerprint: 'fp_two' });
    const again = await openGatewayApp(config, settingsIn(folder));
    const body = JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'Sort: item' }] });
    await (await fetch(`${again.url}/v1/chat/completions`, { method: 'POST', body })).text();
    await again.close();

    expect(await runPinsCheck(options, io)).toBe(1);
    const changed = pinsCheckSchema.parse(io.said.documents.at(-1));
    expect(changed.models[0]?.findings.map(({ kind, needsPerson }) => ({ kind, needsPerson }))).toEqual([
      { kind: 'served-model', needsPerson: true },
      { kind: 'fingerprint', needsPerson: true },
    ]);
    expect(await runPinsUpdate({ ...options, write: true }, io)).toBe(0);
    expect(io.said.documents.at(-1)).toMatchObject({
      written: true,
      voided: [{ task: 'classify', reason: 'small answered as gpt-4o-mini-2024-07-18 and answers as gpt-4o-mini-2025-01-01' }],
    });
    const lock = await readLock(lockPathOf(config.file));
    expect(lock.certificates.size).toBe(0);
    expect(lock.pins.get('small')).toMatchObject({ servedModel: 'gpt-4o-mini-2025-01-01', systemFingerprints: ['fp_two'] });
  });

  it('say it where nothing was ever recorded', async () => {
    const { folder } = await recorded();
    const io = terminal(folder);
    expect(await runPinsCheck({ ...options, data: 'elsewhere' }, io)).toBe(1);
    const document = pinsCheckSchema.parse(io.said.documents[0]);
    expect(document.models.flatMap(({ findings }) => findings.filter(({ needsPerson }) => needsPerson).map(({ kind }) => kind))).toContain(
      'unobserved',
    );
  });
});

describe('a gateway that serves', () => {
  it('looks at the pins when it starts, logs what needs a person and records it', async () => {
    const opened = await recorded();
    const on = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
    const list = join(opened.folder, 'soon.yaml');
    await writeFile(list, NEVER.replace('shutdown: null', `shutdown: ${on}`));
    await writeFile(opened.config.file, (await readFile(opened.config.file, 'utf8')).replace(own, list));
    const app = await openGatewayApp(await loadConfig(opened.config.file, {}, { providers }), settingsIn(opened.folder));
    const log = join(opened.folder, 'log');
    await until(() => readFileSync(log, 'utf8').includes(`is turned off on ${on}`), 'the warning');
    await app.close();
    expect((await eventsIn(opened)).map(({ task, kind, detail }) => ({ task, kind, detail }))).toEqual([
      { task: 'classify', kind: 'deprecation', detail: expect.objectContaining({ alias: 'small', on, alert: 30 }) },
    ]);
  });
});

describe('a gateway with a certificate on a name that moves', () => {
  it('does not start, and says where the name stands', async () => {
    const { folder, config } = await recorded('gpt-4o-mini');
    await writeLock(lockPathOf(config.file), withCertificate(NO_LOCK, certificateFor(config, {})));
    const refused = await openGatewayApp(config, settingsIn(folder)).catch((error: unknown) => error as SmallfirstError);
    expect(refused).toMatchObject({ code: 'CONFIG_INVALID', position: { line: 2, column: 37 } });
    expect(located(refused as SmallfirstError)).toContain('models.small is asked as "gpt-4o-mini", a name that its vendor moves');
  });

  it('does not follow one that is written while it serves, and says so', async () => {
    const opened = await openCascadeWorld(configOf(upstream.origin, 'gpt-4o-mini'));
    world = opened;
    upstream.script('gpt-4o-mini', { tokens: [{ text: 'loan', logprob: -0.01 }] });
    await opened.certify({});
    const response = await opened.post('/v1/chat/completions', {
      model: 'task/classify',
      messages: [{ role: 'user', content: 'Sort: x' }],
    });
    expect(response.headers.get('x-smallfirst-model')).toBe('frontier');
    await response.text();
    await opened.rows();
    expect(await readFile(join(opened.folder, 'log'), 'utf8')).toContain('the certificate of classify is not followed');
  });

  it('runs by it where the config allows it', async () => {
    const opened = await openCascadeWorld(configOf(upstream.origin, 'gpt-4o-mini, allowUnpinned: true'));
    world = opened;
    upstream.script('gpt-4o-mini', { tokens: [{ text: 'loan', logprob: -0.01 }] });
    await opened.certify({ verdict: 'swap', threshold: null });
    const response = await opened.post('/v1/chat/completions', {
      model: 'task/classify',
      messages: [{ role: 'user', content: 'Sort: x' }],
    });
    expect(response.headers.get('x-smallfirst-model')).toBe('small');
  });
});

describe('smallfirst pins migrate', () => {
  const migrate = { config: 'smallfirst.yaml', data: 'data', json: true } as const;

  it('alarms for a replacement that is worse, and then writes nothing', async () => {
    const { folder, config } = await recorded();
    const io = terminal(folder);
    upstream.script('gpt-worse', { tokens: [{ text: 'loan' }] });
    expect(await runPinsMigrate(['frontier', 'small'], { ...migrate, estimate: true }, io)).toBe(0);
    expect(io.said.documents).toEqual([{ estimateUsd: expect.closeTo(40 * (6 * 11e-6 + 22e-6), 2) }]);
    expect(await runPinsMigrate(['small', 'gpt-worse'], { ...migrate, write: true }, io)).toBe(1);
    expect(io.said.documents.at(-1)).toMatchObject({
      old: { alias: 'small', model: 'gpt-4o-mini-2024-07-18' },
      new: { alias: 'gpt-worse', provider: 'openai', model: 'gpt-worse' },
      tasks: [
        { task: 'classify', n: 40, alarm: 'regression', verdict: 'FAIL', trustedQuality: 1, quality: 0, lost: 40, reference: 'gold' },
      ],
      written: false,
    });
    expect((await readLock(lockPathOf(config.file))).pins.size).toBe(0);
  });

  it('pins a replacement that is not, and voids what was certified on the old model', async () => {
    const { folder, config } = await recorded();
    const io = terminal(folder);
    await writeLock(lockPathOf(config.file), withCertificate(NO_LOCK, certificateFor(config, {})));
    upstream.script('gpt-6-luna', { tokens: [{ text: 'card' }], served: 'gpt-6-luna-v2' });
    expect(await runPinsMigrate(['small', 'gpt-6-luna'], { ...migrate, json: false, write: true }, io)).toBe(0);
    expect(io.said.out).toContain('no alarm');
    expect(io.said.notes.at(-1)).toBe(
      `Now write \`model: gpt-6-luna\` for small at ${config.file}:2:37: until then the pin and the config differ.`,
    );
    const lock = await readLock(lockPathOf(config.file));
    expect(lock.certificates.size).toBe(0);
    expect(lock.pins.get('small')).toMatchObject({ provider: 'openai', model: 'gpt-6-luna', servedModel: 'gpt-6-luna-v2' });
    expect((await eventsIn(world as CascadeWorld)).map(({ kind, certificate }) => [kind, certificate])).toEqual([
      ['voided', 'certificate-1'],
    ]);
    expect(await runPinsCheck({ ...options, json: true }, io)).toBe(1);
    expect(pinsCheckSchema.parse(io.said.documents.at(-1)).models[0]?.findings.map(({ kind }) => kind)).toContain('wire-name');
  });

  it('stops before it spends more than it may', async () => {
    const { folder } = await recorded();
    const io = terminal(folder);
    expect(await runPinsMigrate(['small', 'frontier'], { ...migrate, maxCost: 0.00001, write: true, concurrency: 1 }, io)).toBe(1);
    expect(io.said.documents.at(-1)).toMatchObject({ written: false, tasks: [{ stopped: 'max-cost' }] });
  });

  it('needs a golden set, and models that differ', async () => {
    const { folder, config } = await recorded();
    const io = terminal(folder);
    await writeFile(config.file, (await readFile(config.file, 'utf8')).replace(', golden: golden.jsonl', ''));
    await expect(runPinsMigrate(['small', 'frontier'], migrate, io)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(runPinsMigrate(['small', 'small'], migrate, io)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(runPinsMigrate(['smal', 'frontier'], migrate, io)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const named = { ...migrate, task: 'classify', set: 'golden.jsonl' };
    expect(await runPinsMigrate(['small', 'frontier'], named, io)).toBe(0);
  });
});

describe('smallfirst pins drift', () => {
  const drift = { config: 'smallfirst.yaml', data: 'data', json: true, model: 'small', task: 'classify' } as const;

  it('compares today’s answers with the first ones, and records an alarm', async () => {
    const opened = await recorded();
    const io = terminal(opened.folder);
    expect(await runPinsDrift(drift, io)).toBe(0);
    expect(io.said.documents.at(-1)).toMatchObject({ tasks: [{ model: 'small', baseline: 'new', alarm: 'none', n: 40 }], events: [] });
    const asked = upstream.calls.length;
    expect(await runPinsDrift(drift, io)).toBe(0);
    expect(io.said.documents.at(-1)).toMatchObject({
      tasks: [{ baseline: 'stored', alarm: 'none', servedModel: 'gpt-4o-mini-2024-07-18' }],
    });
    expect(upstream.calls.length - asked).toBe(40);

    upstream.script('gpt-4o-mini-2024-07-18', { tokens: [{ text: 'loan' }], served: 'gpt-4o-mini-2024-07-18' });
    expect(await runPinsDrift(drift, io)).toBe(1);
    expect(io.said.documents.at(-1)).toMatchObject({
      tasks: [{ alarm: 'regression', lost: 40, gained: 0, trustedQuality: 1, quality: 0 }],
    });
    expect(await eventsIn(opened)).toEqual([
      expect.objectContaining({
        task: 'classify',
        kind: 'drift',
        reason: 'small answers the golden set worse than before: 0.0 % instead of 100.0 % of 40 cases.',
        detail: expect.objectContaining({ model: 'small', lost: 40 }),
      }),
    ]);
  });
});
