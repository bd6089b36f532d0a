import { type ReviewCurves, type ReviewQuestion, reviewCurves, type TaskReview } from '../../life/index.ts';
import { percent } from '../table.ts';
import { dollars, type ReviewedTask } from './review-report.ts';
import type { ReviewDocument } from './review-schema.ts';
import { escapeMarkup, reliabilityDiagram, riskCoverageCurve } from './review-svg.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h2{margin:2rem 0 .2rem;border-top:1px solid #ccc;padding-top:1rem}table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top}th{white-space:nowrap}
.charts{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:.5rem 0;max-width:20rem}figcaption{font-size:13px;color:#555}pre{overflow-x:auto;background:#f5f5f5;padding:.8rem;font-size:12px}
.void,.tightened{color:#a40000}.new,.renewed,.loosened,.in-force{color:#00602b}
@media print{body{margin:0;max-width:none}section{break-inside:avoid}pre{white-space:pre-wrap}}`;

/** A review as one HTML file: no script, no other file, curves as inline SVG. */
export function reviewPage(document: ReviewDocument, reviews: readonly TaskReview[], questions: readonly ReviewQuestion[]): string {
  const sections = document.tasks.map((task, i) => {
    const certificate = reviews[i]?.after ?? reviews[i]?.before ?? null;
    const pairs = questions[i]?.pairs ?? [];
    return sectionOf(task, certificate === null ? null : reviewCurves(pairs, certificate));
  });
  const diff = document.diff === '' ? '<p>Nothing changes in smallfirst.lock.</p>' : `<pre>${escapeMarkup(document.diff)}</pre>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>smallfirst review, ${document.at.slice(0, 10)}</title><style>${STYLE}</style></head>
<body><h1>Review of ${document.at.slice(0, 10)}</h1>
<p>${document.needsPerson ? 'Something needs a person.' : 'Nothing needs a person.'}</p>
${sections.join('\n')}
<section><h2>${document.written ? 'Written to' : 'Proposed for'} smallfirst.lock</h2>${diff}</section>
</body></html>
`;
}

function sectionOf(task: ReviewedTask, curves: ReviewCurves | null): string {
  const rows = factsOf(task).map(([head, text]) => `<tr><th>${escapeMarkup(head)}</th><td>${escapeMarkup(text)}</td></tr>`);
  const lines = [
    ...task.incidents.map(({ at, kind, reason }) => `${at.slice(0, 10)} ${kind}: ${reason}`),
    ...task.prices.map(({ model, before, after }) => `The price of ${model} was ${before} and is ${after ?? 'unknown'}.`),
    ...task.pins.map(({ message }) => message),
  ];
  const list = lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${escapeMarkup(line)}</li>`).join('')}</ul>`;
  return `<section><h2>${escapeMarkup(task.task)}: <span class="${task.verdict}">${task.verdict}</span></h2>
<p>${escapeMarkup(task.reason)}</p><table>${rows.join('')}</table>${list}${chartsOf(curves)}</section>`;
}

function factsOf({ mode, look, before, after, live, monthly, evidence }: ReviewedTask): readonly (readonly [string, string])[] {
  const facts: [string, string][] = [['mode', mode ?? 'not in the config']];
  if (look !== null) facts.push(['look', `${look.k}, at ${look.n} pairs, spending ${look.delta.toPrecision(3)}`]);
  for (const [head, certificate] of [
    ['in the lock file', before],
    ['reviewed', after],
  ] as const) {
    if (certificate === null) continue;
    const { small, accepted, retained, retainedLowerBound, threshold, expires } = certificate;
    const from = threshold === null ? '' : ` from confidence ${threshold.toPrecision(4)} on`;
    facts.push([
      head,
      `${small} keeps ${percent(accepted)}${from}; ${percent(retained)} retained, at least ${percent(retainedLowerBound)}; until ${expires.slice(0, 10)}`,
    ]);
  }
  if (live !== null) {
    facts.push([
      'in traffic',
      `${percent(live.retained)} [${percent(live.low)}, ${percent(live.high)}] by ${live.rows} rows, ${live.audits} audits`,
    ]);
  }
  if (monthly !== null) {
    const { requests, beforeUsd, afterUsd, ceilingUsd } = monthly;
    facts.push([
      'a month',
      `${requests} requests: ${dollars(beforeUsd)} before, ${dollars(afterUsd)} after, ${dollars(ceilingUsd)} by the ceiling alone`,
    ]);
  }
  for (const { small, n, size, missing } of evidence)
    facts.push([`evidence for ${small}`, `${n} pairs of ${size}; ${missing} more to come`]);
  return facts;
}

function chartsOf(curves: ReviewCurves | null): string {
  if (curves === null) return '<p>No uniform pair has a confidence: no curve can be drawn.</p>';
  const { n, ece, auroc } = curves.reliability;
  const figures = `${n} uniform pairs; expected calibration error ${ece?.toFixed(3) ?? '–'}, AUROC ${auroc?.toFixed(3) ?? '–'}`;
  return `<div class="charts"><figure>${reliabilityDiagram(curves)}<figcaption>Reliability: quality by confidence, with 95 % intervals. ${figures}.</figcaption></figure>
<figure>${riskCoverageCurve(curves)}<figcaption>Risk–coverage: mean loss among what would be accepted.</figcaption></figure></div>`;
}
