import { type NanoUsd, toUsd } from '../../core/index.ts';
import { type Bill, type BillComparison, monthlyAfter, type ScenarioBill, type StepComparison, seedOne } from '../../finops/index.ts';
import { FLOORS, LEVEL, PRICED_AT, type TaskOutcome } from './experiment.ts';
import { pricesUsed, type RoutedTask } from './routing.ts';

/** What the demo found, as `--json` prints it. Money is in US dollars; shares are 0..1; nothing is rounded. */
export interface DemoDocument {
  readonly seed: number;
  readonly level: number;
  readonly floors: readonly number[];
  readonly pricedOn: string;
  readonly prices: readonly string[];
  readonly student: { readonly fitRows: number; readonly crossValidatedAccuracy: number; readonly crossValidatedEce: number };
  readonly tasks: readonly DemoTask[];
  readonly pairs: readonly DemoPair[];
  readonly routing: readonly DemoRouting[];
  readonly bill: { readonly steps: readonly DemoBillLine[]; readonly total: DemoBillLine };
  readonly scenario: DemoScenario;
}

interface DemoTask {
  readonly task: string;
  readonly fit: number;
  readonly certify: number;
  readonly ceiling: string;
  readonly ceilingQuality: number | null;
  readonly floorQuality: number | null;
  readonly models: readonly {
    readonly model: string;
    readonly role: string;
    readonly n: number;
    readonly quality: number | null;
    readonly interval: { readonly low: number; readonly high: number } | null;
    readonly macroF1: number | null;
    readonly costPer1000Usd: number | null;
    readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
    readonly invalid: number;
  }[];
}

interface DemoPair {
  readonly task: string;
  readonly small: string;
  readonly big: string;
  readonly certified: readonly {
    readonly floor: number;
    readonly verdict: string;
    readonly reason: string | null;
    readonly threshold: number | null;
    readonly accepted: number;
    readonly retained: number | null;
    readonly retainedLowerBound: number | null;
    readonly savings: number | null;
    readonly pairsNeeded: number | null;
    readonly n: number;
    readonly delta: number;
    readonly counts: { readonly kept: number; readonly lost: number; readonly gained: number };
  }[];
}

interface DemoRouting {
  readonly task: string;
  readonly requests: number;
  readonly certificate: {
    readonly small: string;
    readonly big: string;
    readonly verdict: string;
    readonly threshold: number | null;
    readonly signal: string | null;
    readonly pairs: number;
    readonly accepted: number;
    readonly retained: number;
    readonly retainedLowerBound: number;
    readonly floor: { readonly retain: number; readonly level: number };
    readonly counts: { readonly kept: number; readonly lost: number; readonly gained: number };
    readonly pins: Readonly<Record<string, string>>;
  } | null;
  readonly answeredBy: Readonly<Record<string, number>>;
  readonly escalated: number;
  readonly quality: number;
  readonly frontierQuality: number;
}

interface DemoBillLine {
  readonly step: string;
  readonly beforeUsd: number;
  readonly afterUsd: number;
  readonly savedShare: number | null;
  readonly requests: number;
  readonly callsAfter: number;
}

interface DemoScenario {
  readonly title: string;
  readonly steps: readonly {
    readonly step: string;
    readonly beforeUsd: number;
    readonly afterUsd: number;
    readonly savedShare: number | null;
  }[];
  readonly totalBeforeUsd: number;
  readonly totalAfterUsd: number;
  readonly savedShare: number | null;
  readonly messagesPerMonth: number;
  readonly monthBeforeUsd: number;
  readonly monthAfterUsd: number;
  readonly claimedMonthAfterUsd: number;
  readonly polishShareForClaim: number;
  readonly monthAfterAtThatShareUsd: number;
}

interface Findings {
  readonly seed: number;
  readonly outcomes: readonly TaskOutcome[];
  readonly routed: readonly RoutedTask[];
  readonly bills: { readonly before: Bill; readonly after: Bill; readonly comparison: BillComparison };
  readonly stored: { readonly before: number; readonly after: number };
  readonly student: { readonly accuracy: number; readonly ece: number; readonly rows: number };
  readonly scenario: ScenarioBill;
}

/** Puts the findings into one document. Throws RangeError when the store's sum of the calls is not the bill's. */
export function toDocument(found: Findings): DemoDocument {
  const { total } = found.bills.comparison;
  if (toUsd(total.before.cost) !== found.stored.before || toUsd(total.after.cost) !== found.stored.after) {
    throw new RangeError('the recorded calls do not add up to the bill');
  }
  return {
    seed: found.seed,
    level: LEVEL,
    floors: FLOORS,
    pricedOn: new Date(PRICED_AT).toISOString().slice(0, 10),
    prices: pricesUsed(found.routed),
    student: { fitRows: found.student.rows, crossValidatedAccuracy: found.student.accuracy, crossValidatedEce: found.student.ece },
    tasks: found.outcomes.map(taskDocument),
    pairs: found.outcomes.flatMap((outcome) => outcome.pairs.map(pairDocument)),
    routing: found.routed.map(routingDocument),
    bill: {
      steps: found.bills.comparison.steps.map((line) => billLine(line, found.routed)),
      total: { ...billLine(total, found.routed), requests: found.routed.reduce((sum, task) => sum + task.requests, 0) },
    },
    scenario: scenarioDocument(found.scenario),
  };
}

function taskDocument({ task, split, reports }: TaskOutcome): DemoTask {
  const [own, ...others] = reports;
  const models = [...(own?.models ?? []), ...others.flatMap((report) => report.models.filter((model) => model.role === 'ceiling'))];
  return {
    task: task.name,
    fit: split.fit.length,
    certify: split.certify.length,
    ceiling: own?.ceiling ?? '',
    ceilingQuality: own?.models.find((model) => model.role === 'ceiling')?.quality ?? null,
    floorQuality: own?.floor.quality ?? null,
    models: models.map(({ model, role, n, quality, interval, macroF1, costPer1000Usd, latencyMs, invalid }) => ({
      model,
      role,
      n,
      quality,
      interval,
      macroF1,
      costPer1000Usd,
      latencyMs,
      invalid,
    })),
  };
}

function pairDocument({ task, small, big, results }: TaskOutcome['pairs'][number]): DemoPair {
  return {
    task,
    small,
    big,
    certified: results.map((result) => ({
      floor: result.floor,
      verdict: result.verdict,
      reason: result.reason ?? null,
      threshold: result.threshold,
      accepted: result.accepted,
      retained: result.retained,
      retainedLowerBound: result.retainedLowerBound,
      savings: result.savings,
      pairsNeeded: result.pairsNeeded,
      n: result.n,
      delta: result.delta,
      counts: result.counts,
    })),
  };
}

function routingDocument({ task, requests, certificate, answeredBy, escalated, quality, frontierQuality }: RoutedTask): DemoRouting {
  const kept = certificate && {
    small: certificate.small,
    big: certificate.big,
    verdict: certificate.verdict,
    threshold: certificate.threshold,
    signal: certificate.signal,
    pairs: certificate.pairs,
    accepted: certificate.accepted,
    retained: certificate.retained,
    retainedLowerBound: certificate.retainedLowerBound,
    floor: certificate.floor,
    counts: certificate.counts,
    pins: certificate.pins,
  };
  return { task, requests, certificate: kept, answeredBy, escalated, quality, frontierQuality };
}

function billLine(line: StepComparison, routed: readonly RoutedTask[]): DemoBillLine {
  return {
    step: line.step ?? 'total',
    beforeUsd: toUsd(line.before?.cost ?? (0 as NanoUsd)),
    afterUsd: toUsd(line.after?.cost ?? (0 as NanoUsd)),
    savedShare: line.savedShare,
    requests: routed.find((task) => task.task === line.step)?.requests ?? 0,
    callsAfter: line.after?.calls ?? 0,
  };
}

function scenarioDocument({ scenario, message, month, optionalShareForClaim }: ScenarioBill): DemoScenario {
  return {
    title: scenario.title,
    steps: message.steps.map((line) => ({
      step: line.step ?? '',
      beforeUsd: toUsd(line.before?.cost ?? (0 as NanoUsd)),
      afterUsd: toUsd(line.after?.cost ?? (0 as NanoUsd)),
      savedShare: line.savedShare,
    })),
    totalBeforeUsd: toUsd(message.total.before.cost),
    totalAfterUsd: toUsd(message.total.after.cost),
    savedShare: message.total.savedShare,
    messagesPerMonth: scenario.messagesPerMonth,
    monthBeforeUsd: toUsd(month.total.before.cost),
    monthAfterUsd: toUsd(month.total.after.cost),
    claimedMonthAfterUsd: toUsd(scenario.claimedMonthlyAfter),
    polishShareForClaim: optionalShareForClaim,
    monthAfterAtThatShareUsd: toUsd(monthlyAfter(seedOne, optionalShareForClaim)),
  };
}
