import type { TierPoint, TierResult } from '../../certify/index.ts';
import { count, counted, percent, renderTable } from '../table.ts';

const REASONS = {
  'not-enough-evidence': 'not enough evidence that the floor is kept',
  'floor-missed': 'the cheaper models are shown to miss the floor',
  'not-worth-it': 'the floor is kept, but no policy costs less',
  'too-slow': 'every policy that keeps the floor is slower than allowed',
} as const;

/** The JSON document of a ladder: certify's, with one threshold and share per model. `signals` is there only where one was used by name. */
export function tierDocument(result: TierResult, signals: Readonly<Record<string, string | null>>): object {
  const { n, floor, level, method, verdict, reason, thresholds, acceptedBy, askedBy, accepted, retained, retainedLowerBound } = result;
  return {
    n,
    floor,
    level,
    method,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    thresholds,
    acceptedBy,
    askedBy,
    accepted,
    retained,
    retainedLowerBound,
    counts: result.counts,
    savings: result.savings,
    wasted: result.wasted,
    p95LatencyRatio: result.p95LatencyRatio,
    pairsNeeded: result.pairsNeeded,
    grid: result.grid.map(({ thresholds: at, accepted: share, p, savings }) => ({ thresholds: at, accepted: share, p, savings })),
    look: result.look,
    delta: result.delta,
    pairs: result.pairs,
    requestedMethod: result.requestedMethod,
    ...(Object.values(signals).some((name) => name !== null) ? { signals } : {}),
    notes: result.notes,
  };
}

/** A ladder's certificate as people read it: the verdict, who answers what, and the risk along the path. */
export function renderTiers(result: TierResult): string {
  const lines = [
    headline(result),
    '',
    `  floor      keep ${percent(result.floor)} of the ceiling's quality, ${percent(result.level, 0)} confidence`,
    `  evidence   ${count(result.n)} ${result.n === result.pairs ? 'rows' : `clusters with ${counted(result.pairs, 'row')}`}, ${result.method === 'score' ? 'score test' : 'betting e-value'}`,
    `  retained   ${retained(result)}`,
    `  pairs      kept ${count(result.counts.kept)} · lost ${count(result.counts.lost)} · gained ${count(result.counts.gained)}`,
    `  savings    ${savings(result)}`,
    ...(result.p95LatencyRatio === null ? [] : [`  latency    p95 ${result.p95LatencyRatio.toFixed(2)} of the ceiling's`]),
    `  error      δ = ${Number(result.delta.toPrecision(3))}${result.look === null ? '' : `, the share of look ${result.look}`}`,
    ...(result.pairsNeeded === null
      ? []
      : [`  needs      about ${count(result.pairsNeeded)} more rows, if the observed rates are the true ones`]),
    '',
    ...result.notes.map((note) => `Note: ${note}`),
  ];
  return `${lines.join('\n').trimEnd()}\n\n${modelTable(result)}\n${pathTable(result)}`;
}

function headline(result: TierResult): string {
  const models = Object.keys(result.acceptedBy);
  if (result.reason !== undefined) return `FRONTIER: ${models.at(-1)} keeps every request: ${REASONS[result.reason]}.`;
  if (result.verdict === 'swap') return `SWAP: ${models.find((model) => result.acceptedBy[model]! > 0)} may answer every request.`;
  return `CASCADE: ${percent(result.accepted)} of requests are answered below ${models.at(-1)}.`;
}

function retained(result: TierResult): string {
  if (result.retained === null) return 'unknown: the ceiling got nothing right';
  const where = result.verdict === 'frontier' ? ' (at the last point examined)' : '';
  return `${percent(result.retained, 2)}, at least ${percent(result.retainedLowerBound, 2)}${where}`;
}

function savings(result: TierResult): string {
  if (result.savings === null) return 'unknown: costUsd is not given for every model in every row';
  const wasted = result.wasted ? `; ${percent(result.wasted)} of what is spent goes to answers thrown away` : '';
  return `${percent(result.savings)}${wasted}`;
}

function modelTable(result: TierResult): string {
  const columns = [
    { head: 'model' },
    { head: 'accepts from', align: 'right' },
    { head: 'asked', align: 'right' },
    { head: 'answers', align: 'right' },
  ] as const;
  return renderTable(
    columns,
    Object.entries(result.thresholds).map(([model, threshold]) => [
      model,
      threshold === null ? '–' : shortNumber(threshold),
      percent(result.askedBy[model]!),
      percent(result.acceptedBy[model]!),
    ]),
  );
}

/** About twelve points of the path, and always where the walk ended. */
function pathTable(result: TierResult): string {
  const failed = result.grid.findIndex((point) => !(point.p <= result.delta));
  const step = Math.ceil(result.grid.length / 12);
  const shown = result.grid.map((point, i) => ({ point, i })).filter(({ i }) => i % step === 0 || i === failed || i === failed - 1);
  const models = Object.keys(result.thresholds).slice(0, -1);
  const columns = [
    ...models.map((head) => ({ head, align: 'right' }) as const),
    ...['accepted', 'retained', 'savings', 'p'].map((head) => ({ head, align: 'right' }) as const),
    { head: '' },
  ];
  return renderTable(
    columns,
    shown.map(({ point, i }) => [
      ...pathRow(point, models),
      failed < 0 || i < failed ? 'passed' : i === failed ? 'first to fail' : 'not reached',
    ]),
  );
}

function pathRow(point: TierPoint, models: readonly string[]): string[] {
  const thresholds = models.map((model) => (point.thresholds[model] === null ? '–' : shortNumber(point.thresholds[model]!)));
  const p = point.p < 1e-4 ? point.p.toExponential(1) : point.p.toFixed(4);
  return [...thresholds, percent(point.accepted), percent(point.retained, 2), percent(point.savings), p];
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}
