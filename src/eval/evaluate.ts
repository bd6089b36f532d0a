import { SIGNAL_PREFERENCE } from '../confidence/index.ts';
import type { TaskConfig } from '../config/index.ts';
import { type Json, normaliseLabel, type Pair, SmallfirstError } from '../core/index.ts';
import type { EvalCell } from '../store/index.ts';
import { ask, cellFacts, costOf } from './ask.ts';
import { judged } from './judging.ts';
import { pairsOf } from './pairs.ts';
import { cellKey } from './question.ts';
import { buildReport } from './report.ts';
import { read, type Scoring, score } from './scoring.ts';
import { goldLabel, openSession, type Seat, type Session } from './session.ts';
import { readSet } from './set.ts';
import type { EvalDeps, EvalItem, EvalPlan, EvalReport } from './types.ts';

/** Items whose cells are looked up together. */
const LOOKUP = 100;

/** What an eval gives: the report, and the pairs behind it. */
export interface EvalOutcome {
  readonly report: EvalReport;
  /** Items that candidate and ceiling both answered, ready to certify. */
  readonly pairs: (candidate: string) => readonly Pair[];
}

/**
 * Runs a set through the ceiling and the candidates, several items at a time. Cells that earlier runs finished are not asked again;
 * errors are. The whole set is checked before the first call. An aborted signal or a spent cap ends the run early: what is finished is
 * stored, and the report says so. Texts are not kept: memory grows by some numbers an item.
 */
export async function evaluate(plan: EvalPlan, deps: EvalDeps): Promise<EvalOutcome> {
  const session = await openSession(plan, deps);
  const units = plannedUnits(session);
  try {
    await Promise.all(Array.from({ length: plan.concurrency }, () => work(units, session)));
  } finally {
    session.stopped ??= deps.signal.aborted ? 'aborted' : null;
    await session.writer.drain();
  }
  return { report: buildReport(session), pairs: (candidate) => pairsOf(session, candidate) };
}

/** An item's repeat, with the cells that are there already, by seat. */
interface Unit {
  readonly number: number;
  readonly item: EvalItem;
  readonly keys: readonly string[];
  readonly found: readonly (EvalCell | undefined)[];
}

async function* plannedUnits(session: Session): AsyncGenerator<Unit> {
  const { plan, index } = session;
  let items: EvalItem[] = [];
  for await (const item of readSet(plan.set, plan.task.output, plan.limit)) {
    items.push(item);
    if (items.length < LOOKUP) continue;
    yield* lookUp(items, session);
    items = [];
  }
  yield* lookUp(items, session);
  if (index.ids.length !== session.set.items) {
    throw new SmallfirstError('INPUT_INVALID', `The set ${plan.set} changed while it was read; run again.`);
  }
}

async function* lookUp(items: readonly EvalItem[], session: Session): AsyncGenerator<Unit> {
  const { plan, seats, index } = session;
  const planned = items.flatMap((item) => {
    const ordinal = index.ids.length;
    index.ids.push(item.id);
    index.lines.push(item.line);
    index.clusters.push(item.cluster);
    index.expected.push(goldLabel(item.expected));
    return Array.from({ length: plan.repeats }, (_, repeat) => ({
      number: ordinal * plan.repeats + repeat,
      item,
      keys: seats.map((seat) => cellKey(seat.keyBase, item, repeat)),
    }));
  });
  const found = await session.deps.store.found(planned.flatMap((unit) => unit.keys));
  for (const unit of planned) yield { ...unit, found: unit.keys.map((key) => found.get(key)) };
}

async function work(units: AsyncGenerator<Unit>, session: Session): Promise<void> {
  for await (const unit of units) {
    await finish(unit, session);
    if (session.stopped) return;
  }
}

/** Brings one unit to its end: the ceiling first, then each candidate. */
async function finish(unit: Unit, session: Session): Promise<void> {
  const { seats, reference } = session;
  let expected: Json | undefined = unit.item.expected ?? null;
  let ceiling: { readonly cell: EvalCell; readonly quality: number } | null = null;
  const given = new Map<string, number>();
  for (const [i, seat] of seats.entries()) {
    const cell = unit.found[i] ?? (await askFor(unit, i, session));
    if (!cell) return;
    if (i === 0 && reference === 'ceiling') expected = await referenceFrom({ cell, seat, isNew: unit.found[i] === undefined }, session);
    if (expected === undefined) return;
    const scoring = await record(unit, { cell, seat, expected, isNew: unit.found[i] === undefined, given }, session);
    if (!scoring) continue;
    if (i === 0) ceiling = { cell, quality: scoring.quality };
    else if (ceiling && ceiling.quality > scoring.quality) noteDisagreement(unit, { seat, cell, ceiling: ceiling.cell }, session);
  }
}

/** The ceiling's answer as the reference; without one the item cannot be measured, and nothing more is asked about it. */
async function referenceFrom({ cell, seat, isNew }: Omit<Measured, 'expected' | 'given'>, session: Session): Promise<Json | undefined> {
  const { valid, value } = cell.error === null ? read(cell, session.plan.task) : { valid: false, value: null };
  if (valid) return value;
  session.withoutReference += 1;
  seat.firstError ??= cell.error;
  if (isNew) await session.writer.add(cell);
  else session.found += 1;
  return undefined;
}

/** Asks, within the cap and until the run is stopped; null when it may not. */
async function askFor(unit: Unit, seatNumber: number, session: Session): Promise<EvalCell | null> {
  const { deps, plan, spend, run } = session;
  const seat = session.seats[seatNumber];
  const key = unit.keys[seatNumber];
  if (!seat || key === undefined || session.stopped) return null;
  if (deps.signal.aborted) return stop(session, 'aborted');
  const hold = spend.begin(seat.model.name);
  if (hold === null) return stop(session, 'max-cost');
  let cell: EvalCell | null = null;
  try {
    cell = await ask({ key, run, item: unit.item, task: plan.task, model: seat.model, client: seat.client }, deps);
    session.asked += 1;
    return cell;
  } catch (error) {
    if (error instanceof SmallfirstError && error.code === 'ABORTED') return stop(session, 'aborted');
    throw error;
  } finally {
    spend.settle(seat.model.name, hold, cell && isPaid(cell) ? cell.cost : null);
  }
}

/** A recording is priced, and nobody pays for it. */
function isPaid(cell: EvalCell): boolean {
  return cell.error === null && !cellFacts(cell).replayed;
}

function stop(session: Session, why: 'aborted' | 'max-cost'): null {
  session.stopped ??= why;
  return null;
}

interface Measured {
  readonly cell: EvalCell;
  readonly seat: Seat;
  readonly expected: Json;
  readonly isNew: boolean;
  /** Scores that a judge gave in this unit. */
  readonly given: Map<string, number>;
}

/** Scores a cell, stores it when it is new, and books its numbers; null for an error. */
async function record(unit: Unit, measured: Measured, session: Session): Promise<Scoring | null> {
  const { cell, seat, expected, isNew } = measured;
  const { plan, deps, metric, spend } = session;
  const byMetric = cell.error === null && metric !== null ? score(cell, expected, plan.task, metric) : null;
  // What an answer cost is kept before a judge is asked about it.
  if (isNew) await session.writer.add({ ...cell, quality: byMetric?.quality ?? null, confidence: confidenceOf(cell, plan.task) });
  else session.found += 1;
  const scoring = byMetric ?? (cell.error === null ? await byJudge(unit, measured, session) : null);
  if (scoring) {
    if (cellFacts(cell).replayed) session.replayed += 1;
    seat.observations.add(unit.number, {
      quality: scoring.quality,
      valid: scoring.valid,
      label: typeof scoring.value === 'string' && plan.task.output.kind === 'label' ? scoring.value : null,
      signals: scoring.valid ? cell.signals : {},
      cost: isNew ? cell.cost : costOf(cell, seat.model, deps),
      latencyMs: cell.latencyMs,
      usageSource: cellFacts(cell).usageSource,
    });
  } else if (cell.error !== null) {
    seat.failed.add(unit.number);
    seat.firstError ??= cell.error;
  }
  deps.onProgress({
    done: session.found + session.asked,
    total: session.set.items * plan.repeats * session.seats.length,
    spent: spend.spent,
    errors: session.seats.reduce((sum, { failed }) => sum + failed.size, 0),
  });
  return scoring;
}

/** The judge's score; null where there is none, or where the run was stopped before. */
async function byJudge(unit: Unit, { cell, seat, expected, given }: Measured, session: Session): Promise<Scoring | null> {
  const { judge } = session.deps;
  const verdict = judge === undefined ? null : await judged({ judge, item: unit.item, cell, expected, given }, session);
  if (verdict === null) return null;
  if ('scoring' in verdict) return verdict.scoring;
  seat.failed.add(unit.number);
  seat.firstError ??= verdict.failure;
  return null;
}

function confidenceOf(cell: EvalCell, task: TaskConfig): number | null {
  const name = task.signal ?? SIGNAL_PREFERENCE.find((signal) => cell.signals[signal] !== undefined);
  return name === undefined ? null : (cell.signals[name] ?? null);
}

function noteDisagreement(
  unit: Unit,
  { seat, cell, ceiling }: { readonly seat: Seat; readonly cell: EvalCell; readonly ceiling: EvalCell },
  session: Session,
): void {
  const { output } = session.plan.task;
  const gold = unit.item.expected;
  seat.disagreements.offer(unit.number, () => ({
    id: unit.item.id,
    line: unit.item.line,
    expected: typeof gold === 'string' && output.kind === 'label' ? normaliseLabel(gold, output.labels) : (gold ?? null),
    candidate: excerpt(cell.output),
    ceiling: excerpt(ceiling.output),
  }));
}

function excerpt(text: string | null): string {
  const line = (text ?? '').trim().replace(/\s+/g, ' ');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
