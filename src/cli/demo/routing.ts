import { modelOf, stepWorld } from '../../app.ts';
import { addUsd, type Call, type Certificate, contentHash, newId, normaliseLabel, textMessage, toUsd } from '../../core/index.ts';
import { type Bill, type BillComparison, billItemOf, billOf, compareBills } from '../../finops/index.ts';
import { ANY_MODEL, licences } from '../../policy/index.ts';
import { runStep, type StepRequest, type StepResult } from '../../run/index.ts';
import { type CertifiedPair, ceilingOf, type DemoRow, PRICED_AT, type Stage, type TaskOutcome } from './experiment.ts';

const MONTH_MS = 30 * 24 * 3_600_000;

/** A task routed by its certificate over its CERTIFY requests, beside the same requests all answered by the frontier. */
export interface RoutedTask {
  readonly task: string;
  readonly certificate: Certificate | null;
  readonly requests: number;
  /** Answered by each model. */
  readonly answeredBy: Readonly<Record<string, number>>;
  readonly escalated: number;
  /** Share of right answers, routed and all-frontier. */
  readonly quality: number;
  readonly frontierQuality: number;
  readonly before: readonly Call[];
  readonly after: readonly Call[];
}

/** The certificate of a pair at the floor that it is deployed at, or null when nothing was certified. */
export function certificateOf(pair: CertifiedPair, outcome: TaskOutcome, pins: Readonly<Record<string, string>>): Certificate | null {
  const [result] = pair.results;
  if (!result || result.verdict === 'frontier' || result.retained === null || result.retainedLowerBound === null) return null;
  return {
    id: newId(),
    task: pair.task,
    small: pair.small,
    big: pair.big,
    verdict: result.verdict,
    threshold: result.threshold,
    signal: outcome.confidence.get(pair.small)?.signal ?? null,
    method: result.method,
    floor: { retain: result.floor, level: result.level },
    look: result.look,
    delta: result.delta,
    pairs: result.pairs,
    accepted: result.accepted,
    retained: result.retained,
    retainedLowerBound: result.retainedLowerBound,
    counts: result.counts,
    evidenceHash: contentHash(outcome.split.certify.map((row) => row.id)),
    pins,
    issuedAt: PRICED_AT,
    expiresAt: PRICED_AT + MONTH_MS,
  };
}

/** Runs every CERTIFY request of a task through the step loop twice: all on the frontier, and as the certificate allows. */
export async function routeTask(stage: Stage, outcome: TaskOutcome, certificate: Certificate | null): Promise<RoutedTask> {
  const { app, clock } = stage;
  const { task, split } = outcome;
  const pins = certificate?.pins ?? {};
  // Rungs between the certified one and the ceiling hold no licence and take no part.
  const ladder = [task.ladder[0] ?? '', ceilingOf(task)];
  const licensed = licences({ certificate, ladder, fixedThreshold: null, now: PRICED_AT, pins });
  const routed = ladder.map((name, i) => ({ model: modelOf(app.config, name), licence: licensed[i]! }));
  const sides = { before: routed.slice(-1), after: routed };
  const rows: Record<'before' | 'after', Call[]> = { before: [], after: [] };
  const right = { before: 0, after: 0 };
  const answeredBy: Record<string, number> = {};
  let escalated = 0;
  for (const side of ['before', 'after'] as const) {
    const deps = await stepWorld(app, task, { confidence: outcome.confidence, record: (call) => rows[side].push(call), clock });
    const step = { task: task.name, step: task.name, pipeline: side, output: task.output, ladder: sides[side] };
    for (const row of split.certify) {
      const result = await runStep(step, requestOf(row, outcome), deps);
      if (isRight(result, row, outcome)) right[side] += 1;
      if (side === 'before') continue;
      answeredBy[result.model] = (answeredBy[result.model] ?? 0) + 1;
      if (result.attempts.length > 1) escalated += 1;
    }
    await app.store.calls.append(rows[side]);
  }
  const requests = split.certify.length;
  return {
    task: task.name,
    certificate,
    requests,
    answeredBy,
    escalated,
    quality: right.after / requests,
    frontierQuality: right.before / requests,
    ...rows,
  };
}

function requestOf(row: DemoRow, { task }: TaskOutcome): StepRequest {
  return {
    requestId: newId(),
    itemId: row.id,
    input: row.text,
    request: {
      messages: [
        textMessage(
          'user',
          task.prompt.user.replace(/\{\{\s*input\s*\}\}/g, () => row.text),
        ),
      ],
    },
    need: ANY_MODEL,
    startAt: 0,
    polish: null,
    budget: null,
    deadlineAt: null,
    signal: null,
    streamed: false,
    origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
  };
}

function isRight(result: StepResult, row: DemoRow, { task }: TaskOutcome): boolean {
  if (task.output.kind !== 'label' || typeof result.value !== 'string') return false;
  return result.value === normaliseLabel(row.expected, task.output.labels);
}

/** The bill before and after over every routed task, from the recorded calls. */
export function billsOf(routed: readonly RoutedTask[]): {
  readonly before: Bill;
  readonly after: Bill;
  readonly comparison: BillComparison;
} {
  const before = billOf(routed.flatMap((task) => task.before.map(billItemOf)));
  const after = billOf(routed.flatMap((task) => task.after.map(billItemOf)));
  return { before, after, comparison: compareBills(before, after) };
}

/** Names of the prices that the calls were booked at, in order. */
export function pricesUsed(routed: readonly RoutedTask[]): readonly string[] {
  const ids = routed.flatMap((task) => [...task.before, ...task.after]).map((call) => call.priceId ?? 'unpriced');
  return [...new Set(ids)].sort();
}

/** The store's own sum of what was recorded, in dollars: it must equal the bill's. */
export async function storedTotal(stage: Stage): Promise<{ readonly before: number; readonly after: number }> {
  const rows = await stage.app.store.calls.bill({ from: PRICED_AT, to: PRICED_AT + 3_600_000 }, ['pipeline']);
  const sum = (side: string) => toUsd(addUsd(...rows.filter((row) => row.dimensions.pipeline === side).map((row) => row.cost)));
  return { before: sum('before'), after: sum('after') };
}
