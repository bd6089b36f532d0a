import type { EvalStore } from '../../store/index.ts';
import { count, percent, renderTable } from '../table.ts';
import type { GoldenVerdict } from './pins-golden.ts';

/** Answers shown that got worse; `--json` has more. */
const SHOWN = 3;

/** What golden sets say about a model beside the trusted one, as people read it. */
export function renderVerdicts(
  verdicts: readonly GoldenVerdict[],
  { trusted, suspect }: { readonly trusted: string; readonly suspect: string },
): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = renderTable(
    [{ head: 'task' }, right('n'), right(trusted), right(suspect), right('lost'), right('gained'), right('McNemar p'), { head: 'verdict' }],
    verdicts.map((one) => [
      one.task,
      count(one.n),
      percent(one.trustedQuality),
      percent(one.quality),
      count(one.lost),
      count(one.gained),
      one.mcnemarP === null ? '–' : one.mcnemarP.toFixed(4),
      one.alarm === 'regression' ? 'REGRESSION' : one.stopped !== null ? `stopped (${one.stopped})` : 'no alarm',
    ]),
  );
  const lines = verdicts.flatMap((one) => [
    `${one.task}: ${one.verdict} – ${one.because}.`,
    ...(one.reference === 'ceiling'
      ? [`  The set has no right answers: ${suspect} is measured by how often it says what ${trusted} said.`]
      : []),
    ...one.disagreements
      .slice(0, SHOWN)
      .map(({ line, candidate, ceiling }) => `  line ${line}: ${trusted} "${ceiling}" · ${suspect} "${candidate}"`),
  ]);
  const spent = verdicts.reduce((sum, { spentUsd }) => sum + spentUsd, 0);
  return `${table}\n${lines.join('\n')}\n\nAn alarm for regressions, no certificate: only recorded traffic certifies. Spent $${spent.toFixed(4)}.\n`;
}

/** The model that answers of these runs say they come from, newest; null where none says it. */
export async function servedModelIn(
  cells: Pick<EvalStore, 'ofRun'>,
  verdicts: readonly GoldenVerdict[],
  model: string,
): Promise<string | null> {
  let served: string | null = null;
  for (const { run } of verdicts) {
    for (const cell of await cells.ofRun(run)) {
      const { detail } = cell;
      const isAnswer = cell.model === model && typeof detail === 'object' && detail !== null && !Array.isArray(detail);
      const said = isAnswer ? (detail as Readonly<Record<string, unknown>>).servedModel : null;
      if (typeof said === 'string') served = said;
    }
  }
  return served;
}
