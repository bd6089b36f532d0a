import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, loadConfig, type PipelineConfig } from '../../config/index.ts';
import { knownProviders } from '../known-providers.ts';
import { Pacers, pipelineHash, triedOnce, widthOf } from './batch-models.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'batch-models-'));
  mkdirSync(join(folder, 'student'));
  card('a');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const card = (sha256: string) =>
  writeFileSync(join(folder, 'student', 'student.json'), JSON.stringify({ kind: 'classifier', labels: ['x', 'y'], model: { sha256 } }));

async function configOf({ prompt = 'say', when = 'true' } = {}): Promise<{ readonly config: Config; readonly pipeline: PipelineConfig }> {
  const file = join(folder, 'smallfirst.yaml');
  writeFileSync(
    file,
    `students: { bank: { path: student } }
models:
  one: { provider: openai, model: a, apiKey: k, price: { input: 1, output: 2 } }
  two: { provider: openai, model: b, apiKey: k, price: { input: 1, output: 2 }, concurrency: 7 }
  own: { provider: openai, model: c, apiKey: [k1, k2], price: { input: 1, output: 2 } }
tasks:
  intent: { output: { kind: label, labels: [x, y] }, ladder: [student/bank] }
  reply: { output: { kind: text }, prompt: { system: "${prompt}" }, ladder: [one] }
pipelines:
  local: { steps: [ { step: classify, task: intent } ] }
  p:
    steps:
      - { step: classify, task: intent }
      - { step: reply, task: reply, when: "${when}" }
`,
  );
  const config = await loadConfig(file, {}, { providers: knownProviders() });
  return { config, pipeline: config.pipelines.get('p') as PipelineConfig };
}

const hashOf = async (changed: Parameters<typeof configOf>[0] = {}, request: Parameters<typeof pipelineHash>[2] = {}): Promise<string> => {
  const { config, pipeline } = await configOf(changed);
  return pipelineHash(pipeline, config, request);
};

describe('the version of a pipeline in a job', () => {
  it('is the same for the same, and another after any change of what decides over its answers', async () => {
    const same = await hashOf();
    expect(await hashOf()).toBe(same);
    const others = [await hashOf({ prompt: 'shout' }), await hashOf({ when: 'request.vip == true' }), await hashOf({}, { vip: true })];
    // Trained again: the same folder, other weights.
    card('b');
    others.push(await hashOf());
    expect(new Set([same, ...others]).size).toBe(5);
  });
});

describe('the pace of a job', () => {
  it('is one for models with the same key, within their own concurrency, and none for a student', async () => {
    const { config } = await configOf();
    const pacers = new Pacers(config, 100);
    expect([pacers.of('one') === pacers.of('two'), pacers.of('one') === pacers.of('own'), pacers.of('student/bank')]).toEqual([
      true,
      false,
      null,
    ]);
    expect([pacers.of('one')?.limit, pacers.of('own')?.limit, pacers.total()]).toEqual([7, 20, 27]);
  });

  it('leaves trying again to the job, but for a spare key', async () => {
    const { models } = triedOnce((await configOf()).config);
    expect(['one', 'own'].map((name) => models.get(name)?.upstream.retries)).toEqual([0, 1]);
  });

  it('keeps servers busy, and runs students one by one', async () => {
    const { config, pipeline } = await configOf();
    expect([widthOf(pipeline, config, 10), widthOf(config.pipelines.get('local') as PipelineConfig, config, 10)]).toEqual([20, 1]);
  });
});
