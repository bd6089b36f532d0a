/**
 * The error of looking again and again: a task whose candidates keep exactly the floor, looked at 500, 1,000, … 32,000 pairs, by a
 * person in between, and at a second candidate on the same requests. No more than 5 % of the tasks may ever be certified. Beside it the
 * naive way, every look as if it were the only one, and what the schedule costs in pairs. Exits 1 when a figure is past its gate.
 */
import { resolve } from 'node:path';
import { count, percent, renderTable } from '../src/cli/table.ts';
import type { Json } from '../src/core/index.ts';
import { PART_SHARES } from '../src/life/index.ts';
import { clopperPearson, type Interval, quantileSorted, seededRandom } from '../src/statistics/index.ts';
import { loadPopulations } from './cascades-data.ts';
import { boundaryPopulation, type Population } from './certify-draws.ts';
import { agreesWithCertify, floorAt, recordedCandidate, recordedRun } from './looks-recorded.ts';
import { betRuns, FLOOR, LEVEL, looksOf, type RunEnd, SIZES, type Spending, swapRuns } from './looks-runs.ts';
import { writeResult } from './result.ts';

const DATA = resolve(process.argv[2] ?? '../shared/data/routing');
const RUNS = 20_000;
const RECORDED_RUNS = 2_000;
const CHECKED_RUNS = 100;
const POWER_RUNS = 4_000;
const MOST_ERROR = 1 - LEVEL;
/** Shares of the answers at which recorded data give a boundary; a second candidate of the same ladder has its own. */
const RECORDED = [
  { data: 'CosmosQA', smalls: [1, 0], accepted: 0.7 },
  { data: 'SciQ', smalls: [0, 1], accepted: 0.7 },
] as const;
/** What an independent simulation found for the naive way, over automatic looks alone. */
const REFERENCE_NAIVE = '12–20 %';

interface ErrorRow {
  readonly world: string;
  readonly looks: string;
  readonly runs: number;
  readonly error: number;
  readonly interval: Interval;
  readonly naive: number;
  readonly naiveRuns: number;
}

const CORNERS = [
  { quality: 1, gain: 0 },
  { quality: 0.85, gain: 0 },
  { quality: 0.85, gain: 0.02 },
  { quality: 0.7, gain: 0.02 },
] as const;

function errorOf(runs: Generator<RunEnd, never, void>, times: number): { readonly error: number; readonly interval: Interval } {
  let wrong = 0;
  for (let run = 0; run < times; run += 1) if (runs.next().value.certifiedAt !== null) wrong += 1;
  return { error: wrong / times, interval: clopperPearson(wrong, times, 0.95) };
}

function simulated(): ErrorRow[] {
  return CORNERS.flatMap(({ quality, gain }, corner): ErrorRow[] => {
    const population = boundaryPopulation(FLOOR, quality, gain)!;
    const world = `Q ${quality}, gains ${percent(gain, 0)}`;
    const rows = [false, true].map((all): ErrorRow => {
      const runs = (spending: Spending) =>
        swapRuns(seededRandom(100 * corner + (all ? 2 : 1)), { population, looks: looksOf(all), spending, isSecondAlike: true });
      const naive = errorOf(runs('naive'), RUNS).error;
      return {
        world,
        looks: all ? 'automatic, a person, a second candidate' : 'automatic',
        runs: RUNS,
        ...errorOf(runs('shares'), RUNS),
        naive,
        naiveRuns: RUNS,
      };
    });
    const bets = errorOf(betRuns(seededRandom(100 * corner + 3), population), RUNS / 4);
    // Looking freely is what the e-value is for: there is no naive way beside it.
    return [...rows, { world, looks: 'e-value, at each tenth more', runs: RUNS / 4, ...bets, naive: Number.NaN, naiveRuns: 0 }];
  });
}

function recorded(): ErrorRow[] | null {
  const populations = loadPopulations(DATA);
  if (populations === null) return null;
  return RECORDED.map(({ data, smalls, accepted }, index): ErrorRow => {
    const population = populations.find(({ name }) => name === data)!;
    const candidates = smalls.map((small) => recordedCandidate(population, small));
    const world = { candidates, floors: candidates.map((candidate) => floorAt(candidate, accepted)) };
    const checks = seededRandom(9_000 + index);
    for (let run = 0; run < CHECKED_RUNS; run += 1) {
      if (!agreesWithCertify(checks, candidates[0]!, world.floors[0]!))
        throw new Error(`the sums of the bench and certify differ on ${data}`);
    }
    const wrongOf = (spending: Spending, runs: number): number => {
      const random = seededRandom(7_000 + index);
      let wrong = 0;
      for (let run = 0; run < runs; run += 1) if (recordedRun(random, world, looksOf(true), spending).isFalse) wrong += 1;
      return wrong;
    };
    const wrong = wrongOf('shares', RECORDED_RUNS);
    return {
      world: `${data}, cascade, floors ${world.floors.map((floor) => floor.toFixed(4)).join(' and ')}`,
      looks: 'automatic, a person, a second candidate',
      runs: RECORDED_RUNS,
      error: wrong / RECORDED_RUNS,
      interval: clopperPearson(wrong, RECORDED_RUNS, 0.95),
      naive: wrongOf('naive', RECORDED_RUNS) / RECORDED_RUNS,
      naiveRuns: RECORDED_RUNS,
    };
  });
}

interface PowerRow {
  readonly retained: number;
  readonly method: string;
  /** Median over all runs of CERTIFY pairs until certified, and of traffic's pairs that takes; null when most never are. */
  readonly median: number | null;
  readonly traffic: number | null;
  readonly certified: number;
  readonly runs: number;
}

/** Where the ceiling counts as right by agreement: losses are what is missing, and there are no gains. */
function powerRows(): PowerRow[] {
  return [1, 0.995, 0.99].flatMap((retained): PowerRow[] => {
    const population: Population = { quality: 1, gain: 0, loss: 1 - retained };
    const swap = (seed: number, all: boolean) =>
      swapRuns(seededRandom(seed), { population, looks: looksOf(all), spending: 'shares', isSecondAlike: false });
    const rows = [
      { method: 'score test, automatic looks', runs: swap(1, false) },
      { method: 'the same beside a person and a second candidate', runs: swap(2, true) },
      { method: 'e-value, at each tenth more', runs: betRuns(seededRandom(3), population) },
    ];
    return rows.map(({ method, runs }) => {
      const ends = Array.from({ length: POWER_RUNS }, () => runs.next().value.certifiedAt);
      const sorted = Float64Array.from(ends, (end) => end ?? Number.POSITIVE_INFINITY).sort();
      const middle = quantileSorted(sorted, 0.5);
      const median = Number.isFinite(middle) ? middle : null;
      return {
        retained,
        method,
        median,
        traffic: median === null ? null : Math.ceil(median / PART_SHARES.certify),
        certified: ends.filter((end) => end !== null).length / POWER_RUNS,
        runs: POWER_RUNS,
      };
    });
  });
}

function printErrors(rows: readonly ErrorRow[]): void {
  const head = `Certified although the floor of ${FLOOR} is only just kept, over looks at ${SIZES.map(count).join(', ')} pairs (promised: at most ${percent(MOST_ERROR, 0)}; reference for the naive way: ${REFERENCE_NAIVE})`;
  console.log(`${head}\n`);
  const columns = ['world', 'looks', 'runs', 'certified', '95 % interval', 'naive'];
  console.log(
    renderTable(
      columns.map((title, i) => ({ head: title, align: i < 2 ? 'left' : 'right' })),
      rows.map((row) => [
        row.world,
        row.looks,
        count(row.runs),
        percent(row.error, 2),
        `${percent(row.interval.low, 2)} – ${percent(row.interval.high, 2)}`,
        row.naiveRuns === 0 ? '–' : percent(row.naive),
      ]),
    ),
  );
}

function printPower(rows: readonly PowerRow[]): void {
  console.log('Pairs until a swap is certified, by what the candidate truly retains\n');
  const columns = ['retains', 'looks', 'median CERTIFY pairs', 'median pairs of traffic', 'ever certified'];
  console.log(
    renderTable(
      columns.map((title, i) => ({ head: title, align: i === 1 ? 'left' : 'right' })),
      rows.map((row) => [
        percent(row.retained),
        row.method,
        row.median === null ? 'never' : count(row.median),
        row.traffic === null ? 'never' : count(row.traffic),
        percent(row.certified),
      ]),
    ),
  );
}

function main(): void {
  const startedAt = performance.now();
  const onRecorded = recorded();
  const errors = [...simulated(), ...(onRecorded ?? [])];
  const power = powerRows();
  printErrors(errors);
  if (onRecorded === null) console.log(`recorded data skipped: not in ${DATA}\n`);
  printPower(power);
  const failures = errors.filter(({ error }) => error > MOST_ERROR).map(({ world, looks }) => `${world} (${looks}) is certified too often`);
  const figures = {
    promise: { floor: FLOOR, level: LEVEL, mostError: MOST_ERROR, sizes: [...SIZES] },
    errors: errors.map((row) => ({ ...row, interval: { ...row.interval }, naive: row.naiveRuns === 0 ? null : row.naive })),
    recorded: onRecorded === null ? 'skipped' : 'run',
    power: power.map((row) => ({ ...row })),
    referenceNaive: REFERENCE_NAIVE,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    failures,
  } satisfies Json;
  console.log(`figures in ${writeResult('looks', figures)}`);
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

main();
