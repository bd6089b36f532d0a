import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBill } from '../../src/cli/commands/bill.ts';
import type { Call } from '../../src/core/index.ts';
import type { TaskEvent } from '../../src/store/index.ts';
import { type Answered, openWholeLife, priceOf, type Reviewed, type WholeLife } from '../support/whole-life.ts';
import { hasRecordedQuestions, type RecordedQuestion, recordedQuestions } from '../support/whole-life-questions.ts';

const QUESTIONS = 5_000;
const OBSERVED = 256;
/** Enough that the calibrator is isotonic, whose highest confidence lies above every safer threshold. */
const SHADOWED = 1_900;
/** Enough that more than 500 pairs of after the alarm certify. */
const REPAIRED = 1_200;
const HEALTHY = { isBroken: false, served: 'qwen-14b-2023-11' };

/** How often a small model answered and for what reason. */
function tally(answers: readonly Answered[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { mode, model, decision } of answers) {
    const name = `${mode} ${model} ${decision}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const kindsOf = (events: readonly TaskEvent[]): readonly string[] => events.map(({ kind, certificate }) => `${kind} ${certificate}`);

/** Whether a client got what the model that is named to it had answered. */
function expectFaithful(answers: readonly Answered[]): void {
  const expected = answers.map(({ question, model }) => (model === 'small' ? question.small : question.big));
  expect(answers.map(({ text }) => text)).toEqual(expected);
}

/** Approves of a proposal by a review, and lets its canary go through its stages. */
async function goLive(life: WholeLife, proposal: TaskEvent): Promise<Reviewed> {
  const id = proposal.certificate;
  const review = await life.review({ write: true });
  expect(review).toMatchObject({ exit: 0, written: true, diff: expect.stringContaining(`\n+  - id: ${id}\n`), task: { after: { id } } });
  const staged = await life.askUntil(32, ({ live }) => live === null || live.standing !== 'certified' || live.exposure === 1);
  const shown = await life.shown();
  expect(shown).toMatchObject({ certificate: { id }, live: { standing: 'certified', exposure: 1, voided: null } });
  const kinds = tally(staged);
  expect(Object.keys(kinds).sort()).toEqual(['live frontier ceiling', 'live frontier outside-canary', 'live small certified']);
  // A quarter is exposed, and some of that escalates.
  expect(kinds['live frontier outside-canary']).toBeGreaterThan(staged.length / 2);
  expectFaithful(staged);
  return review;
}

/** Full exposure: answered by the small model where it is sure, by the ceiling where not. */
async function expectRouted(life: WholeLife, count: number): Promise<void> {
  const routed = await life.ask(count);
  expect(Object.keys(tally(routed)).sort()).toEqual(['live frontier ceiling', 'live small certified']);
  expect(tally(routed)['live small certified']).toBeGreaterThan(0.6 * count);
  expectFaithful(routed);
}

async function expectProposal(life: WholeLife, before: readonly TaskEvent[]): Promise<TaskEvent> {
  const proposals = await life.look();
  expect(proposals).toHaveLength(before.length + 1);
  const proposal = proposals.at(-1);
  if (proposal === undefined) throw new Error('nothing is proposed');
  expect(proposal.reason).toMatch(/^small may keep \d\d\.\d % of the answers in place of frontier/);
  return proposal;
}

/** The quality drops, silently: same version, sure of itself, wrong. */
async function expectAlarm(life: WholeLife): Promise<void> {
  life.setSmall({ ...HEALTHY, isBroken: true });
  const harmed = await life.askUntil(1, ({ live }) => live?.standing !== 'certified');
  expect(tally(harmed)).toEqual({ 'live small certified': harmed.length });
  expect(harmed.length).toBeLessThan(30);
  expect((await life.shown()).live).toMatchObject({ standing: 'ceiling', exposure: 0, voided: null });
  const after = await life.ask(64);
  expect(tally(after)).toEqual({ 'live frontier fallen-back': 64 });
  expectFaithful(after);
  expect((await life.newestEvent('alarm')).reason).toContain('no longer keep 95 %');
  // Too few pairs of after the alarm to certify on: the review asks for a person, and proposes to take the certificate out.
  const review = await life.review({ write: false });
  expect(review).toMatchObject({ exit: 1, written: false, task: { verdict: 'void', after: null, needsPerson: true } });
  expect(review.task.reason).toContain('no longer keep 95 %');
  expect(review.task.live?.low).toBeLessThan(0.95);
}

/** What everything must have cost, from the questions alone: the ceiling was asked each of them, the small model all but the observed ones. */
function expectedCost(questions: readonly RecordedQuestion[]): number {
  return questions.reduce((sum, question, i) => sum + priceOf('frontier', question) + (i < OBSERVED ? 0 : priceOf('small', question)), 0);
}

async function expectExactBill(life: WholeLife, rows: readonly Call[], questions: readonly RecordedQuestion[]): Promise<void> {
  const hour = 3_600_000;
  const times = rows.map(({ at }) => at);
  const from = Math.floor(Math.min(...times) / hour) * hour;
  const to = (Math.floor(Math.max(...times) / hour) + 1) * hour;
  const bill = await life.read((store) => readBill(store, { from, to }, ['purpose']));
  const costOf = (some: readonly Call[]): number => some.reduce((sum, { cost }) => sum + (cost ?? Number.NaN), 0);
  expect(bill).toMatchObject({ calls: QUESTIONS, attempts: rows.length, unpricedCalls: 0, costNanoUsd: costOf(rows) });
  expect(bill.costNanoUsd).toBe(expectedCost(questions));
  const purposes = ['answer', 'audit', 'escalation', 'shadow'] as const;
  expect(bill.rows.map(({ purpose, attempts, costNanoUsd }) => [purpose, attempts, costNanoUsd])).toEqual(
    purposes.map((purpose) => {
      const own = rows.filter((row) => row.purpose === purpose);
      return [purpose, own.length, costOf(own)];
    }),
  );
}

function expectOneClosingRow(rows: readonly Call[], answers: readonly Answered[]): void {
  const isForClient = ({ purpose }: Call): boolean => purpose === 'answer' || purpose === 'escalation';
  const closing = rows.filter((row) => isForClient(row) && row.outcome === 'accepted');
  const told = answers.map(({ requestId, model }) => `${requestId} ${model}`);
  expect(closing.map(({ requestId, model }) => `${requestId} ${model}`).sort()).toEqual(told.sort());
  expect(rows.filter(({ outcome }) => outcome === 'failed' || outcome === 'aborted')).toEqual([]);
}

// The data set is not part of this repository: without it beside the checkout there are no recorded answers to replay.
describe.skipIf(!hasRecordedQuestions)('the whole life of a task over 5,000 recorded questions', () => {
  const questions = hasRecordedQuestions ? recordedQuestions(QUESTIONS) : [];
  let life: WholeLife;
  beforeEach(async () => {
    life = await openWholeLife(questions);
    life.setSmall(HEALTHY);
  });
  afterEach(() => life.remove());

  it('goes from observing to shadow, certified and live, falls back when quality drops, and is certified again', {
    timeout: 180_000,
  }, async () => {
    await life.serve('observe');
    const observed = await life.ask(OBSERVED);
    expect(tally(observed)).toEqual({ 'observe frontier null': OBSERVED });
    expect(await life.shown()).toMatchObject({ mode: 'observe', certificate: null, live: null, events: [] });

    await life.serve('shadow');
    const shadowed = await life.ask(SHADOWED);
    expect(tally(shadowed)).toEqual({ 'shadow frontier null': SHADOWED });
    expect((await life.shown()).shadow).toMatchObject({ pairs: SHADOWED });
    expectFaithful([...observed, ...shadowed]);
    const first = await expectProposal(life, []);

    await life.serve('live');
    expect(tally(await life.ask(32))).toEqual({ 'live frontier null': 32 });
    const entered = await goLive(life, first);
    expect(entered.task).toMatchObject({ verdict: 'new', before: null, look: { k: 1 } });
    await expectRouted(life, 256);
    await expectAlarm(life);

    life.setSmall({ isBroken: false, served: 'qwen-14b-2024-02' });
    const repaired = await life.ask(REPAIRED);
    expect(new Set(repaired.map(({ model }) => model))).toEqual(new Set(['frontier']));
    expectFaithful(repaired);
    const second = await expectProposal(life, [first]);
    const renewed = await goLive(life, second);
    expect(renewed.task).toMatchObject({ before: { id: first.certificate }, look: { k: 1 } });
    expect(renewed.task.verdict).toMatch(/^(renewed|loosened|tightened)$/);
    expect(renewed.task.reason).toContain('The one in the lock file is void: What it pins has changed: small.served');
    expect(life.left).toBeGreaterThan(300);
    await expectRouted(life, life.left);
    const shown = await life.shown();
    expect(shown).toMatchObject({ certificate: { id: second.certificate }, live: { standing: 'certified', exposure: 1, voided: null } });
    expect(shown.live?.estimate?.high).toBeGreaterThan(0.95);

    const { rows, pairs, looks, events } = await life.record();
    expect(kindsOf(events)).toEqual([
      ...['proposed', 'approved', 'stage', 'stage', 'stage', 'alarm', 'voided'].map((kind) => `${kind} ${first.certificate}`),
      ...['proposed', 'approved', 'stage', 'stage', 'stage'].map((kind) => `${kind} ${second.certificate}`),
    ]);
    expect(events[6]?.reason).toContain('small.served was "qwen-14b-2023-11" and is "qwen-14b-2024-02"');
    // Wholly new pairs begin at the first look's share of the error again.
    expect(looks.map(({ k, by, verdict, certificate }) => [k, by, verdict, certificate])).toEqual([
      [1, 'schedule', 'cascade', first.certificate],
      [1, 'schedule', 'cascade', second.certificate],
    ]);
    expect(looks[1]?.n).toBeLessThanOrEqual(REPAIRED);
    expect(pairs).toHaveLength(QUESTIONS - OBSERVED);
    expectOneClosingRow(rows, life.answers);
    await expectExactBill(life, rows, questions);
  });
});
