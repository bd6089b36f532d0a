import type { StudentCard, StudentEvaluation, StudentKind } from '../../student/index.ts';
import { type Column, counted, percent, renderTable } from '../table.ts';

/** What a training found, for people; `out` is null where nothing was written. */
export function renderTraining(card: StudentCard, out: string | null): string {
  const { crossValidation: held, nearDuplicateShare: twins } = card;
  return [
    `Trained ${nameOf(card)} on ${counted(card.rows, 'row')}${classesOf(card)} in ${card.trainingSeconds.toFixed(1)} s.`,
    ...(card.from === null ? [] : [continuedLine(card.from, held.accuracy)]),
    ...(card.candidates.length > 1 ? ['', candidateTable(card)] : []),
    `Held out in ${held.folds} folds: ${figuresOf(card)}.`,
    ...(twins > 0 ? [`${percent(twins)} of the rows have a near twin among the others: traffic without such twins is harder.`] : []),
    outlookLine(card),
    out === null
      ? 'Nothing was written: the task keeps its model. More labels, --mode quality or --embeddings may change that.'
      : `Written to ${out} (${(card.model.bytes / 1e6).toFixed(2)} MB).`,
    '',
  ].join('\n');
}

/** A card as `student show` prints it. */
export function renderCard(card: StudentCard, folder: string): string {
  const { crossValidation: held } = card;
  const lines: readonly (readonly [string, string])[] = [
    ['student', folder],
    ['kind', nameOf(card)],
    ['version', `sha256:${card.model.sha256}`],
    ['trained', `${card.created}, seed ${card.seed}, ${card.trainingSeconds.toFixed(1)} s`],
    ['rows', `${card.rows}${card.outOfScopeRows === 0 ? '' : `, ${card.outOfScopeRows} of them out of scope`}; ${keptLine(card)}`],
    ...(card.labels.length === 0 ? [] : [[whatOf(card.kind), shortList(card.labels)] as const]),
    ...(card.embeddings === null
      ? []
      : [['reads', `${card.embeddings.model} at ${card.embeddings.url}, ${card.embeddings.dimensions} numbers per text`] as const]),
    ['held out', `${held.folds} folds: ${figuresOf(card)}`],
    ['near twins', percent(card.nearDuplicateShare)],
    ['outlook', outlookLine(card)],
    ...(card.from === null
      ? []
      : [['goes on from', `${card.from.version}, ${counted(card.from.added, 'row')} added, ${card.from.replaced} corrected`] as const]),
    ['file', `${card.model.file}, ${(card.model.bytes / 1e6).toFixed(2)} MB, ${card.features} features`],
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(13)} ${value}`).join('\n')}\n`;
}

/** What `student predict` found, for people. */
export function renderEvaluation({ n, labelled, scores, latencyUs, inputTokens }: StudentEvaluation, card: StudentCard): string {
  const time =
    latencyUs === null
      ? `${inputTokens ?? 'unknown'} tokens embedded.`
      : `${latencyUs.p50.toFixed(0)} µs median, ${latencyUs.p99.toFixed(0)} µs p99 per text.`;
  if (!scores) return `${counted(n, 'row')} answered, none has a gold answer to compare with. ${time}\n`;
  const outside =
    scores.outOfScope === 0
      ? []
      : [
          `Out of scope: ${counted(scores.outOfScope, 'row')}, ${percent(scores.outOfScopeRecall)} of them said to be so, and ${percent(scores.falseAlarms)} of the others; AUROC ${scores.outOfScopeAuroc?.toFixed(3) ?? '–'}.`,
        ];
  return [
    `${counted(n, 'row')} answered, ${labelled} with a gold answer. ${time}`,
    `${upperFirst(measuresOf(card.kind, scores))}, calibration error ${percent(scores.ece)}, AURC ${scores.aurc.toFixed(4)}.`,
    ...outside,
    `With hindsight on these rows: ${percent(scores.coverage95)} of them can be answered at 95 % accuracy, ${percent(scores.coverage98)} at 98 %. \`certify\` says what can be promised.`,
    '',
  ].join('\n');
}

interface Measures {
  readonly accuracy: number | null;
  readonly macroF1?: number;
  readonly microF1?: number;
  readonly mae?: number;
  readonly rmse?: number;
  readonly tolerance?: number;
}

function measuresOf(kind: StudentKind, { accuracy, macroF1, microF1, mae, rmse, tolerance }: Measures): string {
  if (kind === 'classifier') return `accuracy ${percent(accuracy)}, macro F1 ${percent(macroF1 ?? null)}`;
  if (kind === 'multilabel') {
    return `micro F1 ${percent(microF1 ?? null)}, macro F1 ${percent(macroF1 ?? null)}, exact set ${percent(accuracy)}`;
  }
  if (kind === 'extractor') return `field F1 ${percent(microF1 ?? null)}, exact record ${percent(accuracy)}`;
  return `mean absolute error ${mae?.toPrecision(3) ?? '–'}, RMSE ${rmse?.toPrecision(3) ?? '–'}, within ${tolerance?.toPrecision(3) ?? '–'} ${percent(accuracy)}`;
}

function figuresOf({ kind, crossValidation: held }: StudentCard): string {
  const unscaled = held.eceUnscaled === undefined ? '' : ` (${percent(held.eceUnscaled)} before scaling)`;
  const scope = held.outOfScopeAuroc === undefined ? '' : `, out-of-scope AUROC ${held.outOfScopeAuroc.toFixed(3)}`;
  return `${measuresOf(kind, held)}, calibration error ${percent(held.ece)}${unscaled}${scope}`;
}

const CANDIDATE_COLUMNS: readonly Column[] = [
  { head: 'candidate' },
  { head: 'right', align: 'right' },
  { head: 'ECE', align: 'right' },
  { head: 'AURC', align: 'right' },
  { head: 'seconds', align: 'right' },
  { head: '' },
];

function candidateTable({ candidates }: StudentCard): string {
  return renderTable(
    CANDIDATE_COLUMNS,
    candidates.map(({ mode, reads, accuracy, ece, aurc, seconds }, i) => [
      reads === 'embeddings' ? 'over embeddings' : `${mode} mode`,
      percent(accuracy),
      percent(ece),
      aurc.toFixed(4),
      seconds.toFixed(1),
      i === 0 ? 'chosen' : '',
    ]),
  );
}

/** Whether it could take anything over, in a sentence that promises nothing. */
function outlookLine({ outlook }: StudentCard): string {
  const { verdict, accepted, floor, level, units, fewest, against, minShare } = outlook;
  const frontier = against === 'recorded' ? "the frontier's recorded answers" : 'a frontier that is always right';
  if (verdict === 'too-few') {
    return `Too few rows to say whether it could pass a floor of ${floor}: ${units}, and ${fewest} are the fewest with which anything can.`;
  }
  if (verdict === 'none') {
    return `This student would not pass a floor of ${floor} (level ${level}) on ${percent(minShare, 0)} of the traffic, compared with ${frontier}: the task keeps its model.`;
  }
  return `Held-out rows suggest that it could take over about ${percent(accepted, 0)} of the traffic at a floor of ${floor} (level ${level}), compared with ${frontier}. Only \`certify\` on fresh pairs can promise it.`;
}

function continuedLine({ rows, added, replaced, accuracy }: NonNullable<StudentCard['from']>, now: number): string {
  return `Goes on from a student of ${counted(rows, 'row')}: ${added} added, ${replaced} corrected; right on held-out rows ${percent(accuracy)} before, ${percent(now)} now.`;
}

function keptLine({ rowsFile }: StudentCard): string {
  return rowsFile === null ? 'not kept' : `kept in ${rowsFile}`;
}

const NAMES: Readonly<Record<StudentKind, string>> = {
  classifier: 'a classifier',
  multilabel: 'a multi-label classifier',
  extractor: 'an extractor',
  scorer: 'a scorer',
};

function nameOf({ kind, mode, reads }: StudentCard): string {
  return `${NAMES[kind]}${mode === 'quality' ? ' in quality mode' : ''}${reads === 'embeddings' ? ' over embeddings' : ''}`;
}

function classesOf({ kind, classes }: StudentCard): string {
  return classes === 0 ? '' : `, ${classes} ${whatOf(kind)},`;
}

function whatOf(kind: StudentKind): string {
  return kind === 'extractor' ? 'fields' : kind === 'scorer' ? 'levels' : 'labels';
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 12).join(', ');
  return names.length > 12 ? `${names.length}: ${shown}, …` : `${names.length}: ${shown}`;
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
