import type { Comparison, EvalReport, ModelReport } from '../../eval/index.ts';
import { type Column, count, counted, percent, renderTable } from '../table.ts';

/** Disagreements shown for each candidate; `--json` holds more. */
const SHOWN = 3;

/** With more candidates than this the examples would bury the table; `--json` has them all. */
const FEW_CANDIDATES = 3;

/** An eval as people read it: models side by side, candidates beside the ceiling with their verdicts, and what to know about them. */
export function renderEval(report: EvalReport): string {
  const { floor, set, ceiling } = report;
  const parts = [
    `${report.task}: ${counted(set.items, 'item')}${report.repeats > 1 ? ` × ${report.repeats}` : ''}, metric ${report.metric}\n`,
    modelTable(report),
    `ceiling ${ceiling} · floor ${percent(floor.quality)} (keep ${percent(floor.retain)} of the ceiling, ${percent(floor.level, 0)} confidence)\n`,
    ...(report.comparisons.length === 0 ? [] : [comparisonTable(report), `${report.comparisons.map(verdictLine).join('\n')}\n`]),
    disagreements(report),
    `${report.notes.map((note) => `Note: ${note}`).join('\n')}\n`,
    judgeLine(report),
    `${counted(report.cells.asked, 'cell')} asked, ${count(report.cells.found)} kept from earlier runs · spent $${report.spentUsd.toFixed(4)}\n`,
  ];
  return parts.filter((part) => part.trim() !== '').join('\n');
}

function judgeLine({ judge }: EvalReport): string {
  if (judge === null) return '';
  const failed = judge.failed === 0 ? '' : ` · ${counted(judge.failed, 'answer')} without a score`;
  const price = judge.unpriced > 0 ? 'UNPRICED' : `$${judge.costUsd.toFixed(4)}`;
  return `${counted(judge.asked, 'answer')} judged by ${judge.model}, ${count(judge.found)} kept from earlier runs · ${price}${failed}\n`;
}

function modelTable({ models, floor }: EvalReport): string {
  const right = (head: string): Column => ({ head, align: 'right' });
  const columns = ['n', 'quality', `${percent(floor.level, 0)} interval`, 'macro-F1', '$ / 1,000', 'p50 ms', 'p95 ms', 'invalid', 'errors'];
  return renderTable([{ head: 'model' }, ...columns.map(right)], models.map(modelRow));
}

function modelRow(model: ModelReport): readonly string[] {
  return [
    model.role === 'ceiling' ? `${model.model} (ceiling)` : model.model,
    count(model.n),
    percent(model.quality),
    model.interval ? `${percent(model.interval.low)} – ${percent(model.interval.high)}` : '–',
    model.macroF1 === null ? '–' : model.macroF1.toFixed(3),
    model.costPer1000Usd === null ? 'UNPRICED' : money(model.costPer1000Usd),
    milliseconds(model.latencyMs?.p50),
    milliseconds(model.latencyMs?.p95),
    count(model.invalid),
    count(model.errors),
  ];
}

function comparisonTable({ comparisons, ceiling, floor }: EvalReport): string {
  const right = (head: string): Column => ({ head, align: 'right' });
  const columns = ['keeps', 'difference', `${percent(floor.level, 0)} interval`, 'lost', 'gained', 'McNemar p'];
  return renderTable(
    [{ head: `beside ${ceiling}` }, ...columns.map(right), { head: 'verdict' }],
    comparisons.map((row) => [
      row.candidate,
      percent(row.retained),
      points(row.difference),
      row.interval ? `${points(row.interval.low)} to ${points(row.interval.high)}` : '–',
      count(row.lost),
      count(row.gained),
      row.mcnemarP === null ? '–' : row.mcnemarP.toPrecision(2),
      row.verdict,
    ]),
  );
}

function verdictLine({ candidate, verdict, because }: Comparison): string {
  return `${verdict}: ${candidate} ${because}.`;
}

function disagreements({ comparisons, ceiling }: EvalReport): string {
  if (comparisons.length > FEW_CANDIDATES) return '';
  return comparisons
    .filter((row) => row.disagreements.length > 0)
    .map((row) => {
      const lines = row.disagreements.slice(0, SHOWN).map(({ id, expected, candidate, ceiling: better }) => {
        const gold = expected === null ? '' : `, expected ${typeof expected === 'string' ? expected : JSON.stringify(expected)}`;
        return `  item ${id}: ${clip(candidate)} against ${clip(better)}${clip(gold)}`;
      });
      return `Where ${row.candidate} loses to ${ceiling}, for example:\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function money(usd: number): string {
  return usd === 0 ? '0' : usd >= 1 ? usd.toFixed(2) : usd.toPrecision(3);
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  return value < 10 ? value.toPrecision(2) : count(Math.round(value));
}

function points(value: number | null): string {
  return value === null ? '–' : `${value > 0 ? '+' : ''}${(value * 100).toFixed(1)}`;
}
