import type { CertifyResult, GridPoint } from '../../certify/index.ts';
import { count, counted, percent, renderTable } from '../table.ts';

const METHOD_NAMES = { score: 'score test', evalue: 'betting e-value', 'clopper-pearson': 'Clopper-Pearson on harm' } as const;

/** The certificate as people read it: the verdict and what it rests on, what would help, and the risk at each threshold. */
export function renderCertificate(result: CertifyResult, signal: string | null): string {
  const lines = [
    headline(result),
    '',
    `  floor      keep ${percent(result.floor)} of the frontier's quality, ${percent(result.level, 0)} confidence`,
    `  evidence   ${evidence(result)}${signal === null ? '' : `, confidence by ${signal}`}`,
    `  retained   ${retained(result)}`,
    `  pairs      kept ${count(result.counts.kept)} · lost ${count(result.counts.lost)} · gained ${count(result.counts.gained)}`,
    `  savings    ${result.savings === null ? 'unknown: costUsd is not given on both sides of every row' : percent(result.savings)}`,
    `  error      ${error(result)}`,
    '',
    ...advice(result),
    ...result.notes.map((note) => `Note: ${note}`),
  ];
  return `${lines.join('\n').trimEnd()}\n\n${riskTable(result)}`;
}

function headline(result: CertifyResult): string {
  switch (result.verdict) {
    case 'swap':
      return 'SWAP: the small model may answer every request.';
    case 'cascade':
      return `CASCADE: accept the small answer from confidence ${result.threshold} on (${percent(result.accepted)} of requests), escalate the rest.`;
    case 'frontier':
      return `FRONTIER: the frontier keeps every request: ${reasonText(result)}.`;
  }
}

function reasonText(result: CertifyResult): string {
  switch (result.reason) {
    case 'floor-missed':
      return 'the small model is shown to miss the floor';
    case 'not-worth-it':
      return 'the floor is kept, but the policy costs no less';
    default:
      return 'not enough evidence that the floor is kept';
  }
}

function evidence(result: CertifyResult): string {
  const units =
    result.n === result.pairs
      ? `${counted(result.n, 'pair')}`
      : `${count(result.n)} ${result.n === 1 ? 'cluster' : 'clusters'} with ${counted(result.pairs, 'pair')}`;
  return `${units}, ${METHOD_NAMES[result.method]}`;
}

function retained(result: CertifyResult): string {
  if (result.retained === null) return 'unknown: the frontier got nothing right';
  const where = result.verdict === 'frontier' ? ' (at the last threshold examined)' : '';
  return `${percent(result.retained, 2)}, at least ${percent(result.retainedLowerBound, 2)}${where}`;
}

function error(result: CertifyResult): string {
  if (result.look !== null && result.requestedMethod !== 'evalue') return `δ = ${figure(result.delta)}, the share of look ${result.look}`;
  if (result.requestedMethod === 'evalue') return `δ = ${figure(result.delta)} over all looks together`;
  return `δ = ${figure(result.delta)}, spent on this one planned look`;
}

/** What to do when the frontier stays for want of evidence, and what looking again would cost. */
function advice(result: CertifyResult): string[] {
  if (result.reason !== 'not-enough-evidence') return [];
  if (result.pairsNeeded === null)
    return ['More pairs would not help at the observed rates: the safest policy does not keep the floor.', ''];
  const needed = `Needs about ${count(result.pairsNeeded)} more pairs (80 % chance to pass if the observed rates are the true ones).`;
  return [needed, lookText(result), ''];
}

function lookText(result: CertifyResult): string {
  if (result.requestedMethod === 'evalue') return 'With the e-value you may add pairs and look again as often as you like.';
  if (result.look !== null)
    return `Adding pairs and looking again is look ${result.look + 1}: run it with --look ${result.look + 1}, which spends half as much error.`;
  return (
    'This was the one planned look and its error is spent: testing a grown sample again would certify falsely far too often. Collect a fresh sample of that\n' +
    'size, declare looks from the first run (--look 1, 2, …), or use --method evalue, which may look at any time.'
  );
}

/** Rows of the grid that are worth reading: every one of a short grid, about twelve of a long one, and always where the walk ended. */
function riskTable(result: CertifyResult): string {
  const failed = result.grid.findIndex((point) => !(point.p <= result.delta));
  const step = Math.ceil(result.grid.length / 12);
  const shown = result.grid
    .map((point, i) => ({ point, i }))
    .filter(({ i }) => {
      return i % step === 0 || i === result.grid.length - 1 || i === failed || i === failed - 1;
    });
  const columns = [
    { head: 'threshold', align: 'right' },
    { head: 'accepted', align: 'right' },
    { head: 'retained', align: 'right' },
    { head: 'lost', align: 'right' },
    { head: 'gained', align: 'right' },
    { head: 'p', align: 'right' },
    { head: '' },
  ] as const;
  return renderTable(
    columns,
    shown.map(({ point, i }) => riskRow(point, passText(i, failed))),
  );
}

function passText(index: number, failed: number): string {
  if (failed < 0 || index < failed) return 'passed';
  return index === failed ? 'first to fail' : 'not reached';
}

function riskRow(point: GridPoint, outcome: string): string[] {
  const p = point.p < 1e-4 ? point.p.toExponential(1) : point.p.toFixed(4);
  return [
    String(Number(point.threshold.toPrecision(6))),
    percent(point.accepted),
    percent(point.retained, 2),
    count(point.lost),
    count(point.gained),
    p,
    outcome,
  ];
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
