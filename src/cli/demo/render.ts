import { type Column, count, counted, percent, renderTable } from '../table.ts';
import type { DemoDocument } from './document.ts';

const right = (head: string): Column => ({ head, align: 'right' });

/** The demo as people read it: eval, certificates, routing, the bill before and after, and what of it was recorded or computed. */
export function renderDemo(found: DemoDocument, seconds: number): string {
  return [
    `smallfirst demo · seed ${found.seed} · no key, no server, nothing leaves this machine\n`,
    evalSection(found),
    pairSection(found),
    certificateSection(found),
    billSection(found),
    scenarioSection(found),
    provenance(found),
    `${seconds.toFixed(0)} s. Next: \`smallfirst certify --pairs FILE\` on pairs of your own, \`smallfirst eval --help\`.\n`,
  ].join('\n');
}

function evalSection(found: DemoDocument): string {
  const parts = ['1 · EVAL: the same requests, every model, beside the ceiling\n'];
  for (const task of found.tasks) {
    const columns = [{ head: task.task }, ...['n', 'quality', '95 % interval', 'macro-F1', '$ / 1,000', 'p50 ms', 'p95 ms'].map(right)];
    const rows = task.models.map((model) => [
      model.role === 'ceiling' ? `${model.model} (frontier)` : model.model,
      count(model.n),
      percent(model.quality),
      model.interval ? `${percent(model.interval.low)} – ${percent(model.interval.high)}` : '–',
      model.macroF1?.toFixed(3) ?? '–',
      model.costPer1000Usd === null ? 'UNPRICED' : model.costPer1000Usd.toFixed(4),
      milliseconds(model.latencyMs?.p50),
      milliseconds(model.latencyMs?.p95),
    ]);
    parts.push(renderTable(columns, rows));
    parts.push(
      `FIT ${count(task.fit)} · CERTIFY ${count(task.certify)} · ceiling ${task.ceiling} ${percent(task.ceilingQuality)} · floor ${percent(task.floorQuality)}\n`,
    );
  }
  return parts.join('\n');
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  return value < 1 ? '<1' : count(Math.round(value));
}

function pairSection(found: DemoDocument): string {
  const columns = [
    { head: 'candidate → frontier' },
    ...found.floors.map((floor) => ({ head: `keeps ${percent(floor, 0)} at ${percent(found.level, 0)} confidence?` })),
  ];
  const rows = found.pairs.map((pair) => [`${pair.small} → ${pair.big}`, ...pair.certified.map(verdictCell)]);
  const statement =
    'Each line is a statement of its own: they are not promised together (that would take Holm). Percentages: quality kept, and the lower bound.\n';
  return `2 · CERTIFY: does the candidate keep the floor? (score test, thresholds fixed on FIT)\n\n${renderTable(columns, rows)}\n${statement}`;
}

function verdictCell(result: DemoDocument['pairs'][number]['certified'][number]): string {
  const kept = `${percent(result.retained)}, at least ${percent(result.retainedLowerBound)}`;
  if (result.verdict === 'swap') return `SWAP ${kept}`;
  if (result.verdict === 'cascade') return `CASCADE keeps ${percent(result.accepted, 0)} of calls; ${kept}`;
  if (result.reason === 'floor-missed') return `no: floor missed (${percent(result.retained)})`;
  if (result.reason === 'not-worth-it') return 'no: kept, but costs no less';
  const more = result.pairsNeeded === null ? 'more pairs would not help' : `about ${count(result.pairsNeeded)} more pairs`;
  return `not enough evidence: ${more} (${percent(result.retained)})`;
}

function certificateSection(found: DemoDocument): string {
  const parts = ['3 · CERTIFICATE AND ROUTING: the first rung against the ceiling, named before the data were seen\n'];
  for (const task of found.routing) {
    const { certificate } = task;
    if (certificate === null) {
      parts.push(`${task.task}: no certificate, so the frontier answers all ${counted(task.requests, 'request')}.\n`);
      continue;
    }
    const rule =
      certificate.verdict === 'swap'
        ? 'answers everything'
        : `answers when its confidence (${certificate.signal}) ≥ ${certificate.threshold?.toFixed(4)}; else ${certificate.big}`;
    parts.push(
      [
        `${task.task}: ${certificate.verdict.toUpperCase()} — ${certificate.small} ${rule}`,
        `  promise    keeps ≥ ${percent(certificate.floor.retain, 0)} of ${certificate.big}'s quality, ${percent(certificate.floor.level, 0)} confidence, n = ${counted(certificate.pairs, 'pair')}`,
        `  evidence   ${percent(certificate.retained)} kept, at least ${percent(certificate.retainedLowerBound)}; lost ${certificate.counts.lost}, gained ${certificate.counts.gained}`,
        `  void when  a model version, the prompt or the student changes; after 30 days`,
        `  routed     ${Object.entries(task.answeredBy)
          .map(([model, n]) => `${model} ${count(n)}`)
          .join(', ')} · right ${percent(task.quality)} (all-frontier ${percent(task.frontierQuality)})`,
        '',
      ].join('\n'),
    );
  }
  return parts.join('\n');
}

function billSection(found: DemoDocument): string {
  const columns = [{ head: 'step' }, ...['requests', 'all-frontier', 'small first', 'saved'].map(right)];
  const row = (line: DemoDocument['bill']['total']) => [
    line.step,
    count(line.requests),
    usd(line.beforeUsd),
    usd(line.afterUsd),
    percent(line.savedShare),
  ];
  const table = renderTable(columns, [...found.bill.steps.map(row), row(found.bill.total)]);
  return `4 · THE BILL for these CERTIFY requests, from the recorded calls (prices in force on ${found.pricedOn})\n\n${table}`;
}

function scenarioSection({ scenario }: DemoDocument): string {
  const columns = [{ head: 'step' }, ...['before', 'after', 'saved'].map(right)];
  const rows = [
    ...scenario.steps.map((line) => [line.step, plain(line.beforeUsd), plain(line.afterUsd), percent(line.savedShare)]),
    ['total a message', plain(scenario.totalBeforeUsd), plain(scenario.totalAfterUsd), percent(scenario.savedShare)],
  ];
  const month = `${count(scenario.messagesPerMonth)} messages a month: ${whole(scenario.monthBeforeUsd)} → ${whole(scenario.monthAfterUsd)}.`;
  const claim = `The article's ${whole(scenario.claimedMonthAfterUsd)} holds only if ${percent(scenario.polishShareForClaim)} of messages are polished.`;
  return `5 · ${scenario.title.toUpperCase()} (a scenario: its figures, our arithmetic)\n\n${renderTable(columns, rows)}\n${month} ${claim}\n`;
}

function provenance(found: DemoDocument): string {
  return [
    'What these figures are',
    '  recorded   answers and latencies of the language models, token probabilities (BoolQ)',
    '  computed   tokens, from the texts and our named prompts (o200k tokenizer); costs, from',
    `             ${found.prices.length} list prices of ${found.pricedOn} in @pydantic/genai-prices (\`--json\` names them); the student's answers`,
    `  student    trained here on ${count(found.student.fitRows)} FIT rows; it runs on your CPU and is priced at $0`,
    '  not        a traffic sample: complaints are class-balanced and stop-word-stripped by their authors, and BoolQ was asked without its passage',
    '',
  ].join('\n');
}

function usd(value: number): string {
  return `$${value.toFixed(4)}`;
}

function plain(value: number): string {
  return `$${value.toFixed(4)}`;
}

function whole(value: number): string {
  return `$${count(Math.round(value))}`;
}
