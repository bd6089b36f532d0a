import { resolve } from 'node:path';
import { TaskDiscovery } from '../src/audit/tasks/index.ts';
import { adjustedRandIndex, type LogOptions, makeLog, textFolder } from './audit-log.ts';
import { writeResult } from './result.ts';

/** Task discovery on logs made up from real texts: how well the found tasks agree with the templates, and how fast. */
const folder = textFolder(resolve('.'));
if (folder === null) throw new Error('the texts of ../shared/data/text are not there');

function run(options: LogOptions) {
  const discovery = new TaskDiscovery();
  const truth: (string | null)[] = [];
  let micros = 0;
  for (const { call, template } of makeLog(folder!, options)) {
    truth.push(template);
    const start = performance.now();
    discovery.add(call);
    micros += (performance.now() - start) * 1000;
  }
  const start = performance.now();
  const found = discovery.finish();
  micros += (performance.now() - start) * 1000;
  const templated = truth.flatMap((name, i) => (name === null ? [] : [i]));
  const tasks = templated.map((i) => found.taskOf(i)?.id ?? `none-${i}`);
  if (process.argv.includes('--verbose')) {
    for (const task of found.tasks) {
      const of = new Map<string, number>();
      for (const [i, name] of truth.entries()) if (found.taskOf(i) === task) of.set(name ?? '(bare)', (of.get(name ?? '(bare)') ?? 0) + 1);
      console.log(task.id, task.name, task.kind, task.profile.calls, task.versions, JSON.stringify([...of]), task.fingerprints.length);
    }
  }
  return {
    calls: options.calls,
    seed: options.seed,
    drift: options.drift,
    tasks: found.tasks.length,
    adjustedRandIndex: adjustedRandIndex(
      templated.map((i) => truth[i]!),
      tasks,
    ),
    leftoverShare: templated.filter((i) => found.taskOf(i) === null).length / templated.length,
    bareAssignedShare:
      truth.filter((name, i) => name === null && found.taskOf(i) !== null).length / Math.max(1, truth.length - templated.length),
    microsecondsPerCall: micros / options.calls,
  };
}

const seeds = process.argv.includes('--quick') ? [1] : [1, 2, 3];
const results = seeds.flatMap((seed) => [false, true].map((drift) => run({ calls: 20_000, seed, drift, bare: 0.01 })));
console.table(results);
const worst = Math.min(...results.map((result) => result.adjustedRandIndex));
if (!process.argv.includes('--quick'))
  writeResult('audit-discovery', { templates: 12, n: 20_000, worstAdjustedRandIndex: worst, runs: results });
