import type { Output } from '../core/index.ts';
import {
  type Condition,
  type ExpressionProblem,
  parseCondition,
  parseListExpression,
  parseTemplate,
  type Reference,
} from '../expressions/index.ts';
import { cycleIn, placeProblem, type Seen } from './check-pipeline-places.ts';
import type { Problem } from './config-error.ts';
import type { RawNode, RawPipeline, RawStep } from './pipeline-schema.ts';
import type { Source } from './source.ts';
import { suggestion } from './suggest.ts';

/** What pipelines refer to: outputs of tasks by name, where they are known, and every model's name. */
export interface PipelineWorld {
  readonly tasks: ReadonlyMap<string, Output | null>;
  readonly models: readonly string[];
}

/** Names that mean something else in conditions or templates. */
const RESERVED = new Set(
  (
    'request input item index true false null nil blank empty in and or not contains forloop tablerowloop ' +
    'as break const continue else for function if import let loop package namespace return var void while'
  ).split(' '),
);

type Path = readonly (string | number)[];

/** What is wrong with pipelines as a whole: names, order, types, steps that can never run. */
export function checkPipelines(pipelines: Readonly<Record<string, RawPipeline>>, world: PipelineWorld, source: Source): readonly Problem[] {
  return Object.entries(pipelines).flatMap(([name, pipeline]) => new PipelineCheck(name, pipeline, world, source).problems());
}

class PipelineCheck {
  readonly #path: Path;
  readonly #pipeline: RawPipeline;
  readonly #world: PipelineWorld;
  readonly #source: Source;
  readonly #problems: Problem[] = [];
  /** Every step of the pipeline, earlier or later. */
  readonly #all: ReadonlyMap<string, RawStep>;

  constructor(name: string, pipeline: RawPipeline, world: PipelineWorld, source: Source) {
    this.#path = ['pipelines', name];
    this.#pipeline = pipeline;
    this.#world = world;
    this.#source = source;
    this.#all = new Map(pipeline.steps.flatMap(stepsOf).map((step) => [step.step, step]));
  }

  problems(): readonly Problem[] {
    const seen = new Map<string, Seen>();
    for (const [i, node] of this.#pipeline.steps.entries()) this.#node(node, [...this.#path, 'steps', i], seen);
    if (this.#pipeline.output !== undefined) this.#template([...this.#path, 'output'], this.#pipeline.output, seen, false);
    return this.#problems;
  }

  #node(node: RawNode, path: Path, seen: Map<string, Seen>): void {
    if (node.parallel === undefined) {
      if (node.step === undefined) this.#say('a step lacks "step", its name; add it.', path, 'heading');
      else this.#step(node as RawStep, path, seen);
      return;
    }
    const extra = Object.keys(this.#written(path)).filter((key) => key !== 'parallel');
    if (extra.length > 0) this.#say(`parallel stands alone; move ${extra.join(', ')} into its branches.`, path, 'heading');
    const before = new Map(seen);
    for (const [b, branch] of node.parallel.entries()) {
      // A branch sees what came before the fork and itself; what comes after the join sees all.
      const own = new Map(before);
      for (const [i, step] of branch.entries()) this.#step(step, [...path, 'parallel', b, i], own, seen);
      for (const [name, one] of own) seen.set(name, one);
    }
  }

  #step(step: RawStep, path: Path, seen: Map<string, Seen>, joined: ReadonlyMap<string, Seen> = seen): void {
    const { step: name } = step;
    if (RESERVED.has(name))
      this.#say(`"${name}" means something else in conditions and templates; choose another name.`, [...path, 'step']);
    if (seen.has(name) || joined.has(name)) this.#say(`the step "${name}" stands here twice; choose another name.`, [...path, 'step']);
    const output = this.#answers(step, path);
    for (const [i, model] of (step.ladder ?? []).entries()) this.#model(model, [...path, 'ladder', i]);
    if (step.model !== undefined) this.#model(step.model, [...path, 'model']);
    if (step.model !== undefined && step.ladder !== undefined)
      this.#say('a step has either a model or a ladder; keep one.', [...path, 'ladder'], 'key');
    const isEach = step.forEach !== undefined;
    if (step.forEach !== undefined) this.#list([...path, 'forEach'], step.forEach, seen);
    if (step.when !== undefined) this.#when([...path, 'when'], step.when, seen);
    if (typeof step.input === 'string') this.#template([...path, 'input'], step.input, seen, isEach);
    else for (const [key, text] of Object.entries(step.input ?? {})) this.#template([...path, 'input', key], text, seen, isEach);
    seen.set(name, { output, isList: isEach });
  }

  /** What a step gives; null where that is not known. */
  #answers(step: RawStep, path: Path): Output | null {
    if (step.controller !== undefined) {
      if (step.task !== undefined) this.#say('a step has either a task or a controller; keep one.', [...path, 'task'], 'key');
      this.#model(step.controller.model, [...path, 'controller', 'model']);
      for (const [i, task] of step.controller.tasks.entries()) this.#task(task, [...path, 'controller', 'tasks', i]);
      const { instructions } = step.controller;
      // Only what the caller says is there: a plan reads earlier steps by its input.
      if (instructions !== undefined) this.#template([...path, 'controller', 'instructions'], instructions, new Map(), false);
      for (const key of ['model', 'ladder'] as const) {
        if (step[key] !== undefined) this.#say(`a controller’s tasks answer by their own ladders; remove ${key}.`, [...path, key], 'key');
      }
      return { kind: 'text' };
    }
    if (step.task !== undefined) return this.#task(step.task, [...path, 'task']);
    this.#say(`the step "${step.step}" lacks "task", or a "controller"; add one.`, path, 'heading');
    return null;
  }

  #task(name: string, path: Path): Output | null {
    const { tasks } = this.#world;
    if (!tasks.has(name)) this.#say(`${this.#source.written(path)} is no task of this file.${suggestion(name, [...tasks.keys()])}`, path);
    return tasks.get(name) ?? null;
  }

  #model(name: string, path: Path): void {
    const { models } = this.#world;
    if (!models.includes(name)) this.#say(`${this.#source.written(path)} is no model of this file.${suggestion(name, models)}`, path);
  }

  #when(path: Path, text: string, seen: ReadonlyMap<string, Seen>): void {
    const condition = this.#expression(path, text, seen, parseCondition);
    if (condition === null) return;
    if (condition.constant === false) this.#say('this is never true, so the step can never be reached; remove one of them.', path);
    this.#labels(path, condition, seen);
  }

  #list(path: Path, text: string, seen: ReadonlyMap<string, Seen>): void {
    const list = this.#expression(path, text, seen, parseListExpression);
    const [only] = list?.references ?? [];
    const one = only === undefined ? undefined : seen.get(String(only[0]));
    // Written out as a step's whole output, its kind is known.
    if (text.trim() !== only?.join('.') || one?.output === undefined || one.output === null || one.isList) return;
    if (only.length === 2 && only[1] === 'output' && one.output.kind !== 'json') {
      this.#say(`a step fans out over a list, and ${only[0]} gives a ${one.output.kind}.`, path);
    }
  }

  /** Parses an expression over the steps so far; a name that comes later or goes round in a circle is told as that. */
  #expression<T extends { readonly references: readonly Reference[] }>(
    path: Path,
    text: string,
    seen: ReadonlyMap<string, Seen>,
    parse: (text: string, steps: readonly string[]) => T | ExpressionProblem,
  ): T | null {
    // Read with every name of the pipeline first, so that one which is only in the wrong place is no unknown name.
    const parsed = this.#parsed(
      path,
      parse(
        text,
        [...this.#all.keys()].filter((name) => !RESERVED.has(name)),
      ),
    );
    if (parsed === null) return null;
    this.#places(path, parsed.references, seen, false);
    return parsed;
  }

  #template(path: Path, text: string, seen: ReadonlyMap<string, Seen>, isEach: boolean): void {
    const template = this.#parsed(path, parseTemplate(text));
    if (template !== null) this.#places(path, template.references, seen, isEach);
  }

  #parsed<T extends object>(path: Path, parsed: T | ExpressionProblem): T | null {
    if (!('message' in parsed)) return parsed;
    const unknown = /^Unknown variable: (.*)$/.exec(parsed.message)?.[1];
    const names = ['request', 'input', ...this.#all.keys()];
    const message = unknown === undefined ? `${parsed.message}.` : `"${unknown}" is no step of this pipeline.${suggestion(unknown, names)}`;
    this.#problems.push({ message: `${this.#name(path)}: ${message}`, position: this.#source.within(path, parsed.at) });
    return null;
  }

  #places(path: Path, references: readonly Reference[], seen: ReadonlyMap<string, Seen>, isEach: boolean): void {
    for (const reference of references) {
      const problem = placeProblem(reference, { seen, all: this.#all, isEach });
      if (problem === null) continue;
      const cycle = problem === 'later' ? cycleIn(this.#all, this.#owner(path), String(reference[0])) : null;
      const message =
        cycle !== null
          ? `the steps go round in a circle: ${cycle.join(' → ')}.`
          : problem === 'later'
            ? `"${reference[0]}" has not run when this is read: it comes later, or in another branch.`
            : problem;
      this.#say(message, path);
    }
  }

  /** A label that the task does not have would never be equal, and the step silently skipped. */
  #labels(path: Path, { comparisons }: Condition, seen: ReadonlyMap<string, Seen>): void {
    for (const { reference, value } of comparisons) {
      const output = seen.get(String(reference[0]))?.output;
      if (reference.length !== 2 || output?.kind !== 'label' || (reference[1] !== 'label' && reference[1] !== 'output')) continue;
      if (!output.labels.includes(value)) this.#say(`${reference[0]} has no label "${value}".${suggestion(value, output.labels)}`, path);
    }
  }

  /** The name of the step that a path is in; null for the pipeline itself. */
  #owner(path: Path): string | null {
    const at = path.lastIndexOf('parallel') === -1 ? 4 : 7;
    const written = this.#written(path.slice(0, at));
    return typeof written.step === 'string' ? written.step : null;
  }

  #written(path: Path): Readonly<Record<string, unknown>> {
    return this.#source.keysAt(path);
  }

  #say(message: string, path: Path, part: 'key' | 'value' | 'heading' = 'value'): void {
    const position = part === 'heading' ? this.#source.at(path) : this.#source.at(path, part);
    this.#problems.push({ message: `${this.#name(path)}: ${message}`, position });
  }

  #name(path: Path): string {
    return path.join('.');
  }
}

/** The steps of a node. */
export function stepsOf(node: RawNode): readonly RawStep[] {
  if (node.parallel !== undefined) return node.parallel.flat();
  return node.step === undefined ? [] : [node as RawStep];
}
