import { inputTotal, toUsd } from '../../core/index.ts';
import type { MoveOption, TaskFacts } from '../recommend/index.ts';
import { barChart, escapeMarkup, rangeChart } from './svg.ts';
import type { Audit, AuditDocument, TaskDetail } from './types.ts';

const STYLE = `@page{size:A4;margin:14mm}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h1{margin:0}h2{margin:2.2rem 0 .3rem;border-top:1px solid #ccc;padding-top:1rem}h3{margin:1.4rem 0 .2rem}a{color:#1f4e8c}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}th{font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tbody tr{border-top:1px solid #eee}.facts th{font-weight:400;color:#555}
.key{display:flex;flex-wrap:wrap;gap:1rem;margin:1.2rem 0}.key div{border:1px solid #ddd;border-radius:6px;padding:.6rem 1rem;min-width:11rem}.key b{display:block;font-size:1.5rem}
.tested{color:#00602b}.untested{color:#8a5200}.small{font-size:13px;color:#555}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f5;padding:.8rem;font-size:12px}svg{width:100%;height:auto}
@media print{body{margin:0;max-width:none;font-size:11px}section{break-inside:avoid}h2{break-after:avoid}a{color:inherit;text-decoration:none}}`;
const CHARTED = 20;

/** An audit as one HTML file: no script, no other file, no network; charts are inline SVG, and every figure leads to its formula or its rows. */
export function auditPage({ document, details }: Audit, madeAt: Date): string {
  const shown = details.slice(0, CHARTED);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>LLM spend audit, ${madeAt.toISOString().slice(0, 10)}</title><style>${STYLE}</style></head><body>
${headOf(document, madeAt)}
<section><h2>Spend by task</h2>
${barChart('Spend by task in dollars', [...shown.map(({ task }) => ({ label: task.name, link: `task-${task.id}`, value: task.spendUsd, note: `${usd(task.spendUsd)} · ${percent(task.share)}` })), ...unassignedBar(document)])}
<p class="small">Every call that was kept is counted, so these sums have no sampling error. Prices: the list's own, in force on the day of each call.</p></section>
<section><h2>What could be saved</h2>${rangesOf(shown)}
<p class="small">Filled: <span class="tested">tested</span>, the log itself shows that quality holds; the range is its 95 % interval. Hollow: <span class="untested">untested</span>, a projection between the cautious and the bold reading of an <a href="#assumptions">assumption</a>. The two are never added up. Dollars are of the calls in the log.</p></section>
${tasksTable(details)}
${details.map(taskSection).join('\n')}
${assumptionsOf(details)}
${rowsOf(document)}
</body></html>
`;
}

function headOf({ totals, savings, rows }: AuditDocument, madeAt: Date): string {
  const span =
    totals.from === null ? 'no times in the log' : `${totals.from.slice(0, 10)} to ${(totals.to ?? totals.from).slice(0, 10)} (UTC)`;
  const box = (link: string, figure: string, text: string, style = '') =>
    `<div><a href="#${link}"><b class="${style}">${figure}</b></a>${text}</div>`;
  return `<header><h1>LLM spend audit</h1><p>${span}; made on ${madeAt.toISOString().slice(0, 10)} by <code>smallfirst audit</code>.</p>
<div class="key">${box('tasks', usd(totals.spendUsd), `spent in ${count(totals.calls)} calls`)}
${box('tasks', range(savings.tested), 'could be saved, tested', 'tested')}
${box('tasks', range(savings.untested), 'could be saved, untested', 'untested')}
${box('rows', percent(totals.unassignedShare), `of spend without a task (${count(totals.unassignedCalls)} calls)`)}
${box('rows', count(totals.unpricedCalls), `unpriced calls; ${count(rows.kept)} of ${count(rows.read)} rows kept`)}</div></header>`;
}

function unassignedBar({ totals }: AuditDocument) {
  if (totals.unassignedCalls === 0) return [];
  const value = totals.unassignedShare * totals.spendUsd;
  return [{ label: '(no task found)', link: 'rows', value, note: `${usd(value)} · ${percent(totals.unassignedShare)}` }];
}

function rangesOf(details: readonly TaskDetail[]): string {
  const moving = details.filter(({ best }) => best.move !== 'keep');
  if (moving.length === 0) return '<p>No move fits any task of this log.</p>';
  return rangeChart(
    'Savings per task in dollars, low, base and high',
    moving.map(({ task, best }) => ({
      ...{ label: `${task.name}: ${best.move}`, link: `saving-${task.id}`, low: best.low, base: best.base, high: best.high },
      ...{ isSolid: best.tested, note: usd(best.base) },
    })),
  );
}

function tasksTable(details: readonly TaskDetail[]): string {
  const rows = details.map(({ task: { id, name, kind, calls, spendUsd, share, recommendation: r } }) => {
    const saving = r.move === 'keep' ? '' : `<a href="#saving-${attribute(id)}">${range(r)}</a>`;
    return `<tr><td><a href="#task-${attribute(id)}">${escapeMarkup(name)}</a></td><td>${kind}</td><td class="n">${count(calls)}</td><td class="n"><a href="#models-${attribute(id)}">${usd(spendUsd)}</a></td><td class="n">${percent(share)}</td><td>${r.move}</td><td class="${r.tested ? 'tested' : 'untested'}">${r.move === 'keep' ? '' : r.tested ? 'tested' : 'untested'}</td><td class="n">${saving}</td></tr>`;
  });
  return `<section id="tasks"><h2>Tasks</h2><table><thead><tr><th>task</th><th>kind</th><th class="n">calls</th><th class="n">spend</th><th class="n">share</th><th>move</th><th></th><th class="n">saving: base (low to high)</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

function taskSection({ task, facts, best, others, models, template, foundBy, versions, labels, firstLine }: TaskDetail): string {
  const { id, name } = task;
  const modelRows = models.map(
    ({ provider, model, calls, cost, usage }) =>
      `<tr><td>${escapeMarkup(model)}</td><td>${escapeMarkup(provider ?? 'unknown')}</td><td class="n">${count(calls)}</td><td class="n">${count(inputTotal(usage))}</td><td class="n">${count(usage.output)}</td><td class="n">${usd(toUsd(cost))}</td></tr>`,
  );
  const found = `found by ${foundBy}${versions > 1 ? `, ${versions} wordings of its prompt` : ''}; first call at ${firstLine}`;
  return `<section id="task-${attribute(id)}"><h3>${escapeMarkup(name)}</h3><p class="small">${escapeMarkup(`${id}, ${task.kind}, ${found}`)}</p>
<p><b>${best.move}</b>${best.move === 'keep' ? '' : ` <span class="${best.tested ? 'tested' : 'untested'}">(${best.tested ? 'tested' : 'untested'})</span>`}. ${escapeMarkup(best.reason)}</p>
<p>${escapeMarkup(best.proof)}</p>
<table id="saving-${attribute(id)}"><thead><tr><th>move</th><th class="n">low</th><th class="n">base</th><th class="n">high</th><th class="n">n</th><th>formula</th></tr></thead><tbody>${[best, ...others].map(optionRow).join('')}</tbody></table>
${others.length > 0 ? '<p class="small">Moves after the first are alternatives: they overlap, so their dollars are not added.</p>' : ''}
<table id="models-${attribute(id)}"><thead><tr><th>model</th><th>provider</th><th class="n">calls</th><th class="n">input tokens</th><th class="n">output tokens</th><th class="n">spend</th></tr></thead><tbody>${modelRows.join('')}</tbody></table>
<table class="facts"><tbody>${factsOf(facts, labels)}</tbody></table>
${template === null ? '' : `<pre>${escapeMarkup(template.length > 700 ? `${template.slice(0, 700)}…` : template)}</pre>`}</section>`;
}

function optionRow({ move, low, base, high, n, formula, assumption, row }: MoveOption): string {
  const link = assumption === null ? '' : ` <a href="#assumption-${row}">(${escapeMarkup(assumption.name)})</a>`;
  return `<tr><td>${move}</td><td class="n">${usd(low)}</td><td class="n">${usd(base)}</td><td class="n">${usd(high)}</td><td class="n">${count(n)}</td><td>${escapeMarkup(formula)}${link}</td></tr>`;
}

function factsOf(facts: TaskFacts, labels: readonly string[]): string {
  const rows: readonly (readonly [string, string | null])[] = [
    ['calls a month at this pace', whole(facts.callsPerMonth)],
    ['input tokens, mean', whole(facts.inputTokens)],
    ['output tokens, 95th percentile', whole(facts.outputTokens)],
    ['labels', labels.length === 0 ? null : `${labels.length}: ${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ' …' : ''}`],
    [
      'static beginning of the prompt',
      facts.prefixTokens === null ? null : `${whole(facts.prefixTokens)} tokens, ${percent(facts.prefixShare ?? 0)} of the input`,
    ],
    ['input tokens read from a prompt cache', percent(facts.cacheRead)],
    [
      'prompts that repeat word for word',
      facts.repeats === 0
        ? null
        : `${percent(facts.repeats)}; same answer ${facts.repeatsAgree === null ? 'unknown' : percent(facts.repeatsAgree)}`,
    ],
    ['latency, 95th percentile', facts.latencyMs === null ? null : `${whole(facts.latencyMs)} ms`],
    ['calls in the eight quietest hours', facts.quietHours === null ? null : percent(facts.quietHours)],
    ['sampled inputs with personal data', facts.privateData === null ? null : percent(facts.privateData)],
  ];
  return rows.flatMap(([head, text]) => (text === null ? [] : [`<tr><th>${head}</th><td>${escapeMarkup(text)}</td></tr>`])).join('');
}

function assumptionsOf(details: readonly TaskDetail[]): string {
  const used = new Map(details.flatMap(({ best, others }) => [best, ...others]).map((option) => [option.row, option]));
  const rows = [...used].flatMap(([row, { assumption, move }]) =>
    assumption === null
      ? []
      : [
          `<tr id="assumption-${row}"><td>${move}</td><td>${escapeMarkup(assumption.name)}</td><td class="n">${percent(assumption.low)}</td><td class="n">${percent(assumption.base)}</td><td class="n">${percent(assumption.high)}</td><td>${escapeMarkup(assumption.source)}</td></tr>`,
        ],
  );
  return `<section id="assumptions"><h2>Assumptions</h2><table><thead><tr><th>move</th><th>what</th><th class="n">low</th><th class="n">base</th><th class="n">high</th><th>source</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

function rowsOf({ rows, files, unpriced, flags, reconciliation }: AuditDocument): string {
  const list = (items: readonly string[]) =>
    items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeMarkup(item)}</li>`).join('')}</ul>`;
  const fileRows = files.map(
    ({ file, source, rows: of, calls }) =>
      `<tr><td>${escapeMarkup(file)}</td><td>${source}</td><td class="n">${count(of.read)}</td><td class="n">${count(of.kept)}</td><td class="n">${count(calls)}</td></tr>`,
  );
  const invoices = reconciliation === null ? [] : [{ ...reconciliation, name: 'all' }, ...reconciliation.models, ...reconciliation.days];
  const invoiceRows = invoices.map(
    ({ name, invoicedUsd, loggedUsd, differenceUsd, unpricedCalls }) =>
      `<tr><td>${escapeMarkup(name ?? '(not said)')}</td><td class="n">${usd(invoicedUsd)}</td><td class="n">${usd(loggedUsd)}</td><td class="n">${usd(differenceUsd)}</td><td class="n">${count(unpricedCalls)}</td></tr>`,
  );
  const invoiceTable =
    invoices.length === 0
      ? ''
      : `<h3>Against the invoice</h3><table><thead><tr><th>what</th><th class="n">invoiced</th><th class="n">in the log</th><th class="n">difference</th><th class="n">unpriced calls</th></tr></thead><tbody>${invoiceRows.join('')}</tbody></table>`;
  return `<section id="rows"><h2>Rows</h2><table><thead><tr><th>file</th><th>format</th><th class="n">read</th><th class="n">kept</th><th class="n">calls</th></tr></thead><tbody>${fileRows.join('')}</tbody></table>
${list(rows.skipped.map(({ reason, count: n, firstLine }) => `${count(n)} skipped: ${reason} (first at ${firstLine})`))}
${list(unpriced.map(({ reason, provider, model, calls, firstLine }) => `${count(calls)} unpriced (${reason}): ${model || 'no model'} at ${provider ?? 'an unknown provider'} (first at ${firstLine})`))}
${list(flags.map(({ sentence, count: n, firstLine }) => `${count(n)}: ${sentence} (first at ${firstLine})`))}${invoiceTable}</section>`;
}

function attribute(id: string): string {
  return escapeMarkup(id);
}

function range({ low, base, high }: { readonly low: number; readonly base: number; readonly high: number }): string {
  return `${usd(base)} (${usd(low)} to ${usd(high)})`;
}

/** Dollars for people: whole ones from 100 on, cents below, two digits that count below a cent. */
export function usd(amount: number): string {
  const size = Math.abs(amount);
  const text = size >= 100 || size === 0 ? Math.round(size).toLocaleString('en-US') : size >= 0.01 ? size.toFixed(2) : size.toPrecision(2);
  return `${amount < 0 ? '−' : ''}$${text}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function whole(n: number | null): string | null {
  return n === null ? null : count(Math.round(n));
}
