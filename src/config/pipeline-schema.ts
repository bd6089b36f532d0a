import { z } from 'zod';

const usd = z.number().gt(0);
const modelName = z.string().min(1);
const text = z.string().min(1);

const controller = z
  .strictObject({
    model: modelName.describe('The model that plans: the frontier, as a rule'),
    tasks: z.array(text).min(1).describe('Tasks that it may delegate to, each through its own ladder'),
    instructions: text.optional().describe('What the plan is for, as a template'),
    maxCalls: z.int().min(1).max(1000).default(16).describe('Delegated calls in all'),
    maxTurns: z.int().min(1).max(100).default(8).describe('Times that the planning model is asked'),
    maxRepeats: z.int().min(1).max(100).default(2).describe('Times that one task may be asked with the same input'),
    maxDepth: z.int().min(1).max(8).default(1).describe('How deep a delegated task may delegate again'),
    maxUsd: usd.optional().describe('US dollars that planning and delegated calls may cost together; the step’s budget when absent'),
  })
  .describe('A step that plans: the declared tasks are its tools');

const stepName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'a step is named with small letters, digits and _, a letter first')
  .describe('Name of the step: small letters, digits and _');

const stepShape = {
  task: text.optional().describe('The task that answers it'),
  input: z
    .union([z.string(), z.record(z.string().min(1), z.string())])
    .optional()
    .describe('What the task is asked about, as a template (Liquid) or a mapping of templates; the text of the request when absent'),
  when: text
    .optional()
    .describe('Condition in CEL over request.*, input.* and <step>.output, .confidence, .threshold and .label; always when absent'),
  forEach: text.optional().describe('Expression in CEL that gives a list: the step runs for each item, as item and index in its input'),
  atMost: z.int().min(1).max(10_000).default(100).describe('Items that a fan-out may have; more are a failure of the step'),
  model: modelName
    .optional()
    .describe('This one model answers, without a certificate; its confidence and the certified threshold are told to later steps'),
  ladder: z.array(modelName).min(1).optional().describe('A ladder of its own instead of the task’s'),
  floor: z
    .strictObject({ retain: z.number().gt(0).max(1).default(0.98), level: z.number().gt(0).lt(1).default(0.95) })
    .optional()
    .describe('A stricter floor than the task’s: certificates of a lower one do not count here'),
  budget: usd.optional().describe('US dollars that the step may cost in one run'),
  purpose: z
    .enum(['answer', 'polish'])
    .default('answer')
    .describe('polish books its calls as a last pass over another step’s text, so that a bill shows the share that was polished'),
  onFailure: z.enum(['stop', 'continue']).default('stop').describe('stop ends the run; continue goes on without its outcome'),
  controller: controller.optional(),
};

const step = z.strictObject({ step: stepName, ...stepShape });

/** A step as it is written. */
export type RawStep = z.output<typeof step>;

// One shape for both, so that a misspelt key is told as such; what excludes what is checked in check-pipelines.ts.
const node = z.strictObject({
  step: stepName.optional(),
  ...stepShape,
  parallel: z.array(z.array(step).min(1)).min(2).optional().describe('Lists of steps that run side by side; none reads another’s outcome'),
});

/** A step, or branches that run side by side. */
export type RawNode = z.output<typeof node>;

/** The shape of one pipeline. */
export const pipelineSchema = z.strictObject({
  steps: z.array(node).min(1).describe('Steps in order, or parallel branches of steps'),
  output: text.optional().describe('What the run answers, as a template; the output of the last step that ran when absent'),
  budget: usd.optional().describe('US dollars that one run may cost'),
  deadlineSeconds: usd.optional().describe('Time for one run'),
});

/** A pipeline as it is written. */
export type RawPipeline = z.output<typeof pipelineSchema>;
