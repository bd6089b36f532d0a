import { z } from 'zod';
import type { SignalName } from '../confidence/index.ts';
import { lifeShape } from './life-schema.ts';
import { localShape } from './local-schema.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { captureSchema, servingShape } from './serving-schema.ts';
import { upstreamShape } from './upstream-schema.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]*(?:@[A-Za-z0-9][A-Za-z0-9._-]*)?$/;

/** Every confidence signal, by name. */
export const SIGNALS = [
  'probability',
  'token',
  'margin',
  'agreement',
  'stated',
  'mean-logprob',
  'min-logprob',
  'valid',
] as const satisfies readonly SignalName[];

const name = z.string().regex(NAME).describe('A name: letters, digits and . _ : / -, and @VERSION at its end where there are several');
const positive = z.number().gt(0);
const usd = z.number().min(0);

const parameters = z
  .strictObject({
    temperature: z.number().min(0).max(2).optional(),
    topP: z.number().gt(0).max(1).optional(),
    maxTokens: z.int().min(1).optional(),
    seed: z.int().optional(),
    stop: z.array(z.string()).min(1).optional(),
  })
  .describe('Generation parameters; what a task sets wins over what a model sets');

const classes = {
  input: usd.optional().describe('US dollars per million fresh input tokens'),
  output: usd.optional().describe('US dollars per million output tokens'),
  cacheRead: usd.optional(),
  cacheWrite5m: usd.optional(),
  cacheWrite1h: usd.optional(),
  reasoning: usd.optional(),
  audioInput: usd.optional(),
  audioOutput: usd.optional(),
};

const free = z.literal(true).optional().describe('A declared price of 0, which is not the same as no price');
const sameAs = z
  .strictObject({ provider: z.string().min(1), model: z.string().min(1) })
  .optional()
  .describe('The price of another model of the catalogue, for a recording or a proxy');

const price = z.strictObject({ ...classes, free, sameAs }).describe('US dollars per million tokens by class, or free: true, or sameAs');

const hardware = z
  .strictObject({
    usdPerHour: positive.describe('What the machine costs an hour'),
    tokensPerSecond: positive.describe('Input and output tokens per second together, while it works'),
    utilisation: positive.max(1).default(1).describe('Share of the time that it works'),
  })
  .describe('The price of a machine of your own');

const trained = z
  .strictObject({
    until: z.iso.datetime({ offset: true }).describe('Newest of what it was trained on: nothing of before certifies it'),
    dataset: z.string().min(1).optional().describe('Hash of the data set'),
    rows: z.int().min(1).optional(),
    job: z.string().min(1).optional().describe('Id of the fine-tuning job'),
  })
  .describe('Where a fine-tuned model comes from');

/** One entry of `models:`. */
export const modelSchema = z.strictObject({
  provider: z.string().min(1).describe('The provider that serves it, for example replay'),
  model: z
    .string()
    .min(1)
    .optional()
    .describe('The name on the wire, a dated version where there is one; the name in the config when absent'),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Base URL, as the SDK of that vendor takes it'),
  ...upstreamShape,
  tier: z.enum(['small', 'mid', 'frontier']).optional().describe('By its place on the ladders when absent'),
  boundary: z.string().min(1).optional().describe('Where its data may go: internal, eu, any, or a word of your own'),
  capabilities: z.array(z.enum(['tools', 'images', 'pdfs', 'json-schema', 'logprobs', 'streaming', 'embeddings', 'system'])).optional(),
  contextWindow: z.int().min(1).optional().describe('Tokens that fit, prompt and answer together'),
  price: price.optional(),
  hardware: hardware.optional(),
  data: z.string().min(1).optional().describe('Path of the recording that a replayed model answers from'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the folder that a student is loaded from, or of the GGUF file of a model of llama-cpp'),
  ...localShape,
  parameters: parameters.optional(),
  trained: trained.optional(),
  prune: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Path of the list that `smallfirst models prune` wrote: texts of the prompt that the model was trained without and is asked without',
    ),
  allowUnpinned: z
    .boolean()
    .optional()
    .describe('Lets live traffic rest on a name that the vendor moves, such as one that ends in -latest'),
});

const embeddings = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Base URL of an OpenAI-compatible endpoint, as an SDK takes it'),
    model: z.string().min(1).describe('The embedding model that the student was trained on'),
    apiKey: z.string().min(1).optional(),
    usdPerMillion: usd.optional().describe('Its price in US dollars per million tokens; 0 when absent'),
  })
  .describe('Where a student over embeddings gets its vectors');

/** One entry of `students:`. */
export const studentSchema = z.strictObject({
  path: z.string().min(1).describe('The folder that `smallfirst student train --out` wrote'),
  boundary: z.string().min(1).optional().describe('Where its data may go: internal when absent, any where it calls an endpoint'),
  costUsd: usd.optional().describe('What one answer costs in US dollars; 0 when absent'),
  embeddings: embeddings.optional(),
});

const output = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('label'), labels: z.array(z.string().min(1)).min(2) }),
  z.strictObject({ kind: z.literal('json'), schema: z.record(z.string(), z.json()).default({}).describe('JSON Schema of the answer') }),
  z.strictObject({ kind: z.literal('text') }),
]);

const judgeSchema = z.strictObject({
  judge: z
    .string()
    .min(1)
    .optional()
    .describe('The model that judges; when absent, the ablest one of the file whose family no model of the ladder is of'),
  rubric: z
    .union([z.string().min(1), z.strictObject({ text: z.string().min(1) })])
    .describe('What a good answer is: path of a file, or the text itself as { text: … }'),
});

/** One entry of `tasks:`. */
export const taskSchema = z.strictObject({
  output,
  ladder: z.array(z.string().min(1)).min(1).describe('Models from the cheapest to the ceiling; student/NAME names a student'),
  metric: z
    .union([
      z.string().min(1),
      z.strictObject({
        type: z.string().min(1),
        value: z.json().optional(),
        threshold: z.number().min(0).max(1).optional(),
        tolerance: z.number().min(0).optional(),
      }),
      judgeSchema,
    ])
    .optional()
    .describe('A metric: name, name(threshold), name:value, or a mapping; by output kind when absent. A text task may name a judge'),
  floor: z
    .strictObject({ retain: positive.max(1).default(0.98), level: positive.lt(1).default(0.95) })
    .optional()
    .describe('The share of the ceiling to keep, and the confidence level'),
  prompt: z
    .union([z.string().min(1), z.strictObject({ system: z.string().min(1).optional(), user: z.string().min(1).optional() })])
    .optional()
    .describe('The prompt; {{input}} stands for the item'),
  threshold: z.number().min(0).max(1).optional().describe('A fixed number, always shown as uncertified'),
  signal: z.enum(SIGNALS).optional().describe('The confidence signal to use; the most trusted one there is when absent'),
  parameters: parameters.optional(),
  fingerprints: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .optional()
    .describe('Prompt templates whose traffic belongs to this task, as `smallfirst tasks` lists them'),
  capture: captureSchema.optional(),
  ...lifeShape,
});

const priceRow = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1),
  from: z.iso.date().optional().describe('First day it holds (UTC)'),
  source: z.string().optional(),
  tiers: z.strictObject({ batch: usd.optional(), flex: usd.optional(), priority: usd.optional() }).optional(),
  usdPerMillion: z.strictObject(classes).optional(),
  usdPerRequest: usd.optional(),
  longContext: z.array(z.strictObject({ above: z.int().min(1), usdPerMillion: z.strictObject(classes) })).optional(),
  hardware: hardware.optional(),
  free,
  sameAs,
});

/** The shape of a price file: a list of prices. */
export const priceFileSchema = z.array(priceRow);
export type RawPriceRow = z.output<typeof priceRow>;

/** The shape of smallfirst.yaml. What it cannot say (names that must exist, prompts, two prices) is checked in check.ts. */
export const configSchema = z.strictObject({
  version: z.literal(1).optional().describe('Version of this format'),
  models: z.record(name, modelSchema).default({}),
  students: z.record(name, studentSchema).default({}),
  tasks: z.record(name, taskSchema).default({}),
  pipelines: z.record(name, pipelineSchema).default({}),
  prices: z.string().min(1).optional().describe('Path of a price file of your own'),
  deprecations: z.string().min(1).optional().describe('Path of a list of shutdown dates of your own; its rows win over the bundled list'),
  allowUnpinned: z.boolean().optional().describe('What models that do not say it themselves allow; false when absent'),
  ...servingShape,
});

/** A config as people write it, its shape checked and nothing else. */
export type RawConfig = z.output<typeof configSchema>;
export type RawModel = RawConfig['models'][string];
export type RawTask = RawConfig['tasks'][string];
export type RawJudge = z.output<typeof judgeSchema>;

/** Whether a task's metric is a judge. */
export function isJudge(metric: RawTask['metric']): metric is RawJudge {
  return typeof metric === 'object' && 'rubric' in metric;
}

/** JSON Schema (draft 2020-12) of smallfirst.yaml, for editors. */
export function configJsonSchema(): object {
  return { title: 'smallfirst.yaml', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}

/** The keys that a schema allows at a path, for suggestions; empty where any key may stand. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: readonly z.core.$ZodType[] = [schema];
  for (const segment of path) current = current.flatMap((schema) => stepInto(unwrap(schema), String(segment)));
  return [...new Set(current.flatMap((schema) => unwrap(schema).flatMap(shapeKeys)))];
}

function stepInto(schemas: readonly z.core.$ZodType[], segment: string): readonly z.core.$ZodType[] {
  return schemas.flatMap((schema) => {
    if (schema instanceof z.ZodObject) return schema.shape[segment] ? [schema.shape[segment]] : [];
    if (schema instanceof z.ZodRecord) return [schema.valueType];
    if (schema instanceof z.ZodArray) return [schema.element];
    return [];
  });
}

function unwrap(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.def.innerType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap);
  return [schema];
}

function shapeKeys(schema: z.core.$ZodType): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
