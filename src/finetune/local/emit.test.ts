import { execFile } from 'node:child_process';
import { chmod, link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JobSpec } from '../types.ts';
import { emitTrainers } from './emit.ts';
import { RUN_SH } from './scripts.ts';
import { axolotlYaml, trlConfig, unslothConfig } from './trainer-configs.ts';

type Kind = 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'array' | 'object' | 'any' | { readonly const: unknown };
type Schema = Readonly<Record<string, readonly Kind[]>>;
interface Schemas {
  readonly axolotl: { readonly config: Schema; readonly sftDataset: Schema; readonly dpoDataset: Schema };
  readonly trl: { readonly sftConfig: Schema; readonly dpoConfig: Schema };
  readonly peft: { readonly loraConfig: Schema };
  readonly unsloth: { readonly fromPretrained: readonly string[]; readonly getPeftModel: readonly string[] };
}
const schemas = JSON.parse(
  await readFile(new URL('../../../test/fixtures/finetune/finetune-schemas.json', import.meta.url), 'utf8'),
) as Schemas;

/** What is wrong with a config by a schema: keys that are not taken, and values of another kind. */
function faults(config: unknown, schema: Schema): string[] {
  return Object.entries(config as Record<string, unknown>).flatMap(([key, value]) => {
    const kinds = schema[key];
    if (kinds === undefined) return [`${key} is not taken`];
    return kinds.some((kind) => fits(value, kind)) ? [] : [`${key} takes ${JSON.stringify(kinds)}, not ${JSON.stringify(value)}`];
  });
}

function fits(value: unknown, kind: Kind): boolean {
  if (typeof kind === 'object') return kind.const === value;
  if (kind === 'any') return true;
  if (kind === 'null') return value === null;
  if (kind === 'array') return Array.isArray(value);
  if (kind === 'integer') return Number.isInteger(value);
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === kind;
}

const file = (name: string) => ({ path: `/nowhere/${name}`, name, sha256: '0'.repeat(64), bytes: 10, rows: 3, tokens: 30 });

const specs = fc.record({
  id: fc.constant('019f0000-0000-7000-8000-000000000001'),
  task: fc.constant('classify'),
  method: fc.constantFrom('sft' as const, 'dpo' as const),
  baseModel: fc.constantFrom('Qwen/Qwen2.5-0.5B-Instruct', 'a: b # no comment'),
  hyperparameters: fc.record({
    epochs: fc.constantFrom(1, 3, 0.5),
    learningRate: fc.constantFrom(null, 1e-4, 1e-7),
    batchSize: fc.option(fc.integer({ min: 1, max: 64 }), { nil: null }),
    loraRank: fc.constantFrom(null, 8, 64),
    dpoBeta: fc.constantFrom(null, 0.1, 0.5),
    maxTokens: fc.constantFrom(null, 512),
    seed: fc.nat(1000),
  }),
  training: fc.constant(file('train.jsonl')),
  validation: fc.constantFrom(null, file('validation.jsonl')),
  targets: fc.constant([]),
  mark: fc.constant('sf-0000000000000001'),
});
const templates = fc.constantFrom(null, "{% for m in messages %}{{ m['content'] }}\n{% endfor %}");

describe('the configs that are written for trainers', () => {
  it('hold only keys and values that axolotl takes', () => {
    fc.assert(
      fc.property(specs, templates, (spec, template) => {
        const config = parse(axolotlYaml(spec, template)) as Record<string, unknown>;
        const datasets = [...(config.datasets as unknown[]), ...((config.test_datasets as unknown[] | undefined) ?? [])];
        const shape = spec.method === 'dpo' ? schemas.axolotl.dpoDataset : schemas.axolotl.sftDataset;
        expect([...faults(config, schemas.axolotl.config), ...datasets.flatMap((one) => faults(one, shape))]).toEqual([]);
        expect(config.base_model).toBe(spec.baseModel);
        // Each step learns from as many rows as were asked for.
        const { micro_batch_size, gradient_accumulation_steps } = config as Record<string, number>;
        expect(micro_batch_size! * gradient_accumulation_steps!).toBe(spec.hyperparameters.batchSize ?? 8);
      }),
    );
  });

  it('hold only arguments that TRL, PEFT and unsloth take', () => {
    fc.assert(
      fc.property(specs, templates, (spec, template) => {
        const trl = trlConfig(spec, template);
        const unsloth = unslothConfig(spec, template);
        const shape = spec.method === 'dpo' ? schemas.trl.dpoConfig : schemas.trl.sftConfig;
        expect(faults(trl.args, shape)).toEqual([]);
        expect(faults(unsloth.args, shape)).toEqual([]);
        expect(trl.lora === null ? [] : faults(trl.lora, schemas.peft.loraConfig)).toEqual([]);
        expect(schemas.unsloth.fromPretrained).toEqual(expect.arrayContaining(Object.keys(unsloth.load as object)));
        expect(schemas.unsloth.getPeftModel).toEqual(expect.arrayContaining(Object.keys(unsloth.lora ?? {})));
      }),
    );
  });

  it('would not pass with a key that a trainer dropped', () => {
    expect(faults({ warmup_ratio: 0.1, packing: 'yes' }, schemas.trl.sftConfig)).toEqual([
      'warmup_ratio is not taken',
      'packing takes ["boolean"], not "yes"',
    ]);
  });
});

describe('a folder for a trainer elsewhere', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'emit-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('names no place of this machine, and holds pairs as axolotl reads them', async () => {
    const pair = {
      input: { messages: [{ role: 'user', content: 'hello' }] },
      preferred_output: [{ role: 'assistant', content: 'good' }],
      non_preferred_output: [{ role: 'assistant', content: 'bad' }],
    };
    await writeFile(join(folder, 'train.jsonl'), `${JSON.stringify(pair)}\n`);
    const base: JobSpec = fc.sample(specs, 1)[0]!;
    const spec = { ...base, method: 'dpo' as const, training: { ...file('x'), path: join(folder, 'train.jsonl') } };
    const names = await emitTrainers(spec, folder, null);
    expect([...names].sort()).toEqual([
      'axolotl.yaml',
      'run.sh',
      'smallfirst_rows.py',
      'train-axolotl.jsonl',
      'train_trl.py',
      'train_unsloth.py',
      'trl.json',
      'unsloth.json',
    ]);
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    expect(texts.join('\n')).not.toContain(folder);
    expect(JSON.parse(await readFile(join(folder, 'train-axolotl.jsonl'), 'utf8'))).toEqual({
      messages: [{ role: 'user', content: 'hello' }],
      chosen: { role: 'assistant', content: 'good' },
      rejected: { role: 'assistant', content: 'bad' },
    });
  });
});

describe('run.sh', () => {
  it('puts its id in the place of the one before in one step: nobody who looks finds none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'smallfirst-run-'));
    try {
      await writeFile(join(folder, 'run.sh'), RUN_SH);
      await writeFile(join(folder, 'axolotl'), '#!/bin/sh\ncat pid > seen\n');
      await chmod(join(folder, 'axolotl'), 0o755);
      await writeFile(join(folder, 'pid'), '4242\n');
      // Another name of the same file: it would be emptied with it, were the file written over.
      await link(join(folder, 'pid'), join(folder, 'pid.before'));
      const env = { PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` };
      await promisify(execFile)('sh', ['run.sh', 'axolotl'], { cwd: folder, env });
      const read = (name: string) => readFile(join(folder, name), 'utf8');
      expect([await read('pid.before'), await read('seen')]).toEqual(['4242\n', expect.not.stringContaining('4242')]);
      expect(JSON.parse(await read('exit.json'))).toEqual({ tool: 'axolotl', code: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
