import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SmallfirstError, systemClock } from '../../core/index.ts';
import { quantileSorted } from '../../statistics/index.ts';
import { writeAtomically } from '../../student/index.ts';
import {
  type Refusal,
  TIERS,
  type TrainedTriage,
  type TriageCard,
  type TriageReport,
  type TriageRow,
  trainTriage,
} from '../../triage/index.ts';
import { checkReplaceable, loadTriage, saveTriage } from '../../triage-folder.ts';
import type { CommandIo, ExitCode, Progress } from '../io.ts';
import { counted, renderTable } from '../table.ts';
import { readTriageRequests, readTriageRows } from './triage-rows.ts';

export interface TriageTrainOptions {
  readonly pairs: string;
  readonly out: string;
  /** Only this task's rows. */
  readonly task?: string;
  readonly seed: number;
  readonly json: boolean;
}

export interface TriagePredictOptions {
  readonly model: string;
  readonly data: string;
  readonly rows?: string;
  readonly json: boolean;
}

/** Trains a router from pairs, writes its folder whole or not at all, and exits 1 when the router does not earn its place. */
export async function runTriageTrain(options: TriageTrainOptions, io: CommandIo): Promise<ExitCode> {
  const file = resolve(io.cwd, options.pairs);
  const out = resolve(io.cwd, options.out);
  await checkReplaceable(out);
  const all = await readTriageRows(file);
  const rows = options.task === undefined ? all : all.filter((row) => row.task === options.task);
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', `no row is of task ${options.task}`, { position: { file } });
  const trained = train(rows, options.seed, io);
  // Training holds the thread; an interrupt that came meanwhile is heard here, before anything is written.
  await setImmediate();
  if (io.signal.aborted) throw new SmallfirstError('ABORTED', 'stopped before the router was written');
  const card = cardOf(rows, trained, options.seed);
  const version = await saveTriage(out, trained.model, card);
  if (options.json) io.json({ triage: out, version, ...documentOf(card) });
  else io.out(describe(card, out));
  return card.report.use ? 0 : 1;
}

/** Predicts gain and tier of every request, and writes one {"id", "gain", "tier"} per row with `--rows`. */
export async function runTriagePredict(options: TriagePredictOptions, io: CommandIo): Promise<ExitCode> {
  const { triage, card, version } = await loadTriage(resolve(io.cwd, options.model));
  const requests = await readTriageRequests(resolve(io.cwd, options.data));
  const times = new Float64Array(requests.length);
  const predictions = requests.map((request, index) => {
    const startedAt = systemClock.monotonic();
    const { gain, tier } = triage.predict(request);
    times[index] = (systemClock.monotonic() - startedAt) * 1000;
    return { id: request.id, gain, tier };
  });
  if (options.rows !== undefined)
    await writeAtomically(resolve(io.cwd, options.rows), predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join(''));
  times.sort();
  const { use, refusals, apgr, apgr95, lookup } = card.report;
  const summary = {
    triage: version,
    use,
    refusals,
    apgr,
    apgr95,
    lookup: lookup && { apgr: lookup.apgr, apgr95: lookup.apgr95 },
    n: predictions.length,
    tiers: Object.fromEntries(TIERS.map((tier) => [tier, predictions.filter((prediction) => prediction.tier === tier).length])),
    meanGain: predictions.reduce((sum, { gain }) => sum + gain, 0) / predictions.length,
    latencyUs: { p50: quantileSorted(times, 0.5), p99: quantileSorted(times, 0.99) },
  };
  if (options.json) io.json(summary);
  else {
    const counts = TIERS.map((tier) => `${summary.tiers[tier]} ${tier}`).join(', ');
    io.out(
      `${counted(summary.n, 'request')}: ${counts}. ${summary.latencyUs.p50.toFixed(0)} µs median, ${summary.latencyUs.p99.toFixed(0)} µs p99.\n`,
    );
  }
  if (!use) io.note(`This router was refused when it was trained: ${refusals.map((refusal) => reason[refusal]).join('; ')}.`);
  return 0;
}

function train(rows: readonly TriageRow[], seed: number, io: CommandIo): TrainedTriage {
  let phase = '';
  let bar: Progress | null = null;
  try {
    return trainTriage(rows, {
      seed,
      onProgress: (progress) => {
        if (progress.phase !== phase) {
          bar?.end();
          phase = progress.phase;
          bar = io.progress(phase, progress.total);
        }
        bar?.advance(progress.done);
      },
    });
  } finally {
    (bar as Progress | null)?.end();
  }
}

function cardOf(rows: readonly TriageRow[], { model, report, penalty, dataHash }: TrainedTriage, seed: number): TriageCard {
  const { names, buckets } = model.encoding;
  return {
    format: 'smallfirst-triage',
    version: 1,
    created: new Date(systemClock.now()).toISOString(),
    seed,
    dataHash,
    tasks: [...new Set(rows.flatMap((row) => row.task ?? []))].sort(),
    categories: names.filter((name) => name.category !== null).length,
    features: buckets.length,
    penalty,
    report,
  };
}

/** The card with what decides first. */
function documentOf({ report, ...card }: TriageCard) {
  const { format: _format, version: _version, ...training } = card;
  return { ...report, training };
}

const reason: Readonly<Record<Refusal, string>> = {
  'gap-unstable': 'the two models are less than two standard errors apart, so nothing can be said of routing between them',
  'big-not-better': 'the big model is worse than the small one on these rows: let the small one answer',
  'no-better-than-random': 'the interval of its APGR includes .5: it may be no better than chance',
  'no-better-than-lookup': 'the interval of its lead over the lookup by task and category includes 0: the text adds nothing that is proven',
};

function describe({ report, features }: TriageCard, out: string): string {
  const { quality, lookup, overLookup } = report;
  const lines = [
    `${counted(report.rows, 'row')}, ${report.clusters} of them independent. Quality: small ${percent(quality.small)}, big ${percent(quality.big)}.`,
    `Held out in ${report.folds} folds: APGR ${apgrOf(report)} (random: .5)${lookup ? `; lookup by task and category ${apgrOf(lookup)}` : ''}.`,
    ...(overLookup ? [`Lead over the lookup: ${overLookup.apgr.toFixed(3)} (${interval(overLookup.apgr95)}).`] : []),
    '',
    renderTable(
      [{ head: 'tier' }, { head: 'share', align: 'right' }, { head: 'small', align: 'right' }, { head: 'big', align: 'right' }],
      TIERS.map((tier) => {
        const { share, small, big } = report.tiers[tier];
        return [tier, percent(share), small === null ? '–' : percent(small), big === null ? '–' : percent(big)];
      }),
    ),
    report.use
      ? 'Use it: it finds the requests that need the big model.'
      : `Refused: ${report.refusals.map((refusal) => reason[refusal]).join('; ')}.`,
    `Written to ${out} (${features} features).`,
    '',
  ];
  return lines.join('\n');
}

function apgrOf({ apgr, apgr95 }: Pick<TriageReport, 'apgr' | 'apgr95'>): string {
  return apgr === null || apgr95 === null ? 'not shown' : `${apgr.toFixed(3)} (${interval(apgr95)})`;
}

function interval({ low, high }: { readonly low: number; readonly high: number }): string {
  return `95 %: ${low.toFixed(3)} to ${high.toFixed(3)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
