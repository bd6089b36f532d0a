import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Json, systemClock } from '../src/core/index.ts';
import { quantileSorted, seededRandom } from '../src/statistics/index.ts';
import {
  type CurveFigures,
  countTexts,
  EscalationCurve,
  fitLookup,
  fitRouter,
  predictGains,
  type TrainingData,
  Triage,
  type TriageReport,
  type TriageRow,
  trainTriage,
} from '../src/triage/index.ts';
import { writeResult } from './result.ts';
import { readGsm8k, readMmlu } from './routellm.ts';

/** Triage on RouteLLM's published answers: five seeded splits, the router beside the lookup, and what it costs per request. */
const DATA = resolve(process.argv[2] ?? '../shared/data/routing/routellm');
const SEEDS = [1, 2, 3, 4, 5] as const;

/** Best rows of RouteLLM's tables 2 and 3 (ICLR 2025); none was run again here. */
const PUBLISHED = {
  mmlu: { router: 'similarity-weighted ranking, Arena + MMLU validation labels', apgr: 0.603, cpt50: 0.354, cpt80: 0.7155 },
  gsm8k: { router: 'causal LLM, Arena + judge labels', apgr: 0.622, cpt50: 0.3364, cpt80: 0.6326 },
} as const;
const PROTOCOL =
  "Ours learns from a random part of the benchmark's own questions and is scored on the rest of them; RouteLLM learned from Arena battles and, for MMLU, the validation questions, and was scored on all test questions. The subject of an MMLU question is given as category in the rows that say so; RouteLLM had the text alone. So the numbers stand in one league, they do not rank the methods.";

const TARGETS = { 'MMLU, 7,000 labels': 0.67, 'MMLU, 1,500 labels': 0.63, 'GSM8K, half of the labels': 0.6 } as const;

interface Figure {
  readonly mean: number;
  readonly sd: number;
}

function meanAndSd(values: readonly number[]): Figure {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) };
}

/** One router's figures over the splits. */
function summary(curves: readonly CurveFigures[]) {
  const of = (key: 'apgr' | 'cpt50' | 'cpt80' | 'esc95' | 'esc98') => {
    const values = curves.map((curve) => curve[key]);
    return values.every((value) => value !== null) ? { ...meanAndSd(values) } : null;
  };
  return {
    apgr: { ...meanAndSd(curves.map((curve) => curve.apgr)) },
    cpt50: of('cpt50'),
    cpt80: of('cpt80'),
    esc95: of('esc95'),
    esc98: of('esc98'),
  };
}

/** Trains on `labels` random rows and scores on all others, once per seed. The lookup is null without categories. */
function splits(data: TrainingData, labels: number) {
  const router: CurveFigures[] = [];
  const lookup: CurveFigures[] = [];
  const penalties: number[] = [];
  for (const seed of SEEDS) {
    const order = seededRandom(seed).shuffle(data.rows.map((_row, index) => index));
    const train = order.slice(0, labels).sort((a, b) => a - b);
    const test = order.slice(labels).sort((a, b) => a - b);
    const held = test.map((index) => data.rows[index]!);
    const outcomes = { small: held.map((row) => row.small), big: held.map((row) => row.big) };
    const fitted = fitRouter(data, train, seed);
    penalties.push(fitted.penalty);
    router.push(new EscalationCurve(predictGains(fitted, data, test), outcomes).figures());
    const table = fitLookup(train.map((index) => data.rows[index]!));
    lookup.push(
      new EscalationCurve(
        held.map((row) => table.gain(row)),
        outcomes,
      ).figures(),
    );
  }
  const hasCategories = data.rows.some((row) => row.category !== undefined);
  return { labels, test: data.rows.length - labels, penalties, router: summary(router), lookup: hasCategories ? summary(lookup) : null };
}

/** What a user sees: trained and cross-validated on all rows, with interval and verdict. */
function crossValidated(rows: readonly TriageRow[]) {
  const startedAt = systemClock.monotonic();
  const cpuBefore = process.cpuUsage();
  const { report, model } = trainTriage(rows, { seed: 1 });
  const cpu = process.cpuUsage(cpuBefore);
  const seconds = (systemClock.monotonic() - startedAt) / 1000;
  return { report, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, latencyUs: latency(new Triage(model), rows) };
}

/** Time of one prediction over real texts, after a warm-up. */
function latency(triage: Triage, rows: readonly TriageRow[]) {
  const sample = seededRandom(1).shuffle(rows).slice(0, 5_000);
  for (const row of sample.slice(0, 2_000)) triage.predict(row);
  const times = Float64Array.from(sample, (row) => {
    const before = process.hrtime.bigint();
    triage.predict(row);
    return Number(process.hrtime.bigint() - before) / 1000;
  }).sort();
  const characters = sample.reduce((sum, row) => sum + row.text.length, 0) / sample.length;
  return { p50: quantileSorted(times, 0.5), p99: quantileSorted(times, 0.99), meanCharacters: characters };
}

function line(name: string, figures: ReturnType<typeof summary>): string {
  const share = (figure: Figure | null) => (figure === null ? '     –' : `${(figure.mean * 100).toFixed(1).padStart(5)} %`);
  const apgr = `${figures.apgr.mean.toFixed(3)} ± ${figures.apgr.sd.toFixed(3)}`;
  return `${name.padEnd(46)} ${apgr}  ${share(figures.cpt50)} ${share(figures.cpt80)} ${share(figures.esc95)} ${share(figures.esc98)}`;
}

function describe(name: string, { report, seconds, cpuSeconds, latencyUs }: ReturnType<typeof crossValidated>): string {
  const apgr = (figures: TriageReport | TriageReport['lookup']) =>
    figures?.apgr95 ? `${figures.apgr?.toFixed(3)} (${figures.apgr95.low.toFixed(3)}…${figures.apgr95.high.toFixed(3)})` : 'none';
  const over = report.overLookup
    ? `; over the lookup ${report.overLookup.apgr.toFixed(3)} (${report.overLookup.apgr95.low.toFixed(3)}…${report.overLookup.apgr95.high.toFixed(3)})`
    : '';
  return [
    `${name}: cross-validated APGR ${apgr(report)}, lookup ${apgr(report.lookup)}${over}: ${report.use ? 'use' : `refused (${report.refusals.join(', ')})`}`,
    `  trained and cross-validated in ${seconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of processor); ${latencyUs.p50.toFixed(0)} µs median, ${latencyUs.p99.toFixed(0)} µs p99 per request of ${latencyUs.meanCharacters.toFixed(0)} characters`,
  ].join('\n');
}

if (!existsSync(resolve(DATA, 'mmlu'))) {
  console.log(`skipped: RouteLLM's answers are not in ${DATA}; they are no part of the package. Name their folder as the first argument.`);
} else {
  const mmlu = readMmlu(DATA);
  const gsm8k = readGsm8k(DATA);
  const prepare = (rows: readonly TriageRow[]): TrainingData => ({ rows, texts: countTexts(rows.map((row) => row.text)) });
  const withSubject = prepare(mmlu);
  const textOnly: TrainingData = { rows: mmlu.map(({ category: _category, ...row }) => row), texts: withSubject.texts };
  const tables = {
    'MMLU, 7,000 labels': splits(withSubject, 7_000),
    'MMLU, 1,500 labels': splits(withSubject, 1_500),
    'MMLU, 7,000 labels, text alone': splits(textOnly, 7_000),
    'MMLU, 1,500 labels, text alone': splits(textOnly, 1_500),
    'GSM8K, half of the labels': splits(prepare(gsm8k), Math.floor(gsm8k.length / 2)),
  };
  console.log(`${'Mixtral-8x7B → GPT-4-1106, 5 seeded splits'.padEnd(46)} APGR            CPT50   CPT80  ESC@95  ESC@98`);
  for (const [name, table] of Object.entries(tables)) {
    console.log(line(name, table.router));
    if (table.lookup) console.log(line('  lookup by subject', table.lookup));
  }
  console.log(`RouteLLM's best, published: MMLU ${PUBLISHED.mmlu.apgr}, GSM8K ${PUBLISHED.gsm8k.apgr}. ${PROTOCOL}\n`);
  const whole = { mmlu: crossValidated(mmlu), gsm8k: crossValidated(gsm8k) };
  console.log(describe(`MMLU, all ${mmlu.length}`, whole.mmlu));
  console.log(describe(`GSM8K, all ${gsm8k.length}`, whole.gsm8k));
  const missed = Object.entries(TARGETS).filter(([name, target]) => tables[name as keyof typeof TARGETS].router.apgr.mean < target);
  const figures = {
    seeds: [...SEEDS],
    targets: TARGETS,
    missed: missed.map(([name]) => name),
    published: PUBLISHED,
    protocol: PROTOCOL,
    splits: tables,
    whole,
  };
  console.log(`written to ${writeResult('triage', JSON.parse(JSON.stringify(figures)) as Json)}`);
  if (missed.length > 0) {
    console.log(`MISSED: ${missed.map(([name]) => name).join('; ')}`);
    process.exitCode = 1;
  }
}
