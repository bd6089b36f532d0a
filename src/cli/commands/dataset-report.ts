import { formatUsd } from '../../core/index.ts';
import type { DatasetDiff, DatasetManifest, DatasetRow, StoredDataset } from '../../dataset/index.ts';
import { count, counted, renderTable } from '../table.ts';

/** A data set as people read it. */
export function renderManifest({ folder, manifest }: StoredDataset): string {
  const { name, hash, task, created, nodes } = manifest;
  const table = renderTable(
    [{ head: 'node' }, { head: 'in', align: 'right' }, { head: 'out', align: 'right' }, { head: 'left out, found' }],
    nodes.map(({ kind, rowsIn, rowsOut, counts, cached, cost }) => [
      kind,
      count(rowsIn),
      count(rowsOut),
      [
        ...Object.entries(counts).map(([key, n]) => `${key} ${count(n)}`),
        ...(cost === null ? [] : [formatUsd(cost)]),
        ...(cached ? ['cached'] : []),
      ].join(', '),
    ]),
  );
  return [
    `${name}@${hash.slice(0, 16)}${task === null ? '' : ` of task ${task}`}, ${created}`,
    '',
    table,
    ...reportLines(manifest),
    '',
    folder,
    '',
  ].join('\n');
}

/** Rows as people read them, one line each. */
export function renderRows(rows: readonly DatasetRow[]): string {
  return rows
    .map(
      ({ id, split, text, output, provenance, flags }) =>
        `${split}  ${id}  ${provenance}${flags.length === 0 ? '' : ` [${flags.join(', ')}]`}\n  ${oneLine(text)}\n  → ${output === null ? '(out of scope)' : oneLine(output)}\n`,
    )
    .join('');
}

/** What differs between two versions, for people. */
export function renderDiff(diff: DatasetDiff): string {
  const parts = (counts: DatasetDiff['added']) =>
    `train ${count(counts.train)}, validation ${count(counts.validation)}, golden ${count(counts.golden)}`;
  const lines = [
    `${diff.before.slice(0, 16)} → ${diff.after.slice(0, 16)}`,
    `added: ${parts(diff.added)}`,
    `removed: ${parts(diff.removed)}`,
    `changed: ${counted(diff.changed.length, 'row')}, ${count(diff.relabelled)} with another answer, ${count(diff.moved)} in another split`,
    ...(diff.nodes.length === 0 ? [] : [`other settings: ${diff.nodes.join(', ')}`]),
  ];
  const relabelled = diff.changed.filter(({ before, after }) => before.output !== after.output).slice(0, 10);
  const shown = relabelled.map(
    ({ id, before, after }) => `  ${id}: ${oneLine(before.output ?? '(out of scope)')} → ${oneLine(after.output ?? '(out of scope)')}`,
  );
  return [...lines, ...shown, ''].join('\n');
}

function reportLines({ report, until }: DatasetManifest): readonly string[] {
  const { rows, provenance, privateTexts, inputTokens, outputTokens, flags, classes, missingLabels, rareLabels, terms } = report;
  const nonZero = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([key, n]) => `${key} ${count(n)}`)
      .join(', ') || 'none';
  const largest = classes?.[0];
  return [
    `rows      train ${count(rows.train)}, validation ${count(rows.validation)}, golden ${count(rows.golden)} (frozen, never trained on)`,
    `answers   ${nonZero(provenance)}`,
    `tokens    input p50 ${count(inputTokens.p50)}, p95 ${count(inputTokens.p95)}, longest ${count(inputTokens.max)}; answers p95 ${count(outputTokens.p95)}; ${count(inputTokens.total + outputTokens.total)} in all`,
    `private   ${nonZero(privateTexts.found)}${privateTexts.rows === 0 ? '' : ` in ${counted(privateTexts.rows, 'row')}, ${privateTexts.scrubbed ? 'replaced' : 'flagged'}`}`,
    `flags     ${nonZero(flags)}`,
    ...(classes === null || largest === undefined
      ? []
      : [
          `labels    ${count(classes.length)}, the largest ${largest.label ?? '(out of scope)'} with ${counted(largest.train, 'row')} to train on`,
        ]),
    ...(missingLabels.length === 0 ? [] : [`missing   no row to train on: ${missingLabels.join(', ')}`]),
    ...(rareLabels.length === 0 ? [] : [`rare      fewer than 10: ${rareLabels.join(', ')}`]),
    ...terms.map(
      (row) =>
        `terms     ${row.provider}, ${counted(row.rows, 'row')}: ${row.training}. ${row.note}${row.source === null ? '' : ` ${row.source} (read ${row.asOf})`}`,
    ),
    ...(until === null ? [] : [`What is trained on this may be certified on pairs of after ${new Date(until).toISOString()} only.`]),
  ];
}

function oneLine(text: string): string {
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\s]+/g, ' ').trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
