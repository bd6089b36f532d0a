import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchFigures, bulkBlock } from './readme-bulk.ts';
import { type CascadeFigures, type LookFigures, type MonitoringFigures, promiseBlock, type TriageFigures } from './readme-promise.ts';
import { type EmbeddingFigures, type ExtractionFigures, type StudentFigures, studentBlock } from './readme-students.ts';

/** Renders the generated blocks of README.md from bench/results: no number there is typed by hand. */
export function readmeBlocks(root = process.cwd()): Readonly<Record<string, string>> {
  const read = <T>(name: string): Result<T> =>
    JSON.parse(readFileSync(join(root, 'bench', 'results', `${name}.json`), 'utf8')) as Result<T>;
  const blocks: Record<string, string> = {
    demo: demoBlock(read<DemoFigures>('demo')),
    tests: testBlock(read<TestFigures>('tests')),
    figures: figuresBlock(read<CertifyFigures>('certify'), read<StoreFigures>('store'), read<StartFigures>('start')),
    students: studentBlock(
      read<StudentFigures>('students').figures,
      read<ExtractionFigures>('students-extraction').figures,
      read<EmbeddingFigures>('embedding-students').figures,
    ),
    promise: promiseBlock(
      read<LookFigures>('looks'),
      read<MonitoringFigures>('monitoring'),
      read<TriageFigures>('triage'),
      read<CascadeFigures>('cascades'),
    ),
  };
  blocks.bulk = bulkBlock(read<BatchFigures>('batch'));
  if (existsSync(join(root, 'bench', 'results', 'gateway.json'))) blocks.gateway = gatewayBlock(read<GatewayFigures>('gateway'));
  return blocks;
}

interface Result<T> {
  readonly date: string;
  readonly commit: string | null;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly figures: T;
}

interface DemoFigures {
  readonly text: readonly string[];
  readonly seconds: number;
}

interface TestFigures {
  readonly line: string;
}

interface CertifyFigures {
  readonly draws: number;
  readonly exact: readonly { readonly floor: number; readonly level: number; readonly error: number; readonly at: string }[];
  readonly simulated: readonly { readonly floor: number; readonly level: number; readonly error: number; readonly wald: number }[];
  readonly speed: readonly { readonly pairs: number; readonly kind: string; readonly totalMs: number; readonly rssMb: number }[];
}

interface StoreFigures {
  readonly writes: {
    readonly rows: number;
    readonly rounds: number;
    readonly sqlite: { readonly rowsPerSecond: { readonly median: number } };
    readonly portOverRawDriver: { readonly median: number };
  };
  readonly bill: { readonly calls: number; readonly bills: Readonly<Record<string, { readonly medianMs: number }>> };
}

interface StartFigures {
  readonly runs: number;
  readonly helpMs: { readonly median: number };
  readonly nodeAloneMs: { readonly median: number };
}

interface StreamFigures {
  readonly rounds: number;
  readonly gapMs: number;
  readonly added: readonly { readonly name: string; readonly firstFrameP50Us: number }[];
}

interface GatewayFigures {
  readonly rounds: number;
  readonly ofBare: number;
  readonly timesPortkey: number | null;
  readonly timesLiteLlm: number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly cpuUsAboveBare: number;
  readonly addedP50Us: number;
  readonly addedP99Us: number;
  readonly streams: {
    readonly awake: StreamFigures;
    readonly asleep: StreamFigures;
    readonly atOnce: { readonly streams: number; readonly lostFrames: number };
  };
  readonly endurance: {
    readonly requests: number;
    readonly answered: number;
    readonly rows: number;
    readonly rssMb: { readonly growth: number };
  };
}

/** The part of the demo's output that a first screen has room for: the first certificate and the bill. */
function demoBlock({ figures }: Result<DemoFigures>): string {
  const { text } = figures;
  const certificate = text.findIndex((line) => line.startsWith('3 ·'));
  const bill = text.findIndex((line) => line.startsWith('4 ·'));
  const end = text.findIndex((line, i) => i > bill && line.startsWith('total'));
  const shown = [...text.slice(certificate + 2, certificate + 7), '', ...text.slice(bill, end + 1)];
  return ['```', ...shown, '```'].join('\n');
}

function testBlock({ figures }: Result<TestFigures>): string {
  return ['```', figures.line, '```'].join('\n');
}

function figuresBlock(certify: Result<CertifyFigures>, store: Result<StoreFigures>, start: Result<StartFigures>): string {
  const percent = (share: number, digits = 1) => `${(share * 100).toFixed(digits)} %`;
  const at95 = <T extends { readonly level: number }>(rows: readonly T[]) => rows.filter((row) => row.level === 0.95);
  const worstExact = at95(certify.figures.exact).reduce((worst, row) => (row.error > worst.error ? row : worst));
  const worstSimulated = at95(certify.figures.simulated).reduce((worst, row) => (row.error > worst.error ? row : worst));
  const waldAt98 = at95(certify.figures.simulated).find((row) => row.floor === 0.98);
  const large = certify.figures.speed.find((row) => row.pairs === 100_000 && row.kind === 'binary');
  const { writes, bill } = store.figures;
  const slowest = Math.max(...Object.values(bill.bills).map((row) => row.medianMs));
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'False certification at 95 %, worst case',
      `${percent(worstExact.error, 2)} computed exactly (floor ${worstExact.floor}, ${worstExact.at}); ${percent(worstSimulated.error, 2)} simulated, ${certify.figures.draws.toLocaleString('en-US')} draws each; a Wald test at floor 0.98: ${percent(waldAt98?.wald ?? 0)}`,
      'bench:certify',
    ],
    [
      'Certify 100,000 pairs × 40 thresholds',
      `${((large?.totalMs ?? 0) / 1000).toFixed(1)} s, ${Math.round(large?.rssMb ?? 0)} MB resident, reading included`,
      'bench:certify',
    ],
    [
      'Calls into SQLite, rollups included',
      `${writes.sqlite.rowsPerSecond.median.toLocaleString('en-US')} rows/s, median of ${writes.rounds} × ${writes.rows.toLocaleString('en-US')}; ${percent(writes.portOverRawDriver.median, 0)} of the raw driver in the same run`,
      'bench:store',
    ],
    [
      `Bill of a month, ${(bill.calls / 1e6).toFixed(0)} M calls`,
      `${slowest.toFixed(0)} ms from rollups, slowest of ${Object.keys(bill.bills).length} groupings`,
      'bench:store',
    ],
    [
      'Cold `smallfirst --help`',
      `${start.figures.helpMs.median.toFixed(0)} ms, median of ${start.figures.runs}; Node alone ${start.figures.nodeAloneMs.median.toFixed(0)} ms`,
      'bench:start',
    ],
  ];
  const machine = `Measured ${certify.date.slice(0, 10)} on ${certify.cores} × ${certify.cpu}, Node ${certify.node.slice(1)}, a shared machine; intervals are 95 %.`;
  return [
    '| what | figure | by |',
    '|---|---|---|',
    ...rows.map(([what, figure, by]) => `| ${what} | ${figure} | \`npm run ${by}\` |`),
    '',
    machine,
  ].join('\n');
}

function gatewayBlock({ figures, date }: Result<GatewayFigures>): string {
  const { streams, endurance, versions } = figures;
  const times = (label: string, ratio: number | null) =>
    ratio === null ? `${label}: not measured` : `${ratio.toFixed(ratio < 100 ? 1 : 0)} × ${label} ${versions[label.toLowerCase()] ?? ''}`;
  const whole = (n: number) => n.toLocaleString('en-US');
  const rows: readonly (readonly [string, string])[] = [
    ['Requests a second at saturation, of a bare proxy’s', `${(figures.ofBare * 100).toFixed(0)} %`],
    ['The same, beside peers', `${times('Portkey', figures.timesPortkey)}, ${times('LiteLLM', figures.timesLiteLlm)}`],
    ['Processor time a request above a bare proxy, recording and ingest included', `${figures.cpuUsAboveBare.toFixed(0)} µs`],
    ['Added at one connection, p50 / p99', `${figures.addedP50Us.toFixed(0)} µs / ${figures.addedP99Us.toFixed(0)} µs`],
    ...[streams.awake, streams.asleep].map(({ gapMs, added }): readonly [string, string] => [
      `Added to the first frame of a stream, p50, four streams with a frame every ${gapMs} ms`,
      added.map(({ name, firstFrameP50Us }) => `${name} ${firstFrameP50Us.toFixed(0)} µs`).join(', '),
    ]),
    ['Streams at once, lost frames', `${whole(streams.atOnce.streams)}, ${whole(streams.atOnce.lostFrames)}`],
    ['Rows stored for answers given', `${whole(endurance.rows)} for ${whole(endurance.answered)}`],
    ['Growth of memory over the run', `${endurance.rssMb.growth.toFixed(0)} MB over ${whole(endurance.requests)} requests`],
  ];
  const how = `Medians of ${figures.rounds} interleaved rounds (streams: ${streams.awake.rounds}) in one run on ${date.slice(0, 10)}, upstream, gateway and load on one machine; differences within noise may be negative.`;
  return ['| `npm run bench:gateway` | figure |', '|---|---|', ...rows.map(([what, figure]) => `| ${what} | ${figure} |`), '', how].join(
    '\n',
  );
}
