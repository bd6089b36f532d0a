import { aurc, ece } from '../../src/confidence/index.ts';
import type { Json } from '../../src/core/index.ts';
import { mcnemarExact, pairedBootstrap, wilson } from '../../src/statistics/index.ts';
import { cascadeFigures } from './cascade.ts';
import { complaints, furtherComplaints, heldOutAnswers } from './complaint-rows.ts';
import { mean, median, SEED } from './data.ts';
import { RUN_COST_USD } from './published.ts';

const FOLDS = 10;

/** The student alone beside 14 recorded models, and in front of each of them. */
export function complaintFigures(data: string): Json {
  const rows = complaints(data);
  const further = furtherComplaints(data);
  const said = heldOutAnswers(rows, FOLDS);
  const right = rows.map(({ label }, i) => (said[i]!.label === label ? 1 : 0));
  const more = heldOutAnswers([...rows, ...further], FOLDS).slice(0, rows.length);
  const rightWithMore = rows.map(({ label }, i) => (more[i]!.label === label ? 1 : 0));
  const confidences = said.map(({ confidence }) => confidence);
  const student = {
    folds: FOLDS,
    rows: rows.length,
    ...share(right),
    ece: ece(confidences, right),
    aurc: aurc(confidences, right),
    withFurtherRows: { rows: further.length, ...share(rightWithMore) },
  };
  const models = Object.keys(rows[0]!.llm_pred).map((model) => {
    const own = rows.map(({ label, llm_pred }) => (llm_pred[model] === label ? 1 : 0));
    const onlyStudent = own.filter((value, i) => value < right[i]!).length;
    const onlyModel = own.filter((value, i) => value > right[i]!).length;
    const { low, high } = pairedBootstrap(rows.length, (at) => mean([...at].map((i) => right[i]! - own[i]!)), {
      resamples: 1000,
      level: 0.95,
      seed: SEED,
    });
    return {
      model,
      ...share(own),
      usdPer1000: RUN_COST_USD[model] ?? null,
      medianLatencySeconds: median(rows.map((row) => row.llm_latency_s[model]!)),
      studentLess: mean(right) - mean(own),
      studentLess95: { low, high },
      mcnemarP: mcnemarExact(onlyModel, onlyStudent),
    };
  });
  models.sort((a, b) => b.accuracy - a.accuracy);
  const cascade = cascadeFigures(rows, further);
  const percent = (value: number) => (value * 100).toFixed(1);
  return {
    student,
    models,
    cascade,
    table: [
      `student alone, ${FOLDS} folds of ${rows.length}: accuracy ${percent(student.accuracy)} [${percent(student.accuracy95.low)}, ${percent(student.accuracy95.high)}], ECE ${Number(student.ece).toFixed(3)}; with ${further.length} further rows to learn from ${percent(student.withFurtherRows.accuracy)}`,
      ...models.map(
        (m) =>
          `${percent(m.accuracy)}  ${m.model.padEnd(22)} ${m.usdPer1000 === null ? '       ' : `$${m.usdPer1000.toFixed(2).padStart(6)}`} per 1,000 · ${m.medianLatencySeconds.toFixed(1)} s · student less model ${percent(m.studentLess)} [${percent(m.studentLess95.low)}, ${percent(m.studentLess95.high)}]`,
      ),
      ...cascade.table,
    ],
  };
}

function share(outcomes: readonly number[]) {
  const right = outcomes.reduce((sum, value) => sum + value, 0);
  const { low, high } = wilson(right, outcomes.length, 0.95);
  return { accuracy: right / outcomes.length, accuracy95: { low, high } };
}
