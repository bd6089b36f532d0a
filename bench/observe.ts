import { systemClock } from '../src/core/index.ts';
import type { Exchange } from '../src/gateway/exchange.ts';
import { openLog } from '../src/gateway/observe/logging.ts';
import { openMetrics } from '../src/gateway/observe/metrics.ts';
import { createObserver } from '../src/gateway/observe/observer.ts';
import { routeOf } from '../src/gateway/routes.ts';
import { estimateInputTokens, Ledger, type Reservation } from '../src/run/index.ts';
import { aCall } from '../test/contracts/calls.ts';
import { writeResult } from './result.ts';

/** What a request costs in CPU time beside its answer: its line in the log and its figures in the metrics; and what a budget adds. */

const ROUNDS = 7;
const REQUESTS = 200_000;

function cpuMicroseconds(run: () => void, times: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i += 1) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** The median of several rounds, and the lowest and highest. */
function measure(run: () => void, times = REQUESTS): { readonly us: number; readonly low: number; readonly high: number } {
  cpuMicroseconds(run, times);
  const rounds = Array.from({ length: ROUNDS }, () => cpuMicroseconds(run, times)).sort((a, b) => a - b);
  return { us: rounds[(ROUNDS - 1) / 2] ?? 0, low: rounds[0] ?? 0, high: rounds.at(-1) ?? 0 };
}

function anExchange(): Exchange {
  const call = aCall({ task: 'classify' });
  const now = systemClock.monotonic();
  // Only the members that an observer reads.
  return {
    id: call.requestId,
    route: routeOf('POST', '/v1/chat/completions', false),
    path: '/v1/chat/completions',
    model: 'small',
    caller: { key: 'web', team: 'care' },
    response: { statusCode: 200 },
    startedAt: now,
    sentAt: now + 0.1,
    answeredAt: now + 800,
    errorCode: null,
    lastRow: call,
    inputTokens: 1000,
    outputTokens: 120,
    cost: 1_234_567,
    observation: null,
  } as unknown as Exchange;
}

const idle = {
  recordedRows: 0,
  queuedRows: 0,
  queuedBytes: 0,
  oldestQueuedAt: null,
  ingestedRows: 0,
  rejectedRows: 0,
  lostRows: 0,
  droppedBodies: 0,
  prunedBodies: 0,
  prunedCalls: 0,
  tornLines: 0,
  lastError: null,
};
const log = openLog({ log: 'info', sample: 1, to: '/dev/null', random: Math.random });
const metrics = openMetrics(
  {
    recorder: () => idle,
    budgets: () => [],
    models: () => [],
    active: () => 0,
    droppedLogLines: () => log.dropped,
    droppedJobs: () => 0,
    standings: () => [],
  },
  () => Date.now(),
);
const observer = createObserver({
  log,
  metrics,
  tracing: null,
  clock: systemClock,
  knows: { model: () => true, task: () => true },
});
const exchange = anExchange();
const row = exchange.lastRow ?? aCall();
const payer = { key: 'web', team: 'care', task: 'classify' };
const ledger = new Ledger(
  (['key', 'team', 'task'] as const).flatMap((scope) =>
    (['day', 'month'] as const).map((window) => ({ scope, name: payer[scope], window, limit: Number.MAX_SAFE_INTEGER as never })),
  ),
);
const body = Buffer.from(JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'Where is my order? '.repeat(500) }] }));

const both = measure(() => {
  observer.recorded(exchange, row);
  observer.ended(exchange);
});
const figures = {
  requests: REQUESTS,
  rounds: ROUNDS,
  logAndMetrics: both,
  metrics: measure(() => {
    metrics.call(row, { model: 'small', task: 'classify' });
    metrics.request({ protocol: 'openai-chat', model: 'small', task: 'classify', status: 200, ms: 800, upstreamMs: 799 });
  }),
  reserveAndSettleSixBudgets: measure(() => {
    const reservation = ledger.reserve(payer, row.cost ?? (0 as never), Date.UTC(2026, 0, 15)) as Reservation;
    ledger.settle(reservation, 0 as never);
  }),
  estimateTenKilobytes: { bytes: body.length, ...measure(() => void estimateInputTokens(body), 20_000) },
};
log.close();
for (const [name, figure] of Object.entries(figures)) {
  if (typeof figure === 'object')
    console.log(`${name.padEnd(28)} ${figure.us.toFixed(2)} µs (${figure.low.toFixed(2)} to ${figure.high.toFixed(2)})`);
}
console.log(writeResult('observe', figures));
