import { resolve } from 'node:path';
import { loadConfig, suggestion } from '../../config/index.ts';
import { formatUsd, nanoUsd, SmallfirstError, toUsd } from '../../core/index.ts';
import {
  asScoredBy,
  chooseJudge,
  type JudgeStanding,
  judgeStanding,
  labelsOf,
  type PositionBias,
  positionBias,
  preferenceAgreement,
} from '../../judge/index.ts';
import type { Kappa } from '../../metrics/index.ts';
import { providers } from '../../providers/index.ts';
import { openStoreToRead } from '../../store-location.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { count, counted, renderTable } from '../table.ts';
import { comparePairs } from './judge-pairwise.ts';

export interface JudgeReportOptions {
  readonly config: string;
  readonly data: string;
  readonly task: string;
  /** Scores from here on pass, for κ. */
  readonly cut: number;
  readonly seed: number;
  /** Have so many pairs compared, which costs calls. */
  readonly pairwise?: number;
  /** US dollars that comparing may cost. */
  readonly maxCost: number;
  readonly json: boolean;
}

/** What `--json` prints. */
export interface JudgeDocument extends JudgeStanding {
  readonly task: string;
  readonly judge: string;
  /** What speaks against the judge; null where nothing is known to. */
  readonly warning: string | null;
  readonly pairwise: PairwiseReport | null;
}

interface PairwiseReport extends PositionBias {
  /** Mean preference for the small model's answer; ties, and verdicts that turn with the order, count half. */
  readonly smallWins: number | null;
  readonly failed: number;
  readonly parseFailures: number;
  readonly costUsd: number;
  readonly stopped: 'aborted' | 'max-cost' | null;
  /** Between people's preferences and the judge's, on the pairs that both have. */
  readonly preference: Kappa | null;
}

/** `smallfirst judge report`: what a task's judge gave each model, how far it agrees with people, and how far with itself. */
export async function runJudgeReport(options: JudgeReportOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const task = config.tasks.get(options.task);
  if (task === undefined) {
    throw new SmallfirstError(
      'TASK_NOT_FOUND',
      `${config.file} has no task "${options.task}".${suggestion(options.task, [...config.tasks.keys()])}`,
    );
  }
  const { model, warning } = chooseJudge(task, config.models);
  const data = resolve(io.cwd, options.data);
  const { pairwise: pairs, seed, cut } = options;
  const compared =
    pairs === undefined ? null : await comparePairs(config, task, { pairs, seed, data, maxCost: nanoUsd(options.maxCost) }, io);
  const store = await openStoreToRead(data, config.store);
  try {
    const labels = await labelsOf(store);
    const standing = judgeStanding(await store.pairs.list({ task: task.name }), labels, model.name, { cut });
    const document: JudgeDocument = { task: task.name, judge: model.name, warning, ...standing, pairwise: null };
    if (compared === null) show(document, options, io);
    else {
      const { judged, failed, parseFailures, spent, stopped } = compared;
      const preferences = judged.flatMap(({ judgement }) => judgement.preference ?? []);
      const smallWins = preferences.length === 0 ? null : preferences.reduce((sum, value) => sum + value, 0) / preferences.length;
      const bias = positionBias(judged.map(({ judgement }) => judgement));
      const preference = preferenceAgreement(judged, labels);
      show(
        { ...document, pairwise: { ...bias, smallWins, failed, parseFailures, costUsd: toUsd(spent), stopped, preference } },
        options,
        io,
      );
    }
    return 0;
  } finally {
    await store.close();
  }
}

function show(document: JudgeDocument, { json }: JudgeReportOptions, io: CommandIo): void {
  if (json) io.json(document);
  else io.out(judgeText(document));
}

function judgeText(document: JudgeDocument): string {
  const { task, judge, agreement, warning, models, chosen, pairwise } = document;
  const parts = [`${task}: ${asScoredBy(judge, agreement)}\n`];
  if (warning !== null) parts.push(`Note: ${warning}\n`);
  if (models.length === 0) parts.push(`No uniformly drawn pair of ${task} was scored by ${judge} yet.\n`);
  else parts.push(modelTable(document));
  if (agreement !== null) {
    const { counts, cut, graded, bias } = agreement;
    const { bothPass, onlyHuman, onlyJudge, bothFail } = counts;
    parts.push(
      `At the cut ${cut}: both pass ${count(bothPass)} · only people ${count(onlyHuman)} · only the judge ${count(onlyJudge)} · both fail ${count(bothFail)}`,
      `Scores: weighted κ ${number(graded.kappa)}${between(graded.interval)} · the judge is ${Math.abs(bias).toFixed(3)} too ${bias < 0 ? 'strict' : 'kind'}\n`,
    );
  }
  if (chosen > 0) parts.push(`Note: ${count(chosen)} labelled answers were chosen by what they hold, and are left out.\n`);
  if (pairwise !== null) parts.push(pairwiseText(pairwise));
  return parts.join('\n');
}

function modelTable({ models }: JudgeDocument): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  return renderTable(
    [{ head: 'model' }, right('n'), right('score'), right('95 % interval'), right('corrected by labels')],
    models.map(({ model, n, mean, interval, corrected }) => [
      model,
      count(n),
      mean.toFixed(3),
      `${interval.low.toFixed(3)} – ${interval.high.toFixed(3)}`,
      corrected === null ? '–' : `${corrected.estimate.toFixed(3)}${between(corrected.interval)}`,
    ]),
  );
}

function pairwiseText({ pairs, identical, consistent, first, smallWins, failed, costUsd, stopped, preference }: PairwiseReport): string {
  const lines = [
    `Compared in both orders: ${counted(pairs, 'pair')}, ${count(identical)} identical ones without a call${failed === 0 ? '' : `, ${count(failed)} without a verdict`}`,
    `  both orders agree  ${count(consistent)} of ${count(pairs)}`,
    `  position bias      what is shown first wins ${number(first.share)} of decided verdicts${between(first.interval)}; .5 is none`,
    `  small model wins   ${number(smallWins)} (ties count half; a win rate certifies nothing)`,
    ...(preference === null ? [] : [`  κ of preferences   ${number(preference.kappa)} on ${count(preference.n)} labelled pairs`]),
    `  cost               ${formatUsd(nanoUsd(costUsd))}${stopped === null ? '' : `, stopped: ${stopped === 'aborted' ? 'interrupted' : 'the cap was reached'}`}`,
  ];
  return `${lines.join('\n')}\n`;
}

function number(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function between(interval: { readonly low: number; readonly high: number } | null): string {
  return interval === null ? '' : ` (${interval.low.toFixed(2)} to ${interval.high.toFixed(2)})`;
}
