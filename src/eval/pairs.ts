import { type Pair, type PairSide, SmallfirstError } from '../core/index.ts';
import type { Observations } from './observations.ts';
import type { Seat, Session } from './session.ts';

/** The seat of a candidate. Throws MODEL_NOT_FOUND when it took no part. */
export function seatOf(session: Session, candidate: string): Seat {
  const seat = session.seats.find(({ model }) => model.name === candidate);
  if (seat) return seat;
  throw new SmallfirstError('MODEL_NOT_FOUND', `${candidate} took no part in this eval.`);
}

/** Units that candidate and ceiling both answered. */
export function sharedUnits(session: Session, candidate: Observations): readonly number[] {
  const ceiling = session.seats[0].observations;
  const shared: number[] = [];
  for (let unit = 0; unit < session.index.ids.length * session.plan.repeats; unit += 1) {
    if (!Number.isNaN(candidate.quality(unit)) && !Number.isNaN(ceiling.quality(unit))) shared.push(unit);
  }
  return shared;
}

/** Which units belong together: those of one cluster, or of one item where it is asked repeatedly; null when all are independent. */
export function clusterOf(session: Session, unit: number): string | null {
  const { index, plan, set } = session;
  if (plan.repeats === 1 && !set.hasClusters) return null;
  const item = Math.floor(unit / plan.repeats);
  const cluster = index.clusters[item] ?? null;
  // An item without a cluster must not fall together with a cluster that is named like its id.
  return cluster === null ? `item ${index.ids[item]}` : `cluster ${cluster}`;
}

/** A unit's name: the item's id, with the number of the repeat where there are several. */
export function unitId(session: Session, unit: number): string {
  const { repeats } = session.plan;
  const id = session.index.ids[Math.floor(unit / repeats)] ?? '';
  return repeats === 1 ? id : `${id}#${(unit % repeats) + 1}`;
}

/** The signal that a candidate's confidence is read from: the task's own, else the one that most of its answers carry. */
export function signalOf(session: Session, candidate: Observations): string | null {
  return session.plan.task.signal ?? candidate.bestSignal();
}

/** Candidate and ceiling as pairs, ready to certify. */
export function pairsOf(session: Session, candidate: string): readonly Pair[] {
  const { observations } = seatOf(session, candidate);
  const ceiling = session.seats[0].observations;
  const signal = signalOf(session, observations);
  return sharedUnits(session, observations).map((unit) => {
    const confidence = signal === null ? null : observations.signal(signal, unit);
    const cluster = clusterOf(session, unit);
    return {
      id: unitId(session, unit),
      small: { ...side(observations, unit), ...(confidence === null ? {} : { confidence }) },
      big: side(ceiling, unit),
      ...(cluster === null ? {} : { cluster }),
    };
  });
}

function side(observations: Observations, unit: number): PairSide {
  const cost = observations.cost(unit);
  const latencyMs = observations.latencyMs(unit);
  return {
    quality: observations.quality(unit),
    ...(cost === null ? {} : { cost }),
    ...(latencyMs === null ? {} : { latencyMs }),
  };
}
