import { certify } from '../../src/certify/index.ts';
import { ece } from '../../src/confidence/index.ts';
import type { Json, Pair } from '../../src/core/index.ts';
import { seededRandom, wilson } from '../../src/statistics/index.ts';
import { type Answer, type Complaint, complaints, heldOutAnswers, studentOf } from './complaint-rows.ts';
import { mean, SEED } from './data.ts';

const FOLDS = 10;
const LEVEL = 0.95;
/** Shares of the teacher's answers to keep. */
const FLOORS = [0.98, 0.95, 0.9] as const;

/**
 * Students that never see a human label: trained on a recorded model's answers and certified by agreement with it. Gold labels only score, beside:
 * they say what such a student loses, and that agreement is another number than being right.
 */
export function distillationFigures(data: string): Json {
  const rows = complaints(data);
  const gold = rows.map(({ label }) => label);
  const byGold = accuracyOf(heldOutAnswers(rows, FOLDS), gold);
  const parts = partsOf(rows);
  const teachers = Object.keys(rows[0]!.llm_pred).map((teacher) => {
    const taught = rows.map(({ text, llm_pred }) => ({ text, label: llm_pred[teacher]! }));
    const answers = taught.map(({ label }) => label);
    const said = heldOutAnswers(taught, FOLDS);
    const confidences = said.map(({ confidence }) => confidence);
    return {
      teacher,
      teacherAccuracy: accuracyOf(
        answers.map((label) => ({ label, confidence: 1 })),
        gold,
      ),
      accuracy: accuracyOf(said, gold),
      agreement: accuracyOf(said, answers),
      lostAgainstGoldLabels: byGold.share - accuracyOf(said, gold).share,
      eceAgainstTeacher: ece(confidences, outcomes(said, answers)),
      eceAgainstGold: ece(confidences, outcomes(said, gold)),
      certified: certifiedByAgreement(parts, teacher),
    };
  });
  teachers.sort((a, b) => b.teacherAccuracy.share - a.teacherAccuracy.share);
  const percent = (value: number) => (value * 100).toFixed(1);
  return {
    folds: FOLDS,
    rows: rows.length,
    trainedOnGold: byGold,
    split: 'FIT a half, CERTIFY and REPORT a quarter each',
    level: LEVEL,
    teachers,
    table: [
      `trained on gold labels, ${FOLDS} folds: right ${percent(byGold.share)} %`,
      ...teachers.map(
        (t) =>
          `${t.teacher.padEnd(22)} right ${percent(t.teacherAccuracy.share)} · student of its answers: agrees ${percent(t.agreement.share)}, right ${percent(t.accuracy.share)} (lost against gold labels ${percent(t.lostAgainstGoldLabels)}) · ECE ${Number(t.eceAgainstTeacher).toFixed(3)} to it, ${Number(t.eceAgainstGold).toFixed(3)} to gold · ${t.certified.map((c) => `floor ${c.floor}: keeps ${percent(c.kept)} %, agrees ${percent(c.agreement)}`).join('; ')}`,
      ),
    ],
  };
}

interface Parts {
  readonly fit: readonly Complaint[];
  readonly certify: readonly Complaint[];
  readonly report: readonly Complaint[];
}

function partsOf(rows: readonly Complaint[]): Parts {
  const shuffled = seededRandom(SEED).shuffle([...rows]);
  const half = shuffled.length / 2;
  return { fit: shuffled.slice(0, half), certify: shuffled.slice(half, half * 1.5), report: shuffled.slice(half * 1.5) };
}

/** The teacher is the measure: what differs from its answer counts as wrong. On REPORT also by gold. */
function certifiedByAgreement({ fit, certify: pairsOf, report }: Parts, teacher: string) {
  const student = studentOf(fit.map(({ text, llm_pred }) => ({ text, label: llm_pred[teacher]! })));
  const pairs = pairsOf.map(({ id, text, llm_pred }): Pair => {
    const { label, confidence } = student.answer(text);
    return { id, small: { quality: label === llm_pred[teacher] ? 1 : 0, confidence }, big: { quality: 1 } };
  });
  const answered = report.map((row) => ({ row, said: student.answer(row.text), taught: row.llm_pred[teacher]! }));
  return FLOORS.map((floor) => {
    const { verdict, threshold, retainedLowerBound } = certify(pairs, { floor, level: LEVEL, method: 'score' });
    const from = verdict === 'frontier' ? Number.POSITIVE_INFINITY : (threshold ?? 0);
    const policy = answered.map(({ row, said, taught }) => ({
      gold: row.label,
      taught,
      kept: said.confidence >= from,
      label: said.confidence >= from ? said.label : taught,
    }));
    return {
      floor,
      verdict,
      lowerBound: retainedLowerBound,
      kept: mean(policy.map(({ kept }) => (kept ? 1 : 0))),
      agreement: mean(policy.map(({ label, taught }) => (label === taught ? 1 : 0))),
      right: mean(policy.map(({ label, gold }) => (label === gold ? 1 : 0))),
      teacherRight: mean(policy.map(({ taught, gold }) => (taught === gold ? 1 : 0))),
    };
  });
}

function outcomes(said: readonly Answer[], wanted: readonly string[]): number[] {
  return said.map(({ label }, i) => (label === wanted[i] ? 1 : 0));
}

function accuracyOf(said: readonly Answer[], wanted: readonly string[]) {
  const right = outcomes(said, wanted).reduce((sum, value) => sum + value, 0);
  const { low, high } = wilson(right, wanted.length, 0.95);
  return { share: right / wanted.length, low, high };
}
