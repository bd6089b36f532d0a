import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LockedCertificate } from '../../src/config/index.ts';
import { requestFraction } from '../../src/run/index.ts';
import { type TriageCard, type TriageRow, trainTriage } from '../../src/triage/index.ts';
import { saveTriage } from '../../src/triage-folder.ts';
import { type CascadeWorld, certificateFor, openCascadeWorld } from '../support/cascade-world.ts';
import { askTask, pairsKept, question, scriptKnowing, shownTask } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

const yamlOf = (origin: string, life: string) => `
models:
  small: { provider: openai, model: tiny, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: openai, model: huge, url: "${origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify: { output: { kind: label, labels: [billing, refund] }, ladder: [small, frontier], ${life} }
`;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  for (const model of ['tiny', 'huge']) scriptKnowing(upstream, model);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const open = async (life: string) => {
  world = await openCascadeWorld(yamlOf(upstream.origin, life));
};
const ask = (n: number, answer = 'billing') => askTask(world, 'classify', question(answer, n));
const decisions = async (count: number) => {
  const found: (string | null)[] = [];
  for (let n = 0; n < count; n += 1) found.push((await ask(n)).decision);
  return found;
};

describe('a certificate in traffic', () => {
  it('has its accepted answers audited after they were given, and keeps the escalated requests as pairs', async () => {
    await open('canary: false, audit: { share: 1 }');
    await world.certify({});
    scriptKnowing(upstream, 'tiny', { err: (asked) => (asked.includes('Ticket 2') ? 'refund' : null) });
    const right = await ask(1);
    const wrong = await ask(2);
    upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -2 }] });
    const unsure = await ask(3);
    expect([right, wrong, unsure].map(({ text, model, decision }) => [text, model, decision])).toEqual([
      ['billing', 'small', 'certified'],
      ['refund', 'small', 'certified'],
      ['billing', 'frontier', 'ceiling'],
    ]);
    await pairsKept(world, 'classify', 'audit', 3);
    const { rows, pairs, events } = await world.record();
    const told = (id: string) => rows.filter((row) => row.requestId === id).map((row) => `${row.model} ${row.purpose} ${row.outcome}`);
    expect(told(right.id)).toEqual(['small answer accepted', 'frontier audit observed']);
    expect(told(unsure.id)).toEqual(['small answer escalated', 'frontier escalation accepted']);
    const shown = [right, wrong, unsure].map(({ id }) => pairs.find((pair) => pair.id === id));
    expect(
      shown.map((pair) => pair && [pair.drawn, pair.inclusion, pair.certificate, pair.smallQuality, pair.bigQuality, pair.skip]),
    ).toEqual([
      ['audit', 1, 'certificate-1', 1, 1, false],
      ['audit', 1, 'certificate-1', 0, 1, false],
      ['audit', 1, 'certificate-1', 1, 1, false],
    ]);
    expect(shown[0]?.confidence).toBeCloseTo(Math.exp(-0.01));
    expect(shown[2]?.confidence).toBeCloseTo(Math.exp(-2));
    expect(events.map(({ kind }) => kind)).toEqual(['approved', 'stage']);
  });

  it('routes the share of its canary by request id, and asks the candidate of the rest where shadow calls are configured', async () => {
    await open('canary: { stages: [0.5, 1], audits: 100 }, audit: { share: 0.01 }, shadow: { share: 1 }');
    await world.certify({});
    const answers = [];
    for (let n = 0; n < 24; n += 1) answers.push(await ask(n));
    for (const { id, model, decision } of answers) {
      const isExposed = requestFraction('canary\0classify', id) < 0.5;
      expect([model, decision]).toEqual(isExposed ? ['small', 'certified'] : ['frontier', 'outside-canary']);
    }
    const outside = answers.filter(({ model }) => model === 'frontier');
    expect(outside.length).toBeGreaterThan(0);
    await pairsKept(world, 'classify', 'shadow', outside.length);
    expect((await shownTask(world, 'classify')).live).toMatchObject({ standing: 'certified', exposure: 0.5, voided: null });
    const listed = (await (await fetch(`${world.url}/admin/tasks`)).json()) as { tasks: readonly object[] };
    expect(listed.tasks).toMatchObject([
      { task: 'classify', mode: 'live', standing: 'certified', exposure: 0.5, certificate: 'certificate-1' },
    ]);
    const { rows, pairs } = await world.record();
    expect(
      pairs
        .filter(({ drawn }) => drawn === 'uniform')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(outside.map(({ id }) => id).sort());
    expect(new Set(rows.filter(({ decision }) => decision === 'outside-canary').map(({ purpose }) => purpose))).toEqual(
      new Set(['answer']),
    );
  });

  it('gives everything to the ceiling at the next request after an alarm, and still does after a restart', async () => {
    await open('canary: false, audit: { share: 1 }');
    await world.certify({ verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 });
    scriptKnowing(upstream, 'tiny', { err: () => 'refund' });
    let n = 0;
    const standing = async () => (await shownTask(world, 'classify')).live?.standing;
    while ((await standing()) === 'certified' && n < 60) {
      await ask(n);
      n += 1;
    }
    expect(n).toBeLessThan(60);
    expect(await decisions(2)).toEqual(['fallen-back', 'fallen-back']);
    const shown = await shownTask(world, 'classify');
    expect(shown.live).toMatchObject({ standing: 'ceiling', exposure: 0 });
    expect(shown.live?.estimate?.retained).toBeLessThan(0.5);
    expect(shown.live?.detector?.eValue).toBeGreaterThan(200);
    const text = await (await fetch(`${world.url}/metrics`)).text();
    expect(text).toContain('smallfirst_task_alarms_total{task="classify"} 1');
    expect(text).toContain('smallfirst_task_exposure{task="classify"} 0');
    await world.restart();
    expect(await decisions(1)).toEqual(['fallen-back']);
    // A newer certificate begins anew.
    await world.certify({ id: 'certificate-2', verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 });
    expect(await decisions(1)).toEqual(['certified']);
    const { events } = await world.record();
    expect(events.map(({ kind, certificate }) => `${kind} ${certificate}`)).toEqual([
      'approved certificate-1',
      'stage certificate-1',
      'alarm certificate-1',
      'approved certificate-2',
      'stage certificate-2',
    ]);
    expect(events[2]?.reason).toMatch(/no longer keep 98 %/);
  });

  it('goes on by a safer threshold, uncertified, where the audits have nothing against that', async () => {
    await open('canary: false, audit: { share: 1 }');
    await world.certify({ threshold: 0.5 });
    // Wrong whenever it is only half sure.
    const half = Math.log(0.55);
    upstream.script('tiny', (body) => ({
      tokens: [JSON.stringify(body).includes('sure') ? { text: 'billing', logprob: -0.001 } : { text: 'refund', logprob: half }],
    }));
    // A threshold that nothing was audited about would never do: some answers are sure, and right.
    for (let n = 0; n < 5; n += 1) await askTask(world, 'classify', `sure ${question('billing', n)}`);
    await pairsKept(world, 'classify', 'audit', 5);
    let n = 0;
    while ((await shownTask(world, 'classify')).live?.standing === 'certified' && n < 80) {
      await askTask(world, 'classify', question('billing', n));
      n += 1;
    }
    expect((await shownTask(world, 'classify')).live).toMatchObject({ standing: 'provisional', provisionalThreshold: 0.625 });
    const sure = await askTask(world, 'classify', `sure ${question('billing', 1)}`);
    const unsure = await askTask(world, 'classify', question('billing', 2));
    expect([sure, unsure].map(({ model, decision }) => [model, decision])).toEqual([
      ['small', 'fixed-threshold'],
      ['frontier', 'ceiling'],
    ]);
  });

  it('leaves all to the ceiling after an alarm where no audited answer was as sure as a safer threshold asks', async () => {
    await open('canary: false, audit: { share: 1 }');
    await world.certify({ threshold: 0.5 });
    upstream.script('tiny', { tokens: [{ text: 'refund', logprob: Math.log(0.55) }] });
    let n = 0;
    while ((await shownTask(world, 'classify')).live?.standing === 'certified' && n < 80) {
      await ask(n);
      n += 1;
    }
    expect((await shownTask(world, 'classify')).live).toMatchObject({ standing: 'ceiling', provisionalThreshold: null });
    const before = upstream.calls.length;
    expect(await decisions(1)).toEqual(['fallen-back']);
    // The ceiling alone is paid.
    expect(upstream.calls.slice(before).map(({ model }) => model)).toEqual(['huge']);
  });

  it('is void from the request on that follows a changed version, for good, and says so once', async () => {
    await open('canary: false, audit: { share: 0 }');
    await world.certify({ verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 });
    expect(await decisions(2)).toEqual(['certified', 'certified']);
    scriptKnowing(upstream, 'tiny', { served: 'tiny-v2' });
    await ask(1);
    expect((await ask(2)).model).toBe('frontier');
    scriptKnowing(upstream, 'tiny');
    expect((await ask(3)).model).toBe('frontier');
    await world.restart();
    expect(await decisions(2)).toEqual(['fallen-back', 'fallen-back']);
    expect((await shownTask(world, 'classify')).live).toMatchObject({ exposure: 0, voided: expect.stringContaining('small') });
    const { events } = await world.record();
    expect(events.map(({ kind }) => kind)).toEqual(['approved', 'voided']);
    expect(events[1]?.reason).toContain('What the certificate pins has changed');
  });
});

describe('a triage in front of a ladder', () => {
  let folder: string;
  let version: string;

  /** Small fails at what is about quanta, big never. */
  const rows: TriageRow[] = Array.from({ length: 400 }, (_, i) => {
    const isHard = i % 3 === 0;
    return {
      id: `${i}`,
      text: `${isHard ? 'explain quantum entanglement' : 'reset the password'} case ${i}`,
      small: isHard ? 0 : 1,
      big: 1,
    };
  });

  const train = async (use: boolean) => {
    const { model, report, penalty, dataHash } = trainTriage(rows, { seed: 1 });
    expect(report.use).toBe(true);
    const card: TriageCard = {
      format: 'smallfirst-triage',
      version: 1,
      created: '2026-01-01T00:00:00.000Z',
      seed: 1,
      dataHash,
      tasks: [],
      categories: 0,
      features: 1,
      penalty,
      report: use ? report : { ...report, use: false, refusals: ['no-better-than-random'] },
    };
    version = await saveTriage(join(folder, 'router'), model, card);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smallfirst-triage-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('sends what is predicted hard to the ceiling without the small call, and keeps it as a skipped row', async () => {
    await train(true);
    await open(`canary: false, audit: { share: 1 }, triage: ${join(folder, 'router')}`);
    const { pins } = certificateFor(world.config, {});
    const swap: Partial<LockedCertificate> = { verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 };
    // A certificate that does not know the triage is about other requests.
    await world.certify({ ...swap, id: 'blind' });
    expect((await askTask(world, 'classify', 'reset the password, <billing>')).model).toBe('frontier');
    await world.certify({ ...swap, pins: { ...pins, triage: version } });
    const easy = await askTask(world, 'classify', 'reset the password <billing>');
    const hard = await askTask(world, 'classify', 'explain quantum entanglement <refund>');
    expect([easy, hard].map(({ model, decision, text }) => [model, decision, text])).toEqual([
      ['small', 'certified', 'billing'],
      ['frontier', 'triaged', 'refund'],
    ]);
    await pairsKept(world, 'classify', 'audit', 2);
    const { rows: calls, pairs } = await world.record();
    expect(calls.filter(({ requestId }) => requestId === hard.id).map(({ model, decision }) => [model, decision])).toEqual([
      ['frontier', 'triaged'],
    ]);
    expect(pairs.find(({ id }) => id === hard.id)).toMatchObject({ skip: true, bigQuality: 1, smallOutput: null, drawn: 'audit' });
    expect(pairs.find(({ id }) => id === easy.id)).toMatchObject({ skip: false });
  });

  it('is refused at the start when its own card says that it does not earn its place', async () => {
    await open('canary: false');
    await train(false);
    const refused = openCascadeWorld(yamlOf(upstream.origin, `triage: ${join(folder, 'router')}`));
    await expect(refused).rejects.toThrow(/was refused when it was trained \(no-better-than-random\)/);
  });
});
