import { resolve } from 'node:path';
import { loadTrainingSet, type StudentCurve, type StudentKind, studentCurve, writeAtomically } from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted, percent, renderTable } from '../table.ts';
import { curveSvg } from './student-curve-svg.ts';
import { PhaseBars } from './student-phases.ts';

/** Options of `student curve`. */
export interface StudentCurveOptions {
  readonly data: string;
  readonly kind?: StudentKind;
  readonly seed: number;
  readonly svg?: string;
  readonly json: boolean;
}

/** Measures quality by the number of rows, and says what more labels are worth. */
export async function runStudentCurve(options: StudentCurveOptions, io: CommandIo): Promise<ExitCode> {
  const set = await loadTrainingSet(resolve(io.cwd, options.data), options.kind ?? null);
  const bars = new PhaseBars(io);
  let curve: StudentCurve;
  try {
    curve = await studentCurve(set, {
      seed: options.seed,
      signal: io.signal,
      onProgress: (share) => bars.advance({ phase: 'learn', done: Math.round(share * 100), total: 100 }),
    });
  } finally {
    bars.end();
  }
  if (options.svg !== undefined) await writeAtomically(resolve(io.cwd, options.svg), curveSvg(curve));
  if (options.json) io.json(curve);
  else io.out(renderCurve(curve));
  return 0;
}

const BAR = 32;

/** The curve as a table with bars, and a sentence on what more labels are worth. */
function renderCurve({ points, gains, rows }: StudentCurve): string {
  const least = Math.min(...points.map(({ low }) => low));
  const most = Math.max(...points.map(({ high }) => high));
  const table = renderTable(
    [{ head: 'rows', align: 'right' }, { head: 'right', align: 'right' }, { head: '95 % interval' }, { head: '' }],
    points.map((point) => [
      String(point.rows),
      percent(point.accuracy),
      `${percent(point.low)} – ${percent(point.high)}`,
      '█'.repeat(Math.max(1, Math.round(((point.accuracy - least) / Math.max(1e-9, most - least)) * BAR))),
    ]),
  );
  return `${[table.trimEnd(), '', ...worth(rows, points, gains)].join('\n')}\n`;
}

function worth(rows: number, points: StudentCurve['points'], gains: StudentCurve['gains']): readonly string[] {
  if (gains.length > 0) {
    return gains.map(
      ({ more, gain, low, high }) =>
        `${more} more labels are worth about ${signed(gain)} points (90 % interval ${signed(low)} to ${signed(high)}), beside the ${rows} there are.`,
    );
  }
  const [before, last] = points.slice(-2);
  if (before === undefined || last === undefined) return ['Too few rows to say what more labels are worth.'];
  return [
    `The last ${counted(last.rows - before.rows, 'label was', 'labels were')} worth ${signed(last.accuracy - before.accuracy)} points; as many again will bring less.`,
  ];
}

function signed(share: number): string {
  const points = (share * 100).toFixed(1);
  return share >= 0 ? `+${points}` : points;
}
