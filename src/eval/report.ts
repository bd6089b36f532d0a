import { type NanoUsd, normaliseLabel, toUsd } from '../core/index.ts';
import { classificationReport, meanInterval } from '../metrics/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import { compare, intervalOptions } from './compare.ts';
import { judgeReport } from './judging.ts';
import type { Observations } from './observations.ts';
import { signalOf } from './pairs.ts';
import type { Seat, Session } from './session.ts';
import type { EvalReport, ModelReport } from './types.ts';

/** Sums a run up: each model, each candidate beside the ceiling, and what a reader must know. */
export function buildReport(session: Session): EvalReport {
  const { plan, set, seats, spend } = session;
  const [ceilingSeat, ...candidates] = seats;
  const ceiling = reportModel(session, ceilingSeat);
  const models = [...candidates.map((seat) => reportModel(session, seat)), ceiling];
  const { retain, level } = plan.task.floor;
  const planned = set.items * plan.repeats * seats.length;
  const errors = seats.reduce((sum, seat) => sum + seat.failed.size, 0);
  return {
    task: plan.task.name,
    run: session.run,
    set: { file: plan.set, items: set.items, hash: set.hash },
    metric: plan.task.metric,
    reference: session.reference,
    repeats: plan.repeats,
    ceiling: plan.ceiling.name,
    floor: { retain, level, quality: ceiling.quality === null ? null : retain * ceiling.quality },
    models,
    comparisons: candidates.map((seat) => compare(session, seat)),
    judge: judgeReport(session),
    cells: { planned, asked: session.asked, found: session.found, errors },
    spentUsd: toUsd(spend.spent),
    stopped: session.stopped,
    notes: notesOf(session, models),
  };
}

function reportModel(session: Session, seat: Seat): ModelReport {
  const { observations, model } = seat;
  const units = scoredUnits(session, observations);
  const qualities = units.map((unit) => observations.quality(unit));
  const mean = units.length === 0 ? null : meanInterval(qualities, intervalOptions(session, units));
  const signal = signalOf(session, observations);
  return {
    model: model.name,
    provider: model.provider,
    role: seat === session.seats[0] ? 'ceiling' : 'candidate',
    n: units.length,
    quality: mean?.mean ?? null,
    interval: mean?.interval ?? null,
    macroF1: macroF1(session, observations, units),
    invalid: observations.invalid,
    errors: seat.failed.size,
    costPer1000Usd: costPer1000(observations, units),
    unpriced: observations.unpriced,
    usage: { ...observations.usage },
    latencyMs: latencies(observations, units),
    confidence: signal === null || units.length === 0 ? null : { signal, share: observations.carrying(signal) / units.length },
  };
}

function scoredUnits(session: Session, observations: Observations): readonly number[] {
  const units: number[] = [];
  for (let unit = 0; unit < session.index.ids.length * session.plan.repeats; unit += 1) {
    if (!Number.isNaN(observations.quality(unit))) units.push(unit);
  }
  return units;
}

function macroF1(session: Session, observations: Observations, units: readonly number[]): number | null {
  const { output } = session.plan.task;
  if (output.kind !== 'label' || session.reference !== 'gold' || units.length === 0) return null;
  const gold = units.map((unit) => {
    const label = session.index.expected[Math.floor(unit / session.plan.repeats)] ?? '';
    return normaliseLabel(label, output.labels) ?? label;
  });
  return classificationReport(
    units.map((unit) => observations.labels[unit] ?? null),
    gold,
    output.labels,
  ).macroF1;
}

function costPer1000(observations: Observations, units: readonly number[]): number | null {
  if (units.length === 0 || observations.unpriced > 0) return null;
  // In dollars from the start: a sum of nano-dollars over a large set times 1,000 leaves the exact range.
  return (units.reduce((sum, unit) => sum + toUsd(observations.cost(unit) ?? (0 as NanoUsd)), 0) / units.length) * 1000;
}

function latencies(observations: Observations, units: readonly number[]): ModelReport['latencyMs'] {
  const known = units.map((unit) => observations.latencyMs(unit)).filter((latency) => latency !== null);
  if (known.length === 0) return null;
  const sorted = Float64Array.from(known).sort();
  return { p50: quantileSorted(sorted, 0.5), p95: quantileSorted(sorted, 0.95), n: known.length };
}

function judgeNotes({ deps: { judge }, judged }: Session): readonly string[] {
  if (judge === undefined) return [];
  const notes = [...judge.notes];
  if (judged.parseFailures > 0) notes.push(`${judged.parseFailures} replies of the judge were no verdict and were asked for again.`);
  if (judged.unpriced > 0) notes.push(`UNPRICED, which is not free: the judge ${judge.name}. Declare its price in the config.`);
  return notes;
}

function notesOf(session: Session, models: readonly ModelReport[]): readonly string[] {
  const { plan, seats, reference, withoutReference } = session;
  const notes: string[] = [...judgeNotes(session)];
  if (reference === 'ceiling') notes.push(`No row has a gold answer: quality is agreement with ${plan.ceiling.name}.`);
  if (withoutReference > 0)
    notes.push(
      `${plan.ceiling.name} gave no usable answer to ${withoutReference === 1 ? '1 item, which is' : `${withoutReference} items, which are`} left out.`,
    );
  const unpriced = models.filter((model) => model.unpriced > 0).map(({ model }) => model);
  if (unpriced.length > 0) notes.push(`UNPRICED, which is not free: ${unpriced.join(', ')}. Declare their prices in the config.`);
  const counted = models.filter(
    ({ usage, provider, costPer1000Usd }) => usage.counted > 0 && provider !== 'student' && costPer1000Usd !== null,
  );
  if (counted.length > 0) {
    notes.push(`Tokens of ${counted.map(({ model }) => model).join(', ')} were counted here from the texts: their costs are estimates.`);
  }
  if (session.replayed > 0) notes.push('Recorded answers are priced at what their calls would cost; nothing was spent on them.');
  for (const { model, failed, firstError } of seats) {
    if (failed.size > 0)
      notes.push(
        `${model.name} failed on ${failed.size === 1 ? '1 item' : `${failed.size} items`} (the first: ${firstError}), left out of its quality. Run again to fill the gaps.`,
      );
  }
  if (seats.length > 2)
    notes.push(`Each verdict is a statement of its own at ${plan.task.floor.level * 100} %; they are not promised together.`);
  if (session.stopped) notes.push('The run was stopped. Finished cells are kept: the same command goes on where it stopped.');
  return notes;
}
