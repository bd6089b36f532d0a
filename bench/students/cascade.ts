import { certify } from '../../src/certify/index.ts';
import type { Pair } from '../../src/core/index.ts';
import { pairedBootstrap, seededRandom } from '../../src/statistics/index.ts';
import { type Answer, type Complaint, studentOf } from './complaint-rows.ts';
import { mean, SEED } from './data.ts';
import { RUN_COST_USD } from './published.ts';

const LEVEL = 0.95;
/** Random partitions into quarters. The figures of the first are the ones that are quoted; the others show how much the draw matters. */
const PARTITIONS = 5;
/** Thresholds that are compared on FIT. */
const CANDIDATES = 20;

interface Answered {
  readonly row: Complaint;
  readonly said: Answer;
}

/** A turn: student and confidences of FIT's own rows (held out), of CERTIFY's and of REPORT's. */
interface Turn {
  readonly fit: readonly Answered[];
  readonly certify: readonly Answered[];
  readonly report: readonly Answered[];
}

/** What a policy did on a reported row. */
interface Reported {
  readonly cascade: number;
  readonly frontier: number;
  readonly kept: boolean;
}

/**
 * Student first, then a recorded model, on disjoint parts: FIT (half of the answered complaints and all further ones) trains the student; CERTIFY
 * (a quarter) tests along the usual grid at floor .98, and beside it one threshold that FIT chose at floor 1, that is, at least as often right as
 * the frontier itself; REPORT (a quarter) says what the certified policy then did. The quarters take turns, so that every row is reported once.
 */
export function cascadeFigures(rows: readonly Complaint[], further: readonly { readonly text: string; readonly label: string }[]) {
  const partitions = Array.from({ length: PARTITIONS }, (_, draw) => turnsOf(rows, further, SEED + draw));
  const models = Object.keys(rows[0]!.llm_pred).map((model) => {
    const beats = partitions.map((turns) => turns.map((turn) => beating(turn, model)));
    const keeps = partitions.map((turns) => turns.map((turn) => keeping(turn, model)));
    return {
      model,
      usdPer1000: RUN_COST_USD[model] ?? null,
      atLeastAsGood: summary(beats, RUN_COST_USD[model]),
      keeps98: summary(keeps, RUN_COST_USD[model]),
    };
  });
  models.sort((a, b) => b.keeps98.frontier - a.keeps98.frontier);
  const percent = (value: number) => (value * 100).toFixed(1);
  const line = ({ model, usdPer1000, keeps98: s, atLeastAsGood: one }: (typeof models)[number]) =>
    `${model.padEnd(22)} alone ${percent(s.frontier)} → cascade ${percent(s.cascade)}, gain ${percent(s.gain)} [${percent(s.gain95.low)}, ${percent(s.gain95.high)}] · student keeps ${percent(s.kept)} % · ${usdPer1000 === null ? 'price unknown' : `$${usdPer1000.toFixed(2)} → $${s.usdPer1000?.toFixed(3)} per 1,000`} · certified in ${s.certifiedOfAll} of ${s.turnsOfAll} turns, gain over all draws ${percent(mean(s.gainOfEachDraw))}; at floor 1 in ${one.certifiedOfAll}, gain ${percent(mean(one.gainOfEachDraw))}`;
  return {
    level: LEVEL,
    partitions: PARTITIONS,
    split:
      'FIT a half (with 1,113 further rows), CERTIFY a quarter, REPORT a quarter; a turn that is not certified leaves every row to the frontier',
    models,
    table: ['cascades certified at floor .98, reported on rows of neither FIT nor CERTIFY:', ...models.map(line)],
  };
}

function turnsOf(rows: readonly Complaint[], further: readonly { readonly text: string; readonly label: string }[], seed: number): Turn[] {
  const quarters: Complaint[][] = [[], [], [], []];
  seededRandom(seed)
    .shuffle([...rows])
    .forEach((row, i) => {
      quarters[i % 4]!.push(row);
    });
  return quarters.map((first, at) => {
    const fit = [...first, ...quarters[(at + 1) % 4]!];
    const student = studentOf([...fit.map(({ text, label }) => ({ text, label })), ...further]);
    const answered = (part: readonly Complaint[]) => part.map((row) => ({ row, said: student.answer(row.text) }));
    return {
      fit: fit.map((row, i) => ({ row, said: student.heldOut[i]! })),
      certify: answered(quarters[(at + 2) % 4]!),
      report: answered(quarters[(at + 3) % 4]!),
    };
  });
}

function pairOf({ row, said }: Answered, model: string): Pair {
  return {
    id: row.id,
    small: { quality: said.label === row.label ? 1 : 0, confidence: said.confidence },
    big: { quality: row.llm_pred[model] === row.label ? 1 : 0 },
  };
}

/** The certified policy on REPORT; null where nothing was certified. */
type Outcome = readonly { readonly reported: Reported; readonly certified: boolean }[];

/** One threshold from FIT, one test at floor 1. */
function beating(turn: Turn, model: string): Outcome {
  const threshold = bestThreshold(turn.fit.map((answered) => pairOf(answered, model)));
  const pairs = turn.certify.map((answered) => pairOf(answered, model));
  const { verdict } = certify(pairs, { floor: 1, level: LEVEL, method: 'score', grid: [threshold] });
  return reportOf(turn, model, verdict === 'frontier' ? null : threshold);
}

/** The usual grid at floor .98. */
function keeping(turn: Turn, model: string): Outcome {
  const { verdict, threshold } = certify(
    turn.certify.map((answered) => pairOf(answered, model)),
    { floor: 0.98, level: LEVEL, method: 'score' },
  );
  return reportOf(turn, model, verdict === 'frontier' ? null : (threshold ?? 0));
}

function reportOf({ report }: Turn, model: string, threshold: number | null): Outcome {
  return report.map((answered) => {
    const { small, big } = pairOf(answered, model);
    const kept = threshold !== null && small.confidence! >= threshold;
    return { certified: threshold !== null, reported: { cascade: kept ? small.quality : big.quality, frontier: big.quality, kept } };
  });
}

/** The quantile of FIT's confidences above which the student should answer: where the cascade is most often right, the lowest of equals. */
function bestThreshold(pairs: readonly Pair[]): number {
  const falling = [...pairs].sort((a, b) => b.small.confidence! - a.small.confidence!);
  let best = { right: -1, threshold: 1 };
  for (let step = 1; step <= CANDIDATES; step += 1) {
    const { confidence } = falling[Math.ceil((step * falling.length) / CANDIDATES) - 1]!.small;
    const threshold = confidence!;
    const right = pairs.reduce((sum, { small, big }) => sum + (small.confidence! >= threshold ? small.quality : big.quality), 0);
    if (right >= best.right) best = { right, threshold };
  }
  return best.threshold;
}

function summary(draws: readonly (readonly Outcome[])[], usd: number | undefined) {
  const certifiedTurns = (turns: readonly Outcome[]) => turns.filter((turn) => turn[0]!.certified).length;
  const first = draws[0]!.flat().map(({ reported }) => reported);
  const gainOf = (rows: readonly Reported[]) => mean(rows.map(({ cascade, frontier }) => cascade - frontier));
  const gains = first.map(({ cascade, frontier }) => cascade - frontier);
  const { low, high } = pairedBootstrap(first.length, (at) => mean([...at].map((i) => gains[i]!)), {
    resamples: 2000,
    level: 0.95,
    seed: SEED,
  });
  const kept = mean(first.map((row) => (row.kept ? 1 : 0)));
  const all = draws.map((turns) => turns.flat().map(({ reported }) => reported));
  return {
    frontier: mean(first.map((row) => row.frontier)),
    cascade: mean(first.map((row) => row.cascade)),
    gain: gainOf(first),
    gain95: { low, high },
    kept,
    usdPer1000: usd === undefined ? null : usd * (1 - kept),
    certified: certifiedTurns(draws[0]!),
    turns: draws[0]!.length,
    certifiedOfAll: draws.reduce((sum, turns) => sum + certifiedTurns(turns), 0),
    turnsOfAll: draws.reduce((sum, turns) => sum + turns.length, 0),
    gainOfEachDraw: all.map(gainOf),
    keptOfEachDraw: all.map((rows) => mean(rows.map((row) => (row.kept ? 1 : 0)))),
  };
}
