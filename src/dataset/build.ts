import { join } from 'node:path';
import { type Clock, type EpochMs, formatUsd, type Json, type NanoUsd, type Output, SmallfirstError } from '../core/index.ts';
import type { CountTokens } from '../pricing/index.ts';
import type { Feedback } from '../store/index.ts';
import type { DatasetFolder, StoredDataset } from './dataset-folder.ts';
import { type DistinctSettings, distinctRows } from './distinct-rows.ts';
import { type DraftRow, hashOfRows, type NodeResult } from './draft.ts';
import { type FilterSettings, filterRows } from './filter-rows.ts';
import { type NodePlan, type NodeRun, runNode } from './node-cache.ts';
import { AnswerCache, estimateRelabel, type RelabelEstimate, type RelabelWhich, relabelRows, type TeacherPort } from './relabel.ts';
import { isRestricted, reportOn } from './report.ts';
import { reviewRows } from './review-rows.ts';
import { type ScrubSettings, scrubRows } from './scrub-rows.ts';
import { type RecordPorts, type RecordSource, selectFromRecord } from './select-record.ts';
import { balanceRows, type SplitSettings, splitRows } from './split-rows.ts';
import { type DatasetReport, type DatasetRow, type NodeRecord, SPLITS } from './types.ts';

/** What a data set is made of. Everything in it is in a node's hash. */
export interface Recipe {
  readonly name: string;
  readonly task: string | null;
  readonly output: Output | null;
  readonly record: RecordSource | null;
  /** Rows of uploaded files. */
  readonly uploads: readonly { readonly file: string; readonly rows: readonly DraftRow[] }[];
  readonly filter: FilterSettings;
  readonly relabel: { readonly which: RelabelWhich; readonly maxCost: NanoUsd | null; readonly concurrency: number } | null;
  /** Null looks for no private texts. */
  readonly scrub: ScrubSettings | null;
  readonly distinct: DistinctSettings;
  readonly split: SplitSettings;
  /** Null balances nothing. */
  readonly maxPerLabel: number | null;
}

/** What building needs of the world. */
export interface BuildDeps {
  readonly folder: DatasetFolder;
  /** Null without a record. */
  readonly ports: RecordPorts | null;
  /** What people said of requests of the task. */
  readonly feedback: readonly Feedback[];
  readonly teacher: TeacherPort | null;
  /** The task's own golden set: never trained on, and the golden split where it is not empty. */
  readonly golden: readonly DraftRow[];
  readonly countTokens: CountTokens;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (node: NodeRecord['kind'], done: number, total: number | null, detail?: string) => void;
}

/** Says what the relabelling of a recipe would cost at most. Asks nobody. Null for a recipe without one. */
export async function estimateBuild(recipe: Recipe, deps: BuildDeps): Promise<RelabelEstimate | null> {
  if (recipe.relabel === null || deps.teacher === null) return null;
  const graph = new Graph(recipe, deps);
  await graph.select();
  await graph.filter();
  return graph.estimate();
}

/**
 * Builds a data set and stores it as the current version: select → filter → relabel → review → scrub → distinct → split → balance. Each
 * node's rows are found again by the hash of its settings and of what came in, so a build that was stopped goes on and equal recipes over
 * equal rows give the same version. Throws USAGE for a relabelling without a cap, INPUT_INVALID when no row is left.
 */
export async function buildDataset(recipe: Recipe, deps: BuildDeps): Promise<StoredDataset> {
  const graph = new Graph(recipe, deps);
  await graph.select();
  await graph.filter();
  await graph.relabel();
  await graph.review();
  const privateTexts = await graph.scrub();
  await graph.split();
  return graph.store(privateTexts);
}

/** One build on its way: the rows so far and the nodes that made them. */
class Graph {
  readonly #recipe: Recipe;
  readonly #deps: BuildDeps;
  readonly #nodes: NodeRecord[] = [];
  #rows: readonly DraftRow[] = [];
  #until: EpochMs | null = null;

  constructor(recipe: Recipe, deps: BuildDeps) {
    this.#recipe = recipe;
    this.#deps = deps;
  }

  async select(): Promise<void> {
    const { record, uploads, output } = this.#recipe;
    if (record !== null && this.#deps.ports !== null) {
      this.#until = record.until;
      const ports = { ...this.#deps.ports, onProgress: (rows: number) => this.#deps.onProgress('select', rows, null) };
      const settings = { source: 'record', ...record };
      await this.#add({ kind: 'select', settings, cached: false }, [], () => selectFromRecord(ports, record, output));
    }
    for (const { file, rows } of uploads) {
      const settings = { source: 'file', file, sha256: hashOfRows(rows) };
      await this.#add({ kind: 'select', settings, cached: false }, [], () => ({ rows, counts: {} }));
    }
    this.#rows = withOwnIds(this.#rows);
  }

  async filter(): Promise<void> {
    const { filter } = this.#recipe;
    const settings = filter as unknown as Json;
    await this.#run({ kind: 'filter', settings, cached: true }, (rows) => filterRows(rows, filter, this.#deps.countTokens));
  }

  async estimate(): Promise<RelabelEstimate | null> {
    const { teacher } = this.#deps;
    const { relabel } = this.#recipe;
    return teacher === null || relabel === null ? null : estimateRelabel(this.#rows, relabel.which, teacher, await this.#answers(teacher));
  }

  async relabel(): Promise<void> {
    const { relabel, output } = this.#recipe;
    const { teacher, signal, onProgress } = this.#deps;
    if (relabel === null || teacher === null) return;
    const answers = await this.#answers(teacher);
    const { rows, cached, worst } = estimateRelabel(this.#rows, relabel.which, teacher, answers);
    const { maxCost } = relabel;
    if (rows > cached && worst === null)
      throw new SmallfirstError('BUDGET_UNPRICED', `"${teacher.model}" has no known price, so nothing can cap what relabelling costs.`);
    if (rows > cached && maxCost === null) {
      throw new SmallfirstError(
        'USAGE',
        `Relabelling ${rows - cached} rows by "${teacher.model}" costs at most ${formatUsd(worst)}. Say with --max-cost what it may cost.`,
      );
    }
    const run = {
      which: relabel.which,
      output,
      maxCost: maxCost ?? (0 as NanoUsd),
      concurrency: relabel.concurrency,
      signal,
      onProgress: (done: number, total: number, spent: NanoUsd) => onProgress('relabel', done, total, formatUsd(spent)),
    };
    const settings = { model: teacher.model, provider: teacher.provider, snapshot: teacher.snapshot, which: relabel.which };
    await this.#run({ kind: 'relabel', settings, cached: false }, (of) => relabelRows(of, teacher, { answers, run }));
  }

  async review(): Promise<void> {
    const { feedback } = this.#deps;
    const { output } = this.#recipe;
    await this.#run({ kind: 'review', settings: {}, beside: hashOfRows(feedback), cached: true }, (rows) =>
      answeredOnly(reviewRows(rows, feedback, output)),
    );
  }

  async scrub(): Promise<DatasetReport['privateTexts']> {
    const { scrub } = this.#recipe;
    if (scrub === null) return { scrubbed: false, found: {}, rows: 0 };
    const settings = { mode: scrub.mode, kinds: [...scrub.kinds] };
    const { rows = 0, ...found } = await this.#run({ kind: 'scrub', settings, cached: true }, (of) => scrubRows(of, scrub));
    return { scrubbed: scrub.mode === 'scrub', found, rows };
  }

  async split(): Promise<void> {
    const { name, distinct, split, maxPerLabel } = this.#recipe;
    const frozen = (await this.#deps.folder.frozenGolden(name)) ?? [];
    const golden = [...frozen, ...this.#deps.golden];
    const beside = hashOfRows(golden);
    let groups: readonly number[] = [];
    await this.#run(
      { kind: 'distinct', settings: { ...distinct }, beside, cached: true },
      (rows) => distinctRows(rows, golden, distinct),
      (result) => {
        groups = result.groups;
      },
    );
    const isFrozen = golden.length > 0;
    await this.#run({ kind: 'split', settings: { ...split, isFrozen }, cached: true }, (rows) =>
      splitRows(rows, groups, { settings: split, isFrozen }),
    );
    if (maxPerLabel !== null)
      await this.#run({ kind: 'balance', settings: { maxPerLabel }, cached: true }, (rows) => balanceRows(rows, maxPerLabel));
    const held = this.#deps.golden.length > 0 ? this.#deps.golden.filter(({ output }) => output !== undefined) : frozen;
    this.#rows = [...this.#rows, ...held.map((row): DraftRow => ({ ...row, split: 'golden' }))];
  }

  async store(privateTexts: DatasetReport['privateTexts']): Promise<StoredDataset> {
    const { name, task, output } = this.#recipe;
    const { folder, clock, countTokens } = this.#deps;
    const rows = SPLITS.flatMap((split) => this.#rows.filter((row) => row.split === split)).map(finished);
    if (rows.every(({ split }) => split === 'golden'))
      throw new SmallfirstError('INPUT_INVALID', `No row is left to train on: ${this.#leftOut()}.`);
    const golden = rows.filter(({ split }) => split === 'golden');
    const stored = await folder.save(
      {
        format: 'smallfirst-dataset',
        version: 1,
        name,
        hash: hashOfRows(rows),
        created: new Date(clock.now()).toISOString(),
        task,
        output,
        until: this.#until,
        nodes: this.#nodes,
        report: reportOn(rows, { output, privateTexts, countTokens }),
      },
      rows,
    );
    if (golden.length > 0) await folder.freezeGolden(name, golden);
    return stored;
  }

  #answers(teacher: TeacherPort): Promise<AnswerCache> {
    return AnswerCache.open(join(this.#deps.folder.cache, `relabel-${teacher.snapshot}.jsonl`));
  }

  /** Runs a node over the rows so far, which become what it gives. Returns its counts. */
  async #run<R extends NodeResult & { readonly spent?: NanoUsd }>(
    plan: NodePlan,
    work: (rows: readonly DraftRow[]) => R | Promise<R>,
    use: (result: R) => void = () => {},
  ): Promise<NodeRecord['counts']> {
    const rows = this.#rows;
    const done = await this.#node(plan, rows, () => work(rows));
    this.#rows = done.result.rows;
    use(done.result);
    return done.record.counts;
  }

  /** Runs a node whose rows come beside those so far. */
  async #add(plan: NodePlan, rows: readonly DraftRow[], work: () => NodeResult | Promise<NodeResult>): Promise<void> {
    const { result } = await this.#node(plan, rows, work);
    this.#rows = [...this.#rows, ...result.rows];
  }

  async #node<R extends NodeResult & { readonly spent?: NanoUsd }>(
    plan: NodePlan,
    rows: readonly DraftRow[],
    work: () => R | Promise<R>,
  ): Promise<NodeRun<R>> {
    const { folder, signal, onProgress } = this.#deps;
    if (signal.aborted) throw new SmallfirstError('ABORTED', 'The build was stopped; the same command goes on where it was.');
    onProgress(plan.kind, 0, rows.length);
    const done = await runNode(folder.cache, plan, { rows, work });
    this.#nodes.push(done.record);
    return done;
  }

  #leftOut(): string {
    const counts = this.#nodes.flatMap(({ kind, counts: of }) => Object.entries(of).map(([name, n]) => `${kind} ${name} ${n}`));
    return counts.length === 0 ? 'none was selected' : counts.join(', ');
  }
}

/** Rows that nobody has answered cannot be learned from. Counts `unlabelled`. */
function answeredOnly({ rows, counts }: NodeResult): NodeResult {
  const answered = rows.filter(({ output }) => output !== undefined);
  const unlabelled = rows.length - answered.length;
  return { rows: answered, counts: unlabelled === 0 ? counts : { ...counts, unlabelled } };
}

/** The same id in two files would make one row's label the other's: the later one gets a number. */
function withOwnIds(rows: readonly DraftRow[]): readonly DraftRow[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const n = (seen.get(row.id) ?? 0) + 1;
    seen.set(row.id, n);
    return n === 1 ? row : { ...row, id: `${row.id}#${n}` };
  });
}

function finished(row: DraftRow): DatasetRow {
  const { output = null, split = 'train', flags } = row;
  const isFlagged = isRestricted(row) && !flags.includes('terms');
  return { ...row, output, split, flags: isFlagged ? [...flags, 'terms'] : flags };
}
