import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type App, type ConfidenceRule, modelOf } from '../../app.ts';
import { type CertifyResult, certify } from '../../certify/index.ts';
import { calibrate, fitCalibrator, IDENTITY, type SignalName } from '../../confidence/index.ts';
import type { TaskConfig } from '../../config/index.ts';
import { type Clock, type EpochMs, type Pair, SmallfirstError } from '../../core/index.ts';
import { type EvalReport, evaluate } from '../../eval/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import { seededRandom } from '../../statistics/index.ts';
import { demoAsset } from '../assets.ts';
import type { CommandIo } from '../io.ts';

/** Prices in force on this day, when most of the answers were recorded: two of the models are no longer sold. */
export const PRICED_AT: EpochMs = Date.UTC(2025, 2, 15);

/** The floors that every pair is tested at, both at the level 0.95. The routing is certified at the first. */
export const FLOORS = [0.98, 0.95] as const;
export const LEVEL = 0.95;

/** One row of a demo set. */
export interface DemoRow {
  readonly id: string;
  readonly text: string;
  readonly expected: string;
}

/** A set cut in two by a seed: FIT fixes the student, the calibrator and the thresholds; CERTIFY is not looked at before. */
export interface Split {
  readonly fit: readonly DemoRow[];
  readonly certify: readonly DemoRow[];
}

/** What FIT fixed for a candidate before CERTIFY was opened. */
export interface FrozenConfidence extends ConfidenceRule {
  /** Thresholds to walk, safest first. */
  readonly grid: readonly number[];
}

/** A candidate beside a frontier, certified at each floor. */
export interface CertifiedPair {
  readonly task: string;
  readonly small: string;
  readonly big: string;
  readonly results: readonly CertifyResult[];
}

/** What one task gave on its CERTIFY part. */
export interface TaskOutcome {
  readonly task: TaskConfig;
  readonly split: Split;
  readonly confidence: ReadonlyMap<string, FrozenConfidence>;
  /** One per frontier, the task's own ceiling first. */
  readonly reports: readonly EvalReport[];
  readonly pairs: readonly CertifiedPair[];
}

/** Reads a set of the demo and cuts it by seed. */
export async function splitSet(name: string, fitRows: number, seed: number): Promise<Split> {
  const text = await readFile(demoAsset(name), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DemoRow);
  const shuffled = seededRandom(seed).shuffle(rows);
  return { fit: shuffled.slice(0, fitRows), certify: shuffled.slice(fitRows) };
}

/** Quantiles of FIT's confidences, highest first, down to 0, which accepts every answer that has a confidence. */
export function gridOf(confidences: readonly number[], points = 40): readonly number[] {
  const falling = [...confidences].sort((a, b) => b - a);
  const at = (share: number): number => falling[Math.max(0, Math.ceil(share * falling.length) - 1)] ?? 0;
  const quantiles = Array.from({ length: points - 1 }, (_, i) => at((i + 1) / points));
  return [...new Set([...quantiles, 0])];
}

/** The student's confidence is its own calibrated probability; its thresholds come from the predictions on held-out folds of FIT. */
export function freezeStudent(heldOut: readonly { readonly confidence: number }[]): FrozenConfidence {
  return { signal: 'probability', calibrator: IDENTITY, grid: gridOf(heldOut.map((row) => row.confidence)) };
}

/** Where a demo task runs. */
export interface Stage {
  readonly app: App;
  readonly directory: string;
  readonly clock: Clock;
  readonly io: CommandIo;
}

/** Fits a calibrator and thresholds for a recorded model's signal on FIT. */
export async function freezeModel(
  stage: Stage,
  task: TaskConfig,
  model: string,
  split: Split,
  signal: SignalName,
): Promise<FrozenConfidence> {
  const { pairs } = await measure(stage, { task, candidates: [model], ceiling: ceilingOf(task), rows: split.fit, part: 'fit' });
  const known = pairs(model).filter((pair) => pair.small.confidence !== undefined);
  const raw = known.map((pair) => pair.small.confidence ?? 0);
  const calibrator = fitCalibrator(
    raw,
    known.map((pair) => pair.small.quality),
  );
  return { signal, calibrator, grid: gridOf(raw.map((value) => calibrate(calibrator, value))) };
}

/** Evaluates and certifies every candidate of a task against each frontier, on CERTIFY only. */
export async function runTask(
  stage: Stage,
  task: TaskConfig,
  split: Split,
  options: { readonly frontiers: readonly string[]; readonly confidence: ReadonlyMap<string, FrozenConfidence> },
): Promise<TaskOutcome> {
  const candidates = task.ladder.slice(0, -1);
  const reports: EvalReport[] = [];
  const certified: CertifiedPair[] = [];
  for (const big of options.frontiers) {
    const { report, pairs } = await measure(stage, { task, candidates, ceiling: big, rows: split.certify, part: 'certify' });
    reports.push(report);
    for (const small of candidates) {
      const frozen = options.confidence.get(small);
      const evidence = withConfidence(pairs(small), frozen);
      const results = FLOORS.map((floor) =>
        certify(evidence, { floor, level: LEVEL, method: 'score', ...(frozen ? { grid: frozen.grid } : {}) }),
      );
      certified.push({ task: task.name, small, big, results });
    }
  }
  return { task, split, confidence: options.confidence, reports, pairs: certified };
}

/** The frozen map applied to the raw signal; without one, pairs carry no confidence and only a swap is possible. */
function withConfidence(pairs: readonly Pair[], frozen: FrozenConfidence | undefined): readonly Pair[] {
  return pairs.map((pair) => {
    const { confidence, ...small } = pair.small;
    if (!frozen || confidence === undefined) return { ...pair, small };
    return { ...pair, small: { ...small, confidence: calibrate(frozen.calibrator, confidence) } };
  });
}

async function measure(
  { app, directory, clock, io }: Stage,
  what: {
    readonly task: TaskConfig;
    readonly candidates: readonly string[];
    readonly ceiling: string;
    readonly rows: readonly DemoRow[];
    readonly part: string;
  },
) {
  const set = join(directory, `${what.task.name}.${what.part}.jsonl`);
  await writeFile(set, what.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const progress = io.progress(`  eval ${what.task.name} (${what.part}) against ${what.ceiling}`, null);
  try {
    const outcome = await evaluate(
      {
        task: what.task,
        candidates: what.candidates.map((name) => modelOf(app.config, name)),
        ceiling: modelOf(app.config, what.ceiling),
        set,
        limit: null,
        concurrency: 8,
        repeats: 1,
        maxCost: null,
      },
      {
        store: app.store.evals,
        client: (model) => app.client(model),
        price: ({ provider, model }, used) => app.prices.price({ provider, model }, used, PRICED_AT)?.cost ?? null,
        loadTokenizer,
        clock,
        signal: io.signal,
        onProgress: ({ done, total }) => progress.advance(done, `of ${total}`),
      },
    );
    if (outcome.report.stopped) throw new SmallfirstError('ABORTED', 'the demo was interrupted; it keeps nothing');
    return outcome;
  } finally {
    progress.end();
  }
}

/** The last rung of a task's ladder. */
export function ceilingOf(task: TaskConfig): string {
  return task.ladder.at(-1) ?? '';
}
