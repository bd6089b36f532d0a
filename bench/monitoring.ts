import type { Json } from '../src/core/index.ts';
import { MINIMUM_OF_SHARE } from '../src/monitor/index.ts';
import { type CanaryFigures, canaries } from './monitoring/canaries.ts';
import { coverage } from './monitoring/coverage.ts';
import { delays, FLOOR, foundWithin, type Median, medianOf, RUNS, type Scenario } from './monitoring/delays.ts';
import { CEILING_RIGHT, GAINED } from './monitoring/traffic.ts';
import { writeResult } from './result.ts';

/**
 * Live monitoring on simulated traffic: how soon a drop is found, how often a false alarm comes, how far a bad certificate gets in its
 * canary, and whether the live estimate's interval holds. Seeds are fixed.
 */
const DROPS = [0.9, 0.95, 0.97] as const;
const HEALTHY = [0.994, 0.984] as const;
const MOST = { drop: 20_000, healthy: 5_000 } as const;
/** Median delay of .90 and .95, share of .97 found within 5,000 audits, false alarms at .994 in 400 runs of 1,000 audits. */
const REFERENCE = { '0.9': 307, '0.95': 1_067, '0.97': 0.41, falseAlarms: 0 } as const;
const LIMITS = { delayOverUniform: 1.5, falseRollbacks: 0.05 } as const;

const scenarios: readonly Scenario[] = [
  { name: 'uniform, drop at once', design: 'uniform', escalated: 0, losses: 'by-confidence', before: 0 },
  { name: 'uniform', design: 'uniform', escalated: 0, losses: 'by-confidence', before: 1_000 },
  { name: 'Neyman', design: 'neyman', escalated: 0, losses: 'by-confidence', before: 1_000 },
  { name: 'Neyman, even losses', design: 'neyman', escalated: 0, losses: 'even', before: 1_000 },
  { name: 'uniform, 30 % escalated', design: 'uniform', escalated: 0.3, losses: 'by-confidence', before: 1_000 },
  { name: 'Neyman, 30 % escalated', design: 'neyman', escalated: 0.3, losses: 'by-confidence', before: 1_000 },
  { name: 'Neyman, 30 % escalated, even losses', design: 'neyman', escalated: 0.3, losses: 'even', before: 1_000 },
];
/** What the weights are for. Fewer audits: no run of any length finds it, and each audit comes with 21 escalated rows. */
const unweighted: Scenario = { name: 'unweighted, 30 % escalated', design: 'unweighted', escalated: 0.3, losses: 'even', before: 0 };

function detectorFigures(scenario: Scenario, seed: number) {
  const drops = DROPS.map((retained, i) => {
    const values = delays(scenario, retained, MOST.drop, seed + i);
    return { retained, delay: medianOf(values), within5000: foundWithin(values, 5_000) };
  });
  const falseAlarms = HEALTHY.map((retained, i) => {
    const values = delays({ ...scenario, before: 0 }, retained, MOST.healthy, seed + 10 + i);
    return { retained, within1000: foundWithin(values, 1_000), within5000: foundWithin(values, 5_000) };
  });
  return { ...scenario, drops, falseAlarms };
}
type DetectorFigures = ReturnType<typeof detectorFigures>;

/** Median delay over that of uniform sampling at the same escalation share. */
function overUniform(figures: readonly DetectorFigures[]) {
  return figures
    .filter(({ design }) => design === 'neyman')
    .flatMap(({ name, escalated, drops }) => {
      const uniform = figures.find((other) => other.design === 'uniform' && other.escalated === escalated && other.before > 0)!;
      return drops.map(({ retained, delay }, i) => {
        const base = uniform.drops[i]!.delay.value;
        return { name, retained, ratio: delay.value === null || base === null ? null : delay.value / base };
      });
    });
}

function median({ value, low, high }: Median): string {
  if (value === null && low === null) return '–';
  const one = (rank: number | null) => (rank === null ? 'none' : rank.toString());
  return `${one(value)} (${one(low)}–${one(high)})`;
}

function perCent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function printDetectors(figures: readonly DetectorFigures[]): void {
  console.log(`Floor ${FLOOR}, ${RUNS} runs each. Accepted audits from the drop to the alarm, median with 95 % interval:\n`);
  console.log(`${''.padEnd(38)}${['to .90', 'to .95', 'to .97'].map((head) => head.padEnd(22)).join('')}.97 within 5,000`);
  console.log(`${'reference (routing-science §6.8)'.padEnd(38)}${['307', '1067', '–'].map((cell) => cell.padEnd(22)).join('')}41 %`);
  for (const { name, drops } of figures) {
    console.log(`${name.padEnd(38)}${drops.map(({ delay }) => median(delay).padEnd(22)).join('')}${perCent(drops[2]!.within5000.share)}`);
  }
  console.log('\nFalse alarms, share of runs within 1,000 and 5,000 audits (reference: none of 400 at .994 within 1,000):\n');
  for (const { name, falseAlarms } of figures) {
    const cells = falseAlarms.map((at) => `θ ${at.retained}: ${perCent(at.within1000.share)}, ${perCent(at.within5000.share)}`);
    console.log(`${name.padEnd(38)}${cells.map((cell) => cell.padEnd(30)).join('')}`);
  }
}

function printCanaries(figures: readonly CanaryFigures[]): void {
  console.log('\nCanaries of 5, 25, 100 % with 200 weighted audits a stage, 30 % escalated:\n');
  console.log('θ       fell      at 5 %    at 25 %   at 100 %  audits until then     requests routed until then');
  for (const { retained, fell, fellAt, audits, routed } of figures) {
    const shares = [fell.share, ...fellAt].map((share) => perCent(share).padEnd(10)).join('');
    console.log(`${retained.toString().padEnd(8)}${shares}${median(audits).padEnd(22)}${median(routed)}`);
  }
}

function main(): void {
  const detectors = scenarios.map((scenario, i) => detectorFigures(scenario, 1_000 * (i + 1)));
  const blind = delays(unweighted, 0.9, 2_000, 99);
  const ratios = overUniform(detectors);
  const canary = [0.994, 0.984, 0.98, 0.97, 0.95, 0.9, 0.8].map((retained, i) => canaries(retained, 20_000 + i));
  const intervals = coverage();
  printDetectors(detectors);
  console.log(
    `\nWithout weights, 30 % escalated, a drop to .90: found in ${perCent(foundWithin(blind, 2_000).share)} of runs within 2,000 audits.`,
  );
  const worst = Math.max(...ratios.map(({ ratio }) => ratio ?? Number.POSITIVE_INFINITY));
  console.log(`Neyman's delay over uniform sampling's: at most ${worst.toFixed(2)} (limit ${LIMITS.delayOverUniform}).`);
  printCanaries(canary);
  console.log('\n95 % interval of the live estimate, share of streams in which it holds the truth:\n');
  for (const { design, audits, covered, low, high, width } of intervals) {
    console.log(
      `${design.padEnd(10)}${audits.toString().padStart(6)} audits  ${perCent(covered)} (${perCent(low)}–${perCent(high)}), mean width ${width.toFixed(4)}`,
    );
  }
  const atFloor = canary.find(({ retained }) => retained === FLOOR)!;
  const missed = [
    ...(worst > LIMITS.delayOverUniform ? ['delay over uniform'] : []),
    ...(atFloor.fell.low > LIMITS.falseRollbacks ? ['false rollbacks'] : []),
    ...(detectors.some(({ falseAlarms }) => falseAlarms[0]!.within1000.share > 0) ? ['false alarms at .994'] : []),
  ];
  const figures = {
    floor: FLOOR,
    runs: RUNS,
    population: { ceilingRight: CEILING_RIGHT, gained: GAINED, minimumOfShare: MINIMUM_OF_SHARE },
    reference: REFERENCE,
    limits: LIMITS,
    missed,
    detectors,
    overUniform: ratios,
    unweighted: { retained: 0.9, audits: 2_000, found: foundWithin(blind, 2_000) },
    canaries: canary,
    intervals,
  };
  console.log(
    `\n${missed.length === 0 ? 'All limits kept.' : `MISSED: ${missed.join(', ')}`} ${writeResult('monitoring', figures as unknown as Json)}`,
  );
  if (missed.length > 0) process.exitCode = 1;
}

main();
