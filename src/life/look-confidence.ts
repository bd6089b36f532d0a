import {
  aurocHarm,
  type Calibrator,
  calibrate,
  chooseSignal,
  columnOf,
  fitCalibrator,
  type SignalName,
  type SignalScore,
} from '../confidence/index.ts';
import { type Interval, pairedBootstrap, quantileSorted } from '../statistics/index.ts';
import type { StoredPair } from '../store/index.ts';
import { Gate, type GateModel, type GateRow, trainGate } from '../triage/index.ts';

/** How confidence is read, frozen before a pair is certified on. */
export interface FrozenConfidence {
  /** Null with a gate, and where no signal is usable: then only a swap of every answer is tested. */
  readonly signal: SignalName | null;
  readonly gate: GateModel | null;
  readonly calibrator: Calibrator | null;
  /** Thresholds from safest to boldest, fixed by quantiles of FIT; null where there is no confidence. */
  readonly grid: readonly number[] | null;
  readonly scores: readonly SignalScore[];
  /** Null where no gate was tried. */
  readonly gateTrial: GateTrial | null;
}

/** A gate against the best signal on the same rows, both by AUROC for harm; the gate's scores come from folds that held the row out. */
export interface GateTrial {
  readonly gate: number;
  readonly signal: number;
  /** 95 % interval of the difference, by a bootstrap over conversations. */
  readonly difference: Interval;
  readonly used: boolean;
}

export interface FreezeOptions {
  /** A signal that a person named: it is not second-guessed. */
  readonly only: SignalName | null;
  /** Whether a gate classifier may be used. */
  readonly gate: boolean;
}

const GRID_POINTS = 40;
/** Fewer rows, or fewer with harm, cannot tell a gate from chance. */
const LEAST_GATE_ROWS = 300;
const LEAST_GATE_HARM = 30;
/** Training looks at so many of the newest rows at most: it keeps a look within seconds. */
const MOST_GATE_ROWS = 6_000;
const FOLDS = 5;
const RESAMPLES = 400;
const SEED = 1;

/**
 * Chooses on FIT how confidence is read: the signal that best tells harm, or a gate classifier where that beats the signal on rows it
 * had not seen, by an interval above 0. Fits the calibrator and fixes the thresholds. Deterministic.
 */
export function freezeConfidence(fit: readonly StoredPair[], options: FreezeOptions): FrozenConfidence {
  const pairs = fit.filter(({ skip }) => !skip);
  const rows = pairs.map(({ smallQuality, bigQuality, signals }) => ({ small: smallQuality, big: bigQuality, signals }));
  const { chosen, scores } = chooseSignal(rows, options.only);
  const trained = options.gate && options.only === null && chosen !== null ? tryGate(pairs, chosen.name) : null;
  const none = { signal: null, gate: null, calibrator: null, grid: null, scores, gateTrial: trained?.trial ?? null };
  if (trained?.trial.used) {
    const calibrator = fitCalibrator([...trained.heldOut], trained.outcomes);
    const grid = gridOf([...trained.heldOut].map((score) => calibrate(calibrator, score)));
    return { ...none, gate: trained.model, calibrator, grid };
  }
  if (chosen === null) return none;
  const { name, calibrator } = chosen;
  const values = rows.flatMap(({ signals }) => (Number.isFinite(signals[name] ?? Number.NaN) ? [signals[name]!] : []));
  return { ...none, signal: name, calibrator, grid: gridOf(values.map((value) => calibrate(calibrator, value))) };
}

/** Reads confidence from pairs as the frozen choice says; null where a pair has none. */
export function confidenceReader(frozen: FrozenConfidence): (pair: StoredPair) => number | null {
  const { signal, gate, calibrator } = frozen;
  if (calibrator === null) return () => null;
  if (gate !== null) {
    const classifier = new Gate(gate);
    return ({ signals, input }) => {
      // As live: an answer that says nothing, or a request without the text that the gate reads, has no confidence and is escalated.
      if (Object.keys(signals).length === 0 || (gate.readsText && input === null)) return null;
      return calibrate(calibrator, classifier.score({ signals, text: input }));
    };
  }
  return ({ signals }) => {
    const value = signal === null ? undefined : signals[signal];
    return value === undefined || !Number.isFinite(value) ? null : calibrate(calibrator, value);
  };
}

/** Quantiles of the confidences, falling; 0 comes last, because only a threshold that accepts every answer can be a swap. */
function gridOf(confidences: readonly number[]): readonly number[] {
  const sorted = Float64Array.from(confidences).sort();
  const cuts = Array.from({ length: GRID_POINTS }, (_, point) => quantileSorted(sorted, 1 - (point + 1) / GRID_POINTS));
  return [...new Set([...cuts, 0])].sort((a, b) => b - a);
}

interface GateTry {
  readonly model: GateModel;
  readonly heldOut: Float64Array;
  readonly outcomes: readonly number[];
  readonly trial: GateTrial;
}

function tryGate(pairs: readonly StoredPair[], signal: SignalName): GateTry | null {
  const newest = pairs.slice(-MOST_GATE_ROWS);
  const harm = newest.reduce((sum, pair) => sum + (pair.bigQuality > pair.smallQuality ? 1 : 0), 0);
  if (newest.length < LEAST_GATE_ROWS || Math.min(harm, newest.length - harm) < LEAST_GATE_HARM) return null;
  const rows: GateRow[] = newest.map((pair) => ({
    signals: pair.signals,
    text: pair.input,
    small: pair.smallQuality,
    big: pair.bigQuality,
    group: pair.cluster ?? pair.requestId ?? pair.id,
  }));
  const { model, heldOut } = trainGate(rows, { folds: FOLDS, seed: SEED });
  const trial = compare(rows, heldOut, columnOf(rows, signal));
  return trial === null ? null : { model, heldOut, outcomes: rows.map(({ small }) => small), trial };
}

function compare(rows: readonly GateRow[], gate: Float64Array, signal: readonly number[]): GateTrial | null {
  const harm = (scores: ArrayLike<number>, chosen: readonly number[]): number =>
    aurocHarm(
      chosen.map((row) => scores[row]!),
      chosen.map((row) => rows[row]!.small),
      chosen.map((row) => rows[row]!.big),
    ) ?? Number.NaN;
  const groups = groupsOf(rows);
  const all = rows.map((_, row) => row);
  const difference = pairedBootstrap(
    groups.length,
    (drawn) => {
      const chosen = Array.from(drawn).flatMap((group) => groups[group]!);
      return harm(gate, chosen) - harm(signal, chosen);
    },
    { resamples: RESAMPLES, level: 0.95, seed: SEED },
  );
  const [byGate, bySignal] = [harm(gate, all), harm(signal, all)];
  if (!Number.isFinite(byGate) || !Number.isFinite(bySignal)) return null;
  // Written so that an interval that is not a number uses the signal.
  return { gate: byGate, signal: bySignal, difference, used: difference.low > 0 };
}

function groupsOf(rows: readonly GateRow[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  rows.forEach(({ group }, row) => {
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [row]);
    else members.push(row);
  });
  return [...groups.values()];
}
