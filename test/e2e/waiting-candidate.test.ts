import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { askTask, pairsKept, question, scriptKnowing, shownTask } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  for (const model of ['tiny', 'tiny-two', 'huge']) scriptKnowing(upstream, model);
  world = await openCascadeWorld(`
models:
  small: { provider: openai, model: tiny, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  small@2: { provider: openai, model: tiny-two, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: openai, model: huge, url: "${upstream.origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [small, small@2, frontier]
    canary: false
    audit: { share: 1 }
    shadow: { share: 1, candidates: [small, small@2] }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

describe('a version that waits while another one has the task', () => {
  it('is asked about the audited requests too, whose pairs are fair draws and no audits of the other', async () => {
    await world.certify({ small: 'small', verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 });
    scriptKnowing(upstream, 'tiny-two', { err: (asked) => (asked.includes('Ticket 1:') ? 'refund' : null) });
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(await askTask(world, 'classify', question('billing', n)));
    expect(answers.map(({ text, model }) => [text, model])).toEqual(answers.map(() => ['billing', 'small']));
    await pairsKept(world, 'classify', 'audit', 6);
    // Its wrong answer is none of the certificate's.
    expect((await shownTask(world, 'classify')).live?.estimate).toMatchObject({ retained: 1, audits: 3 });
    const { pairs, rows } = await world.record();
    const shown = (small: string) =>
      pairs.filter((pair) => pair.small === small).map((pair) => [pair.drawn, pair.certificate, pair.smallQuality, pair.bigQuality]);
    expect(shown('small')).toEqual(answers.map(() => ['audit', 'certificate-1', 1, 1]));
    expect(shown('small@2').sort()).toEqual([
      ['audit', null, 0, 1],
      ['audit', null, 1, 1],
      ['audit', null, 1, 1],
    ]);
    // One question to the ceiling for both.
    const asked = (model: string) => rows.filter((row) => row.model === model).map(({ purpose }) => purpose);
    expect([asked('frontier'), asked('small@2')]).toEqual([answers.map(() => 'audit'), answers.map(() => 'shadow')]);
  });
});
