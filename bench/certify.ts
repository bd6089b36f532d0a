/**
 * The promise of `certify`: the chance to certify a policy below its floor is at most 1 − level. Exact where the gain rate is 0, by
 * enumeration; simulated elsewhere. Exits 1 when any figure is above its gate.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certify } from '../src/certify/index.ts';
import { readPairs } from '../src/cli/commands/certify-pairs.ts';
import { percent, renderTable } from '../src/cli/table.ts';
import type { Json, Pair } from '../src/core/index.ts';
import { normalQuantile, seededRandom } from '../src/statistics/index.ts';
import { Boundary, exactError, waldPasses } from './certify-boundary.ts';
import { bootstrapCorner, type Corner, cascadeCorner, clusterCorner, drawCascade, gradedCorner } from './certify-corners.ts';
import { boundaryPopulation, countsOf } from './certify-draws.ts';
import { writeResult } from './result.ts';

const FLOORS = [0.9, 0.95, 0.98, 0.99] as const;
const LEVELS = [0.9, 0.95, 0.99] as const;
const DRAWS = 20_000;
/** Every size to 400 holds the worst points (126, 133–160, 270, 306, 393) and all others; then a few larger ones. */
const EXACT_SIZES = [...Array.from({ length: 400 }, (_, i) => i + 1), 500, 700, 1000, 1400, 2000];
const EXACT_QUALITIES = [0.5, 0.7, 0.85, 0.95, 0.98, 1] as const;
const SIMULATED_SIZES = [50, 100, 135, 151, 200, 300, 393, 500, 1000, 2000] as const;
const SIMULATED_QUALITIES = [0.7, 0.85, 0.95, 0.98] as const;
const GAINS = [0.002, 0.005, 0.02] as const;

interface Cell {
  readonly floor: number;
  readonly level: number;
  readonly error: number;
  readonly at: string;
}

interface SimulatedCell extends Cell {
  readonly gate: number;
  readonly wald: number;
  readonly waldAt: string;
  readonly configurations: number;
}

function main(): Promise<void> | void {
  const startedAt = performance.now();
  const boundaries = new Map(FLOORS.flatMap((floor) => LEVELS.map((level) => [`${floor}/${level}`, new Boundary(floor, level)] as const)));
  const exact = exactCells(boundaries);
  const simulated = simulatedCells(boundaries);
  printErrors(exact, simulated);
  const corners = [
    ...[20, 50, 100, 200, 299, 300].map((n) => gradedCorner(n, 1, 2000)),
    ...[20, 50, 100, 200, 299, 300, 600].map((n) => gradedCorner(n, 0.98 / 0.97, 2000)),
    clusterCorner(150, 2000),
    clusterCorner(400, 1000),
    cascadeCorner(300, 0.95, 3000),
    cascadeCorner(1000, 0.85, 1500),
  ];
  const display = [bootstrapCorner(100, 0.7, 1000), bootstrapCorner(200, 0.85, 600), bootstrapCorner(1000, 0.85, 150)];
  printCorners(corners, display);
  return finish({ exact, simulated, corners, display, startedAt });
}

function exactCells(boundaries: ReadonlyMap<string, Boundary>): Cell[] {
  return [...boundaries].map(([key, boundary]) => {
    const [floor, level] = key.split('/').map(Number) as [number, number];
    const given = Array.from({ length: 2001 }, (_, right) => boundary.exactGiven(right));
    let error = 0;
    let at = '';
    for (const n of EXACT_SIZES) {
      for (const quality of EXACT_QUALITIES) {
        const value = exactError((right) => given[right]!, n, quality);
        if (value > error) {
          error = value;
          at = `n=${n} Q=${quality}`;
        }
      }
    }
    return { floor, level, error, at };
  });
}

function simulatedCells(boundaries: ReadonlyMap<string, Boundary>): SimulatedCell[] {
  const random = seededRandom(20260101);
  return FLOORS.flatMap((floor) => {
    const worst = LEVELS.map((level) => ({ floor, level, error: 0, at: '', wald: 0, waldAt: '', configurations: 0 }));
    for (const n of SIMULATED_SIZES) {
      for (const quality of SIMULATED_QUALITIES) {
        for (const gain of GAINS) {
          const population = boundaryPopulation(floor, quality, gain);
          if (!population) continue;
          const draw = countsOf(random, n, population);
          const passed = LEVELS.map(() => ({ score: 0, wald: 0 }));
          for (let i = 0; i < DRAWS; i += 1) {
            const counts = draw();
            LEVELS.forEach((level, k) => {
              if (boundaries.get(`${floor}/${level}`)!.passes(counts)) passed[k]!.score += 1;
              if (waldPasses(counts, floor, WALD_Z[k]!)) passed[k]!.wald += 1;
            });
          }
          const at = `n=${n} Q=${quality} gain=${gain}`;
          worst.forEach((cell, i) => {
            cell.configurations += 1;
            const error = passed[i]!.score / DRAWS;
            const wald = passed[i]!.wald / DRAWS;
            if (error > cell.error) Object.assign(cell, { error, at });
            if (wald > cell.wald) Object.assign(cell, { wald, waldAt: at });
          });
        }
      }
    }
    return worst.map((cell) => ({ ...cell, gate: simulationGate(cell.level, DRAWS) }));
  });
}

const WALD_Z = LEVELS.map((level) => normalQuantile(level));

/** 1 − level plus three standard errors of a simulated rate. */
function simulationGate(level: number, draws: number): number {
  const alpha = 1 - level;
  return alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / draws);
}

function printErrors(exact: readonly Cell[], simulated: readonly SimulatedCell[]): void {
  console.log('Type-I error at the boundary, worst case. Exact: gain rate 0, all n to 400 and five more to 2,000, six frontier qualities.');
  console.log(
    `Simulated: ${DRAWS.toLocaleString('en-US')} draws each, ${simulated[0]!.configurations} configurations a floor. Wald on the same draws.\n`,
  );
  const heads = ['floor', 'level', 'allowed', 'exact', 'at', 'simulated', 'at', 'Wald', 'at'];
  const rows = exact.map((cell) => {
    const other = simulated.find((row) => row.floor === cell.floor && row.level === cell.level)!;
    const figures = [
      percent(1 - cell.level, 0),
      percent(cell.error, 2),
      cell.at,
      percent(other.error, 2),
      other.at,
      percent(other.wald, 1),
      other.waldAt,
    ];
    return [String(cell.floor), String(cell.level), ...figures];
  });
  console.log(
    renderTable(
      heads.map((head) => ({ head, align: head === 'at' ? 'left' : 'right' })),
      rows,
    ),
  );
}

function printCorners(corners: readonly Corner[], display: readonly Corner[]): void {
  const columns = [
    { head: 'corner (floor 0.98, level 0.95)' },
    { head: 'n', align: 'right' },
    { head: 'draws', align: 'right' },
    { head: 'falsely certified', align: 'right' },
    { head: '' },
  ] as const;
  const row = (c: Corner, note: string) => [c.corner, String(c.n), String(c.draws), percent(c.error, 2), note];
  console.log(renderTable(columns, [...corners.map((c) => row(c, '')), ...display.map((c) => row(c, 'for display, not used'))]));
}

interface Findings {
  readonly exact: readonly Cell[];
  readonly simulated: readonly SimulatedCell[];
  readonly corners: readonly Corner[];
  readonly display: readonly Corner[];
  readonly startedAt: number;
}

async function finish(found: Findings): Promise<void> {
  const speed = [await speedOf(1000, 'binary'), await speedOf(100_000, 'binary'), await speedOf(100_000, 'graded')];
  const failures = [
    ...found.exact.filter((c) => c.error > 1 - c.level + 1e-12).map((c) => `exact: floor ${c.floor} level ${c.level} ${c.at}: ${c.error}`),
    ...found.simulated.filter((c) => c.error > c.gate).map((c) => `simulated: floor ${c.floor} level ${c.level} ${c.at}: ${c.error}`),
    ...found.corners.filter((c) => c.error > simulationGate(0.95, c.draws)).map((c) => `${c.corner} n=${c.n}: ${c.error}`),
    ...found.corners.filter((c) => c.corner.endsWith('0.97') && c.error > 0.05).map((c) => `${c.corner} n=${c.n}: ${c.error} above 5 %`),
    ...speed
      .filter((s) => s.totalMs > (s.pairs > 1000 ? 5000 : 500) || s.rssMb > 500)
      .map((s) => `too slow or too large: ${JSON.stringify(s)}`),
  ];
  const seconds = (performance.now() - found.startedAt) / 1000;
  console.log(`${failures.length === 0 ? 'All gates hold' : `GATES MISSED:\n${failures.join('\n')}`} (${seconds.toFixed(0)} s).`);
  const { exact, simulated, corners, display } = found;
  const path = writeResult('certify', { draws: DRAWS, exact, simulated, corners, display, speed, failures, seconds } as unknown as Json);
  console.log(`Figures in ${path}`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Reads and certifies a file over forty thresholds, as the command does. */
async function speedOf(pairs: number, kind: 'binary' | 'graded') {
  const folder = mkdtempSync(join(tmpdir(), 'smallfirst-bench-'));
  try {
    const path = join(folder, 'pairs.jsonl');
    writeFileSync(
      path,
      drawCascade(seededRandom(1), pairs, 0.9)
        .map((pair) => jsonLine(pair, kind))
        .join(''),
    );
    const started = performance.now();
    const rows = await readPairs(path, 'score');
    const read = performance.now();
    const result = certify(rows, { floor: 0.98, level: 0.95, method: 'score' });
    const end = performance.now();
    const rssMb = process.memoryUsage().rss / 2 ** 20;
    const figures = {
      pairs,
      kind,
      thresholds: result.grid.length,
      readMs: read - started,
      certifyMs: end - read,
      totalMs: end - started,
      rssMb,
    };
    console.log(
      `${pairs.toLocaleString('en-US')} ${kind} pairs × ${figures.thresholds} thresholds: ${figures.totalMs.toFixed(0)} ms ` +
        `(${figures.readMs.toFixed(0)} to read, ${figures.certifyMs.toFixed(0)} to certify), ${rssMb.toFixed(0)} MB resident`,
    );
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function jsonLine(pair: Pair, kind: 'binary' | 'graded'): string {
  const scale = kind === 'graded' ? 0.9 : 1;
  const side = (quality: number, costUsd: number) => ({ quality: quality * scale, costUsd, latencyMs: 250 });
  const small = { ...side(pair.small.quality, 0.0001), confidence: pair.small.confidence };
  return `${JSON.stringify({ id: pair.id, small, big: side(pair.big.quality, 0.001) })}\n`;
}

await main();
