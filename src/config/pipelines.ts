import { type NanoUsd, nanoUsd } from '../core/index.ts';
import { type ExpressionProblem, parseCondition, parseListExpression, parseTemplate } from '../expressions/index.ts';
import { stepsOf } from './check-pipelines.ts';
import type { RawNode, RawPipeline, RawStep } from './pipeline-schema.ts';
import type { InputMapping, PipelineBranches, PipelineConfig, PipelineStep } from './pipeline-types.ts';

/** Pipelines by name with their expressions read. They must have been checked. */
export function buildPipelines(raw: Readonly<Record<string, RawPipeline>>): ReadonlyMap<string, PipelineConfig> {
  return new Map(Object.entries(raw).map(([name, pipeline]) => [name, buildPipeline(name, pipeline)]));
}

function buildPipeline(name: string, { steps, output, budget, deadlineSeconds }: RawPipeline): PipelineConfig {
  const names = steps.flatMap(stepsOf).map(({ step }) => step);
  const nodes = steps.map((node) => buildNode(node, names));
  return {
    name,
    nodes,
    steps: nodes.flatMap((node) => (node.kind === 'step' ? [node] : node.branches.flat())),
    output: output === undefined ? null : read(parseTemplate(output)),
    budget: amountOf(budget),
    deadlineMs: deadlineSeconds === undefined ? null : deadlineSeconds * 1000,
  };
}

function buildNode(node: RawNode, names: readonly string[]): PipelineStep | PipelineBranches {
  if (node.parallel === undefined) return buildStep(node as RawStep, names);
  return { kind: 'parallel', branches: node.parallel.map((branch) => branch.map((step) => buildStep(step, names))) };
}

function buildStep(step: RawStep, names: readonly string[]): PipelineStep {
  const { controller } = step;
  return {
    kind: 'step',
    name: step.step,
    task: step.task ?? null,
    input: inputOf(step),
    when: step.when === undefined ? null : read(parseCondition(step.when, names)),
    forEach: step.forEach === undefined ? null : read(parseListExpression(step.forEach, names)),
    atMost: step.atMost,
    model: step.model ?? null,
    ladder: step.ladder ?? null,
    floor: step.floor ?? null,
    budget: amountOf(step.budget),
    purpose: step.purpose,
    onFailure: step.onFailure,
    controller:
      controller === undefined
        ? null
        : {
            model: controller.model,
            tasks: controller.tasks,
            instructions: controller.instructions === undefined ? null : read(parseTemplate(controller.instructions)),
            maxCalls: controller.maxCalls,
            maxTurns: controller.maxTurns,
            maxRepeats: controller.maxRepeats,
            maxDepth: controller.maxDepth,
            maxCost: amountOf(controller.maxUsd),
          },
  };
}

function inputOf({ input }: RawStep): InputMapping | null {
  if (input === undefined) return null;
  if (typeof input === 'string') return read(parseTemplate(input));
  return new Map(Object.entries(input).map(([key, text]) => [key, read(parseTemplate(text))]));
}

function amountOf(usd: number | undefined): NanoUsd | null {
  return usd === undefined ? null : nanoUsd(usd);
}

/** What was checked before parses again. */
function read<T extends object>(parsed: T | ExpressionProblem): T {
  if ('message' in parsed) throw new TypeError(`an expression that was checked is wrong: ${parsed.message}`);
  return parsed;
}
