import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { writeResult } from './result.ts';

/**
 * How long `smallfirst --help` takes as a process of its own, from the start of Node to its end: what every command pays before it
 * begins. Exits 1 when the median is above its target.
 */
const RUNS = 20;
const TARGET_MS = 150;

const main = join(process.cwd(), 'dist', 'cli', 'main.js');
const node = Float64Array.from({ length: RUNS }, () => timed(['-e', ''])).sort();
const help = Float64Array.from({ length: RUNS }, () => timed([main, '--help'])).sort();

function timed(args: readonly string[]): number {
  const begun = performance.now();
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - begun;
}

function summary(sorted: Float64Array): { readonly median: number; readonly min: number; readonly max: number } {
  const middle = sorted.length / 2;
  return { median: (sorted[middle - 1]! + sorted[middle]!) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}

const figures = { runs: RUNS, targetMs: TARGET_MS, helpMs: summary(help), nodeAloneMs: summary(node) };
console.log(
  `smallfirst --help   median ${figures.helpMs.median.toFixed(0)} ms (${figures.helpMs.min.toFixed(0)}–${figures.helpMs.max.toFixed(0)}), n = ${RUNS}`,
);
console.log(`node -e ''           median ${figures.nodeAloneMs.median.toFixed(0)} ms`);
console.log(`written to ${writeResult('start', figures)}`);
if (figures.helpMs.median > TARGET_MS) {
  console.error(`The target of ${TARGET_MS} ms is missed.`);
  process.exitCode = 1;
}
