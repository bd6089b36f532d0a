import type { Config, PipelineConfig, PipelineStep } from '../../config/index.ts';
import { formatUsd } from '../../core/index.ts';

/** A step, as it is drawn. */
export interface GraphStep {
  readonly name: string;
  readonly task: string | null;
  /** Models in the order in which they are asked; the last is the ceiling. */
  readonly ladder: readonly string[];
  readonly output: string;
  readonly when: string | null;
  readonly forEach: string | null;
  readonly notes: readonly string[];
  /** Steps whose outcomes it reads. */
  readonly reads: readonly string[];
}

/** A pipeline as it is drawn: rows of steps; more than one in a row run side by side. */
export interface PipelineGraph {
  readonly pipeline: string;
  readonly rows: readonly (readonly (readonly GraphStep[])[])[];
  readonly output: string | null;
  readonly notes: readonly string[];
}

/** What there is to draw of a pipeline. */
export function graphOf(pipeline: PipelineConfig, config: Config): PipelineGraph {
  const stepOf = (step: PipelineStep): GraphStep => graphStep(step, config);
  return {
    pipeline: pipeline.name,
    rows: pipeline.nodes.map((node) => (node.kind === 'step' ? [[stepOf(node)]] : node.branches.map((branch) => branch.map(stepOf)))),
    output: pipeline.output?.source ?? null,
    notes: [
      ...(pipeline.budget === null ? [] : [`at most ${formatUsd(pipeline.budget)} a run`]),
      ...(pipeline.deadlineMs === null ? [] : [`at most ${pipeline.deadlineMs / 1000} s`]),
    ],
  };
}

function graphStep(step: PipelineStep, config: Config): GraphStep {
  const task = step.task === null ? undefined : config.tasks.get(step.task);
  const { controller, floor, budget, onFailure } = step;
  return {
    name: step.name,
    task: step.task,
    ladder: controller !== null ? [controller.model] : step.model !== null ? [step.model] : (step.ladder ?? task?.ladder ?? []),
    output: controller !== null ? 'text' : (task?.output.kind ?? 'text'),
    when: step.when?.source ?? null,
    forEach: step.forEach?.source ?? null,
    notes: [
      ...(controller === null ? [] : [`delegates to ${controller.tasks.join(', ')}`]),
      ...(floor === null ? [] : [`keeps ${floor.retain * 100} % at ${floor.level * 100} %`]),
      ...(budget === null ? [] : [`at most ${formatUsd(budget)}`]),
      ...(onFailure === 'continue' ? ['may fail'] : []),
    ],
    reads: readsOf(step),
  };
}

function readsOf({ when, forEach, input }: PipelineStep): readonly string[] {
  const templates =
    input === null ? [] : input instanceof Map ? [...input.values()] : [input as Exclude<typeof input, ReadonlyMap<string, unknown>>];
  const references = [when, forEach, ...templates].flatMap((one) => one?.references ?? []);
  const roots = new Set(references.map(([root]) => String(root)));
  for (const own of ['request', 'input', 'item', 'index']) roots.delete(own);
  return [...roots];
}

/** The pipeline as lines of text. */
export function textOf({ pipeline, rows, output, notes }: PipelineGraph): string {
  const lines = [notes.length === 0 ? pipeline : `${pipeline} (${notes.join(', ')})`];
  for (const branches of rows) {
    if (branches.length === 1) for (const step of branches[0] ?? []) lines.push(...stepLines(step, '  '));
    else
      for (const [i, branch] of branches.entries()) {
        const edge = i === 0 ? '┌' : i === branches.length - 1 ? '└' : '├';
        lines.push(`  ${edge} side by side`, ...branch.flatMap((step) => stepLines(step, i === branches.length - 1 ? '    ' : '  │ ')));
      }
  }
  lines.push(output === null ? '  → the output of the last step that ran' : `  → ${output}`, '');
  return lines.join('\n');
}

function stepLines(step: GraphStep, indent: string): readonly string[] {
  const details = [
    ...(step.when === null ? [] : [`when ${step.when}`]),
    ...(step.forEach === null ? [] : [`for each of ${step.forEach}`]),
    ...(step.reads.length === 0 ? [] : [`reads ${step.reads.join(', ')}`]),
    ...step.notes,
  ];
  return [
    `${indent}▸ ${step.name}: ${step.task ?? 'controller'} (${step.output}), ${step.ladder.join(' → ')}`,
    ...details.map((text) => `${indent}    ${text}`),
  ];
}

/** The pipeline as a Mermaid flowchart (mermaid.js.org), which many pages draw. */
export function mermaidOf({ pipeline, rows, output }: PipelineGraph): string {
  const lines = [`%% ${pipeline}`, 'flowchart TD', '  start([request])'];
  let ends: readonly string[] = ['start'];
  for (const branches of rows) {
    const next: string[] = [];
    for (const branch of branches) {
      let before = ends;
      for (const step of branch) {
        lines.push(`  ${step.name}["${label(step)}"]`);
        for (const from of before) lines.push(`  ${from} ${step.when === null ? '-->' : `-. "${escaped(step.when)}" .->`} ${step.name}`);
        before = [step.name];
      }
      next.push(...before);
    }
    ends = next;
  }
  lines.push(`  answer([${output === null ? 'answer' : `"${escaped(output)}"`}])`, ...ends.map((from) => `  ${from} --> answer`), '');
  return lines.join('\n');
}

function label({ name, task, ladder, forEach }: GraphStep): string {
  return [
    `<b>${name}</b>`,
    escaped(task ?? 'controller'),
    escaped(ladder.join(' → ')),
    ...(forEach === null ? [] : [`for each of ${escaped(forEach)}`]),
  ].join('<br/>');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
