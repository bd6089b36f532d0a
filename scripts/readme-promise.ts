/** What a bench wrote, as far as the block needs it. */
interface Result<T> {
  readonly date: string;
  readonly figures: T;
}

/** Figures of bench/looks. */
export interface LookFigures {
  readonly promise: { readonly sizes: readonly number[] };
  readonly errors: readonly {
    readonly looks: string;
    readonly runs: number;
    readonly error: number;
    readonly interval: { readonly high: number };
    readonly naive: number | null;
  }[];
}

/** Figures of bench/monitoring. */
export interface MonitoringFigures {
  readonly runs: number;
  readonly detectors: readonly {
    readonly name: string;
    readonly drops: readonly { readonly retained: number; readonly delay: { readonly value: number | null } }[];
    readonly falseAlarms: readonly { readonly within1000: { readonly share: number } }[];
  }[];
  readonly canaries: readonly { readonly retained: number; readonly fell: { readonly share: number } }[];
}

/** Figures of bench/triage. */
export interface TriageFigures {
  readonly splits: Readonly<
    Record<
      string,
      {
        readonly router: { readonly apgr: { readonly mean: number; readonly sd: number } };
        readonly lookup?: { readonly apgr: { readonly mean: number } };
      }
    >
  >;
  readonly published: Readonly<Record<string, { readonly apgr: number }>>;
}

/** Figures of bench/cascades. */
export interface CascadeFigures {
  readonly draws: number;
  readonly cascades: readonly {
    readonly data: string;
    readonly promised: { readonly n: number; readonly violations: number; readonly accepted: number };
  }[];
}

/** How well the promise is kept in traffic, as a table. */
export function promiseBlock(
  looks: Result<LookFigures>,
  monitoring: Result<MonitoringFigures>,
  triage: Result<TriageFigures>,
  cascades: Result<CascadeFigures>,
): string {
  const percent = (share: number, digits = 1) => `${(share * 100).toFixed(digits)} %`;
  const people = looks.figures.errors.filter((row) => row.naive !== null);
  const worst = people.reduce((most, row) => (row.error > most.error ? row : most));
  // The simulated worlds alone: what was recorded may lie well below the floor, where testing again does no harm.
  const naive = people.filter((row) => row.runs === worst.runs).map((row) => row.naive ?? 0);
  const uniform = monitoring.figures.detectors.find((row) => row.name === 'uniform');
  const delay = (retained: number) =>
    Math.round(uniform?.drops.find((drop) => drop.retained === retained)?.delay.value ?? Number.NaN).toLocaleString('en-US');
  const falseAlarms = Math.max(...monitoring.figures.detectors.flatMap((row) => row.falseAlarms.map(({ within1000 }) => within1000.share)));
  const fell = (retained: number) =>
    percent(monitoring.figures.canaries.find((row) => row.retained === retained)?.fell.share ?? Number.NaN);
  const split = (name: string) => {
    const found = triage.figures.splits[name];
    return found === undefined ? '–' : `${found.router.apgr.mean.toFixed(3)} ± ${found.router.apgr.sd.toFixed(3)}`;
  };
  const violations = Math.max(...cascades.figures.cascades.map(({ promised }) => promised.violations));
  const accepted = cascades.figures.cascades.map(({ data, promised }) => `${data} ${percent(promised.accepted, 0)} (n = ${promised.n})`);
  const rows: readonly (readonly [string, string, string])[] = [
    [
      `False certification at the floor, every look from ${looks.figures.promise.sizes[0]} to ${looks.figures.promise.sizes.at(-1)?.toLocaleString('en-US')} pairs`,
      `at most ${percent(worst.error)} (upper bound ${percent(worst.interval.high)}, ${worst.runs.toLocaleString('en-US')} simulated runs a world); testing again at a fixed level: ${percent(Math.min(...naive), 0)} to ${percent(Math.max(...naive), 0)}`,
      'looks',
    ],
    [
      'Audits until an alarm, after a drop to 90 / 95 % of quality',
      `${delay(0.9)} / ${delay(0.95)}, median of ${monitoring.figures.runs.toLocaleString('en-US')} simulated runs; false alarms within 1,000 audits: ${percent(falseAlarms)}`,
      'monitoring',
    ],
    ['A canary takes back a policy that keeps 98 / 95 / 90 %', `${fell(0.98)} / ${fell(0.95)} / ${fell(0.9)} of runs`, 'monitoring'],
    [
      'Cascades on recorded answers, share kept by the small model',
      `${accepted.join(', ')}; promise missed in ${percent(violations)} of ${cascades.figures.draws.toLocaleString('en-US')} draws at most`,
      'cascades',
    ],
    [
      'Triage, APGR (RouteLLM published MMLU .603, GSM8K .622, by another protocol)',
      `MMLU ${split('MMLU, 7,000 labels')}, with 1,500 labels ${split('MMLU, 1,500 labels')}; GSM8K ${split('GSM8K, half of the labels')}`,
      'triage',
    ],
  ];
  return [
    '| what | figure | by |',
    '|---|---|---|',
    ...rows.map(([what, figure, by]) => `| ${what} | ${figure} | \`npm run bench:${by}\` |`),
  ].join('\n');
}
