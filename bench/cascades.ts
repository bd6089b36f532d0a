/**
 * Cascades on recorded answers: what `certify` promises and what it leaves to the small model, and other projects' rules on the same
 * data. Draws samples from each data set as if it were the world, so that the true quality of every policy is known. Exits 1 when a
 * figure is past its gate, and skips with a reason when the data sets are absent: they are no part of the package.
 */
import { resolve } from 'node:path';
import { percent, renderTable } from '../src/cli/table.ts';
import { aurc } from '../src/confidence/index.ts';
import type { Json } from '../src/core/index.ts';
import { loadPopulations, type Population } from './cascades-data.ts';
import { certifyDraws, type DrawFigures, FLOOR, type LadderFigures, ladderDraws, Scored } from './cascades-draws.ts';
import { OURS, PEERS, type Rule } from './cascades-rules.ts';
import { writeResult } from './result.ts';

const DATA = resolve(process.argv[2] ?? '../shared/data/routing');
const DRAWS = 2000;
const PEER_DRAWS = 200;
const LADDER_DRAWS = 300;
const SIZES = [300, 1000] as const;

/** Least mean acceptance at n = 300 and 1,000, uncertified draws counting 0. */
const TARGETS: Readonly<Record<string, readonly [number, number]>> = { BoolQ: [0.09, 0.17], SciQ: [0.46, 0.71], CosmosQA: [0.45, 0.62] };
const MOST_VIOLATIONS = 0.05;

/** An independent implementation's figures, by score test and fixed sequence at a nominal 0.05: violations and mean acceptance. */
const REFERENCE: Readonly<Record<string, readonly (readonly [number, number] | null)[]>> = {
  BoolQ: [null, null],
  SciQ: [
    [0.028, 0.49],
    [0.032, 0.75],
  ],
  CosmosQA: [[0.035, 0.57], null],
};

interface CascadeRow {
  readonly data: string;
  readonly rows: number;
  readonly oracle: number;
  readonly promised: DrawFigures;
  readonly nominal: DrawFigures;
  readonly reference: readonly [number, number] | null;
  readonly target: number;
}

function cascadeRows(population: Population): CascadeRow[] {
  const scored = Scored.by(population, OURS)!;
  return SIZES.map((n, k) => ({
    data: population.name,
    rows: population.requests.length,
    oracle: scored.oracle(),
    ...certifyDraws(scored, population.prices[population.small]!, { n, draws: DRAWS }),
    reference: REFERENCE[population.name]![k] ?? null,
    target: TARGETS[population.name]![k]!,
  }));
}

interface PeerRow {
  readonly data: string;
  readonly rule: string;
  readonly remark: string;
  /** Null where the recordings do not hold what the rule needs. */
  readonly aurc: number | null;
  /** With the threshold that comes with the rule. */
  readonly byDefault: { readonly threshold: number; readonly accepted: number; readonly retained: number; readonly cost: number } | null;
  /** With a threshold that `certify` finds for the rule's score. */
  readonly certified: DrawFigures | null;
}

function peerRow(population: Population, rule: Rule): PeerRow {
  const scored = Scored.by(population, rule);
  const head = { data: population.name, rule: rule.name, remark: rule.remark };
  if (scored === null) return { ...head, aurc: null, byDefault: null, certified: null };
  const price = population.prices[population.small]!;
  const { scores, right } = scored.curve();
  // A threshold below every score accepts also answers that have none.
  const at = rule.threshold === null ? null : rule.threshold < 0 ? scored.swapped() : scored.at(rule.threshold);
  return {
    ...head,
    aurc: aurc(scores, right),
    byDefault: at === null ? null : { threshold: rule.threshold!, ...at, cost: price + 1 - at.accepted },
    certified: certifyDraws(scored, price, { n: 1000, draws: PEER_DRAWS }).promised,
  };
}

function printCascades(rows: readonly CascadeRow[]): void {
  console.log(
    `Cascades at floor ${FLOOR}, 95 % confidence; ${DRAWS.toLocaleString('en-US')} samples each. Violated: the deployed policy is truly below the floor.\n`,
  );
  const heads = [
    'data',
    'n',
    'violated',
    'accepted',
    'target',
    'best possible',
    'nominal .05: violated',
    'accepted',
    'reference at .05: violated',
    'accepted',
  ];
  const cells = rows.map((row) => [
    row.data,
    String(row.promised.n),
    percent(row.promised.violations, 2),
    percent(row.promised.accepted),
    percent(row.target, 0),
    percent(row.oracle),
    percent(row.nominal.violations, 2),
    percent(row.nominal.accepted),
    percent(row.reference?.[0] ?? null),
    percent(row.reference?.[1] ?? null, 0),
  ]);
  console.log(
    renderTable(
      heads.map((head, i) => ({ head, align: i === 0 ? 'left' : 'right' })),
      cells,
    ),
  );
}

function printPeers(rows: readonly PeerRow[]): void {
  console.log(
    `Rules side by side. Certified: the threshold that certify finds for the rule's own score, ${PEER_DRAWS} samples of n = 1,000.`,
  );
  console.log(
    'Cost is a share of the ceiling for everything, at assumed prices (see the file); – is not computable from what was recorded.\n',
  );
  const heads = ['data', 'rule', 'AURC', 'default', 'accepted', 'retained', 'cost', 'certified: accepted', 'cost', 'violated', ''];
  const cells = rows.map((row) => [
    row.data,
    row.rule,
    row.aurc === null ? '–' : row.aurc.toFixed(4),
    row.byDefault === null ? '–' : String(row.byDefault.threshold),
    percent(row.byDefault?.accepted ?? null),
    row.byDefault === null ? '–' : `${percent(row.byDefault.retained)}${row.byDefault.retained < FLOOR ? ' missed' : ''}`,
    percent(row.byDefault?.cost ?? null),
    percent(row.certified?.accepted ?? null),
    percent(row.certified?.cost ?? null),
    percent(row.certified?.violations ?? null),
    row.remark,
  ]);
  console.log(
    renderTable(
      heads.map((head, i) => ({ head, align: i < 2 || i === heads.length - 1 ? 'left' : 'right' })),
      cells,
    ),
  );
}

function printLadders(rows: readonly (LadderFigures & { readonly data: string; readonly models: readonly string[] })[]): void {
  console.log(
    `Three tiers with one certificate, ${LADDER_DRAWS} samples each; mean savings (uncertified = 0), and of each pair alone on the same samples.\n`,
  );
  const cells = rows.map((row) => [
    row.data,
    row.models.join(' → '),
    String(row.n),
    percent(row.violations, 2),
    percent(row.savings),
    row.savingsOfTwo.map((savings) => percent(savings)).join(' / '),
  ]);
  const heads = ['data', 'ladder', 'n', 'violated', 'saved by three', 'by first / second alone'];
  console.log(
    renderTable(
      heads.map((head, i) => ({ head, align: i < 2 ? 'left' : 'right' })),
      cells,
    ),
  );
}

/** A share of `draws` that may be seen when the truth is exactly at the gate: three standard errors above it. */
function seen(gate: number, draws: number): number {
  return gate + 3 * Math.sqrt((gate * (1 - gate)) / draws);
}

function main(populations: readonly Population[]): void {
  const startedAt = performance.now();
  const cascades = populations.flatMap(cascadeRows);
  printCascades(cascades);
  const peers = populations.flatMap((population) => [OURS, ...PEERS].map((rule) => peerRow(population, rule)));
  printPeers(peers);
  const ladders = populations.flatMap((population) =>
    SIZES.map((n) => ({
      data: population.name,
      models: population.models,
      prices: population.prices,
      ...ladderDraws(population, n, LADDER_DRAWS),
    })),
  );
  printLadders(ladders);
  const failures = [
    ...cascades
      .filter((row) => row.promised.violations > MOST_VIOLATIONS)
      .map((row) => `${row.data} n=${row.promised.n}: ${percent(row.promised.violations, 2)} violated`),
    ...cascades
      .filter((row) => row.promised.accepted < row.target)
      .map((row) => `${row.data} n=${row.promised.n}: accepts ${percent(row.promised.accepted)}, target ${percent(row.target, 0)}`),
    ...ladders
      .filter((row) => row.violations > seen(MOST_VIOLATIONS, row.draws))
      .map((row) => `three tiers, ${row.data} n=${row.n}: ${percent(row.violations, 2)} violated`),
  ];
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${failures.length === 0 ? 'All gates hold' : `GATES MISSED:\n${failures.join('\n')}`} (${seconds.toFixed(0)} s).`);
  const assumed = populations.map(({ name, models, prices, quality, small }) => ({
    data: name,
    models,
    prices,
    quality,
    small: models[small]!,
  }));
  const path = writeResult('cascades', {
    floor: FLOOR,
    draws: DRAWS,
    assumed,
    cascades,
    peers,
    ladders,
    failures,
    seconds,
  } as unknown as Json);
  console.log(`Figures in ${path}`);
  if (failures.length > 0) process.exitCode = 1;
}

const populations = loadPopulations(DATA);
if (populations === null) {
  console.log(`skipped: the data sets are not in ${DATA}; they are no part of the package. Name their folder as the first argument.`);
} else {
  main(populations);
}
