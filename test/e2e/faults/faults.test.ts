import { afterAll, beforeAll, expect, it } from 'vitest';
import { UPSTREAM_KEY } from '../../support/both-ways.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream/index.ts';
import { recordedCalls } from '../../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../../support/serve.ts';
import { describeRows, type FaultCell, type Observation, observe } from './observe.ts';
import { faultRows } from './rows.ts';

let cells: readonly FaultCell[];
let big: FakeUpstream;
let gateway: ServedGateway;

beforeAll(async () => {
  const met = faultRows.flatMap((row, i) => row.requests.map((kind) => ({ row, kind, name: `${i}-${kind}` })));
  const planned = [
    ...(['openai', 'anthropic'] as const).flatMap((family) =>
      met
        .filter(({ row }) => row.members?.(family) !== null)
        .map(({ row, kind, name }) => ({ row, family, kind, model: `${family}-${name}`, isLadder: false })),
    ),
    ...met
      .filter(({ row }) => row.ladder)
      .map(({ row, kind, name }) => ({ row, family: 'openai' as const, kind, model: `task/t${name}`, isLadder: true })),
  ];
  cells = await Promise.all(planned.map(async (cell) => ({ ...cell, upstream: await startFakeUpstream({ key: UPSTREAM_KEY }) })));
  big = await startFakeUpstream({ key: UPSTREAM_KEY });
  gateway = await serveHere({ config: config(), env: { UPSTREAM_KEY } });
});

/** A model of its own for every cell; a task of its own for every cell of the ladder. */
function config(): string {
  const models = cells.map(({ family, model, upstream, row }) => {
    const url = family === 'openai' ? `${upstream.origin}/v1` : upstream.origin;
    const settings = row.settings === undefined ? '' : `, ${row.settings}`;
    return `  ${model.replace('task/', 'm-')}: { provider: ${family}, model: m, url: "${url}", apiKey: "\${UPSTREAM_KEY}"${settings} }`;
  });
  const tasks = cells
    .filter(({ isLadder }) => isLadder)
    .map(({ model }) => model.replace('task/', ''))
    .map((name) => `  ${name}: { output: { kind: json }, ladder: [m-${name}, big], threshold: 0.5, signal: token }`);
  const ceiling = `  big: { provider: openai, model: b, url: "${big.origin}/v1", apiKey: "\${UPSTREAM_KEY}" }`;
  return ['models:', ...models, ceiling, 'tasks:', ...tasks, ''].join('\n');
}

afterAll(async () => {
  await gateway?.remove();
  await Promise.all([big, ...(cells ?? []).map((cell) => cell.upstream)].map((upstream) => upstream?.close()));
});

it('behaves in every fault as docs/reference/faults.md says', { timeout: 120_000 }, async () => {
  const seen = await inParallel(cells, 32, async (cell) => ({ cell, seen: await observe(cell, gateway.url) }));
  await gateway.stop();
  const calls = await recordedCalls(gateway.dataDir);
  const rows = seen.map((one) => ({
    ...one,
    recorded: describeRows(
      calls.filter((call) => one.seen.requestIds.includes(call.requestId)),
      one.cell.isLadder,
    ),
  }));
  // `npx vitest run test/e2e/faults -u` writes it anew.
  await expect(page(rows)).toMatchFileSnapshot('../../../docs/reference/faults.md');
});

interface Row {
  readonly cell: FaultCell;
  readonly seen: Observation;
  readonly recorded: string;
}

function page(rows: readonly Row[]): string {
  return [
    '# Faults',
    '',
    'What clients see when an upstream fails, and what is recorded: observed by `test/e2e/faults` against an upstream that fails as told,',
    'with the SDKs at their defaults but for their own retries, which are off. Models have the default of two retries where the row says nothing.',
    '',
    '- **tries**: requests that reached the upstream for one request of the client.',
    '- **recorded**: rows in the store: outcome, error code, how the answer stopped, input + output tokens, and where those come from.',
    '- An error is shown by its `type / code`, in the envelope of the protocol that the client speaks.',
    '',
    ...section(
      'OpenAI: chat completions',
      rows.filter(({ cell }) => cell.family === 'openai' && !cell.isLadder),
    ),
    ...section(
      'Anthropic: messages',
      rows.filter(({ cell }) => cell.family === 'anthropic'),
    ),
    '## A ladder whose first rung fails',
    '',
    'OpenAI chat completions for a task with two rungs: the upstream of the first fails, that of the second does not. Tries are those of the first.',
    '',
    ...table(rows.filter(({ cell }) => cell.isLadder)),
  ].join('\n');
}

function section(title: string, rows: readonly Row[]): string[] {
  return [`## ${title}`, '', ...table(rows)];
}

function table(rows: readonly Row[]): string[] {
  const lines = rows.map(
    ({ cell, seen, recorded }) =>
      `| ${cell.row.name} | ${cell.kind} | ${seen.status} | ${seen.body} | ${seen.tries} | ${seen.sdk} | ${recorded} |`,
  );
  return ['| the upstream | request | status | body | tries | the SDK | recorded |', '|---|---|---|---|---|---|---|', ...lines, ''];
}

/** So many at a time, the next as soon as one is done: none waits so long for the processor that it looks like another fault. */
async function inParallel<T, R>(items: readonly T[], workers: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return results;
}
