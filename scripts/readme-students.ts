/** Figures of bench/students, as far as the block needs them. */
export interface StudentFigures {
  readonly testLooks: Readonly<Record<string, { readonly count: number }>>;
  readonly missed: readonly string[];
  readonly parts: Parts;
  readonly published: Readonly<Record<string, readonly { readonly model: string; readonly accuracy: number }[]>>;
  readonly publishedOutOfScope: readonly { readonly model: string; readonly auroc: number }[];
}

interface Interval {
  readonly low: number;
  readonly high: number;
}

interface Official {
  readonly test: number;
  readonly accuracy: number;
  readonly accuracy95: Interval;
  readonly macroF1: number;
  readonly ece: number;
  readonly trainCpuSeconds: number;
  readonly p50Us: number;
  readonly fileBytesGzip: number;
  readonly openWorld: { readonly auroc: number } | null;
  readonly withExamplesOutside: { readonly examples: number; readonly openWorld: { readonly auroc: number } } | null;
}

interface Cascade {
  readonly frontier: number;
  readonly cascade: number;
  readonly gain: number;
  readonly gain95: Interval;
  readonly kept: number;
  readonly usdPer1000: number | null;
}

interface Parts {
  readonly 'banking77.default': Official;
  readonly 'banking77.quality': Official;
  readonly 'clinc150.default': Official;
  readonly 'clinc150.quality': Official;
  readonly 'snips.default': Official;
  readonly 'spam.default': Official;
  readonly complaints: {
    readonly student: { readonly rows: number; readonly accuracy: number; readonly accuracy95: Interval };
    readonly models: readonly { readonly model: string; readonly accuracy: number; readonly usdPer1000: number | null }[];
    readonly cascade: {
      readonly models: readonly { readonly model: string; readonly usdPer1000: number | null; readonly keeps98: Cascade }[];
    };
  };
  readonly distillation: {
    readonly teachers: readonly {
      readonly teacher: string;
      readonly accuracy: { readonly share: number };
      readonly agreement: { readonly share: number };
      readonly teacherAccuracy: { readonly share: number };
      readonly lostAgainstGoldLabels: number;
      readonly certified: readonly { readonly floor: number; readonly kept: number; readonly agreement: number }[];
    }[];
  };
}

/** Figures of bench/students-extraction. */
export interface ExtractionFigures {
  readonly snips: Extraction;
  readonly receipts: Extraction;
}

interface Extraction {
  readonly test: number;
  readonly f1: number;
  readonly f195: Interval;
  readonly f1LettersAndDigits: number;
  readonly p50Us: number;
  readonly published: readonly { readonly model: string; readonly f1: number }[];
}

/** Figures of bench/embedding-students. */
export interface EmbeddingFigures {
  readonly results: readonly { readonly perClass: number; readonly reads: string; readonly accuracy: number; readonly n: number }[];
  readonly publishedPretrained: Readonly<Record<string, number>>;
}

/** The frontier that the block shows a cascade and a teacher of: the demo's. */
const FRONTIER = 'gpt-4o';

/** The students' table. */
export function studentBlock(students: StudentFigures, extraction: ExtractionFigures, embeddings: EmbeddingFigures): string {
  const { parts } = students;
  const rows = [
    ...officialRows(students),
    fewLabelsRow(embeddings),
    [
      `SNIPS slots, field F1, n = ${extraction.snips.test}`,
      `${percent(extraction.snips.f1)} ${between(extraction.snips.f195)}; p50 ${extraction.snips.p50Us.toFixed(0)} µs`,
      extraction.snips.published
        .filter(({ model }) => !model.startsWith('averaged'))
        .map(({ model, f1 }) => `${model} ${percent(f1)}`)
        .join(', '),
    ],
    [
      `Receipts (SROIE), field F1, n = ${extraction.receipts.test}`,
      `${percent(extraction.receipts.f1)} ${between(extraction.receipts.f195)}; letters and digits alone ${percent(extraction.receipts.f1LettersAndDigits)}`,
      extraction.receipts.published
        .slice(-2)
        .map(({ model, f1 }) => `${model} ${percent(f1)}, official test split`)
        .join('; '),
    ],
    ...complaintRows(parts),
  ];
  const looks = Object.entries(students.testLooks)
    .map(([set, { count }]) => `${set} ${count}`)
    .join(', ');
  const missed = students.missed.length === 0 ? 'Every target was met.' : `Targets missed: ${students.missed.join('; ')}.`;
  return [
    '| `npm run bench:students` | measured | published by others |',
    '|---|---|---|',
    ...rows.map(([what, figure, published]) => `| ${what} | ${figure} | ${published} |`),
    '',
    `Intervals are 95 %. Training is processor time on one core of a shared machine, files are compressed. ${missed} Models scored on each test split since the first recipe: ${looks}.`,
  ].join('\n');
}

type Row = readonly [string, string, string];

function officialRows({ parts, published, publishedOutOfScope }: StudentFigures): Row[] {
  const clinc = parts['clinc150.default'];
  const quality = parts['clinc150.quality'];
  const beside = (set: string, models: readonly string[]) =>
    (published[set] ?? [])
      .filter(({ model }) => models.includes(model))
      .map(({ model, accuracy }) => `${model} ${percent(accuracy)}`)
      .join(', ');
  const spam = parts['spam.default'];
  return [
    [
      `Banking77, n = ${whole(parts['banking77.default'].test)}: default mode`,
      costed(parts['banking77.default']),
      beside('banking77', ['BERT fine-tuned', 'ModernBERT-base fine-tuned', 'zero-shot LLM (gpt-6-luna)']),
    ],
    ['Banking77: quality mode', costed(parts['banking77.quality']), ''],
    [
      `CLINC150 in scope, n = ${whole(clinc.test)}: default mode`,
      costed(clinc),
      beside('clinc150', ['SVM', 'MLP over USE embeddings', 'BERT fine-tuned']),
    ],
    ['CLINC150: quality mode', costed(quality), ''],
    [
      'CLINC150 out of scope, AUROC: default, quality',
      `${auroc(clinc.openWorld)}, ${auroc(quality.openWorld)}; with ${clinc.withExamplesOutside?.examples} examples ${auroc(clinc.withExamplesOutside?.openWorld)}, ${auroc(quality.withExamplesOutside?.openWorld)}`,
      publishedOutOfScope.map((one) => `${one.model} ${one.auroc}`).join('; '),
    ],
    [
      `SNIPS intents, n = ${parts['snips.default'].test}; SMS spam, n = ${whole(spam.test)}`,
      `${percent(parts['snips.default'].accuracy)} ${between(parts['snips.default'].accuracy95)}; ${percent(spam.accuracy)} ${between(spam.accuracy95)}, macro F1 ${percent(spam.macroF1)}`,
      `spam: ${beside('spam', ['GPT-4 zero-shot', 'GPT-4 fine-tuned', 'BERT fine-tuned'])}`,
    ],
  ];
}

function fewLabelsRow({ results, publishedPretrained }: EmbeddingFigures): Row {
  const of = (reads: string) => results.find((row) => row.perClass === 10 && row.reads === reads)?.accuracy ?? 0;
  return [
    'Banking77, 10 labels per class',
    `${percent(of('text'))} over texts, ${percent(of('embeddings'))} over embeddings learnt from the unlabelled texts (training rows that were not drawn)`,
    `bge-small embeddings ${percent(publishedPretrained['10'] ?? 0)}, test split`,
  ];
}

function complaintRows({ complaints, distillation }: Parts): Row[] {
  const { student, models, cascade } = complaints;
  const ladder = cascade.models.find(({ model }) => model === FRONTIER)!;
  const { keeps98 } = ladder;
  const taught = distillation.teachers.find(({ teacher }) => teacher === FRONTIER)!;
  const at98 = taught.certified.find(({ floor }) => floor === 0.98)!;
  const best = models[0]!;
  const one = models.find(({ model }) => model === FRONTIER)!;
  return [
    [
      `Complaints, ${whole(student.rows)} in 10 folds: student alone`,
      `${percent(student.accuracy)} ${between(student.accuracy95)}, at no price a call`,
      [best, one]
        .map(({ model, accuracy, usdPer1000 }) => `${model} ${percent(accuracy)}, $${usdPer1000?.toFixed(2)} per 1,000`)
        .join('; '),
    ],
    [
      `Complaints: student → ${FRONTIER}, certified at floor 0.98`,
      `${percent(keeps98.cascade)}, ${points(keeps98.gain)} [${points(keeps98.gain95.low)}, ${points(keeps98.gain95.high)}] points against ${FRONTIER} alone; student keeps ${percent(keeps98.kept)}`,
      `$${keeps98.usdPer1000?.toFixed(2)} instead of $${ladder.usdPer1000?.toFixed(2)} per 1,000`,
    ],
    [
      `Complaints, no human labels: student of ${FRONTIER}’s answers`,
      `agrees with it ${percent(taught.agreement.share)}, right ${percent(taught.accuracy.share)}: ${(taught.lostAgainstGoldLabels * 100).toFixed(1)} points less than with gold labels; certified at 0.98 agreement it keeps ${percent(at98.kept)}`,
      `${FRONTIER} itself ${percent(taught.teacherAccuracy.share)}`,
    ],
  ];
}

function costed(f: Official): string {
  return `${percent(f.accuracy)} ${between(f.accuracy95)}; ECE ${f.ece.toFixed(3)}; trained in ${f.trainCpuSeconds.toFixed(0)} s; p50 ${f.p50Us.toFixed(0)} µs; ${(f.fileBytesGzip / 1e6).toFixed(1)} MB`;
}

function auroc(found: { readonly auroc: number } | null | undefined): string {
  return found ? found.auroc.toFixed(3) : 'not measured';
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function points(share: number): string {
  return `${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(1)}`;
}

function between({ low, high }: Interval): string {
  return `[${percent(low)}, ${percent(high)}]`;
}

function whole(count: number): string {
  return count.toLocaleString('en-US');
}
