import { parseConfig } from '../src/config/index.ts';
import { newId, systemClock, textMessage } from '../src/core/index.ts';
import { LiveTasks } from '../src/gateway/live.ts';
import { TextJudge } from '../src/gateway/live-judge.ts';
import { EventTeller } from '../src/gateway/live-tell.ts';
import { TaskTriages } from '../src/gateway/triage.ts';
import { LiveMonitor } from '../src/life/index.ts';
import { seededRandom } from '../src/statistics/index.ts';
import type { StoredPair } from '../src/store/index.ts';
import { Triage, type TriageRow, trainTriage } from '../src/triage/index.ts';
import { writeResult } from './result.ts';

/** What the life of a task adds to a request in CPU time: the canary's draw, the triage, the fold of an audit. */

const ROUNDS = 7;

function cpuMicroseconds(run: (i: number) => void, times: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i += 1) run(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** The median of several rounds, and the lowest and highest. */
function measure(run: (i: number) => void, times: number): { readonly us: number; readonly low: number; readonly high: number } {
  cpuMicroseconds(run, times);
  const rounds = Array.from({ length: ROUNDS }, () => cpuMicroseconds(run, times)).sort((a, b) => a - b);
  return { us: rounds[(ROUNDS - 1) / 2] ?? 0, low: rounds[0] ?? 0, high: rounds.at(-1) ?? 0 };
}

const random = seededRandom(1);
const words = Array.from({ length: 5_000 }, (_, i) => `w${i.toString(36)}${'aeiou'[i % 5] ?? ''}n`);
const text = (length: number): string => {
  let said = '';
  while (said.length < length) said += `${words[Math.floor(random.next() ** 2 * words.length)] ?? ''} `;
  return said;
};

const rows: TriageRow[] = Array.from({ length: 2_000 }, (_, i) => ({
  id: `${i}`,
  text: `${i % 3 === 0 ? 'prove the lemma' : 'reset the password'} ${text(200)}`,
  small: i % 3 === 0 ? 0 : 1,
  big: 1,
}));
const { model: triage } = trainTriage(rows, { seed: 1 });

const config = parseConfig(
  `
models: { small: { provider: openai }, big: { provider: openai } }
tasks: { label: { output: { kind: label, labels: [a, b] }, ladder: [small, big] } }
`,
  'smallfirst.yaml',
  {},
);
const task = config.tasks.get('label');
if (task === undefined) throw new Error('the bench has lost its task');
const model = (name: string) => {
  const found = config.models.get(name);
  if (found === undefined) throw new Error(`there is no model ${name}`);
  return found;
};
const nobody = (): never => {
  throw new Error('nobody is asked here');
};
const prices = { price: () => null };
const countTokens = async () => (said: string) => said.length;
const clock = systemClock;
const certificate = {
  id: 'c',
  task: 'label',
  small: 'small',
  big: 'big',
  verdict: 'cascade' as const,
  threshold: 0.8,
  signal: 'token' as const,
  calibrator: { kind: 'identity' as const },
  gate: null,
  method: 'score' as const,
  floor: { retain: 0.98, level: 0.95 },
  look: null,
  delta: 0.04,
  pairs: 1_000,
  accepted: 0.8,
  retained: 0.99,
  retainedLowerBound: 0.98,
  counts: { kept: 1, lost: 0, gained: 0 },
  evidenceHash: '',
  pins: {},
  issuedAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
};
const live = new LiveTasks({
  tasks: config.tasks,
  triages: new TaskTriages(new Map([['label', { triage: new Triage(triage), version: 'sha256:0' }]])),
  capture: config.capture,
  teller: new EventTeller({ record: () => {}, warn: () => {}, info: () => {}, newId, now: () => clock.now() }),
  warn: () => {},
  record: () => {},
  judge: new TextJudge({ clock, newId, prices, models: config.models, client: nobody, countTokens }),
  ask: { clock, newId, prices, model, client: nobody, countTokens, observe: () => {} },
});
const nothing = { bill: async () => [], list: async () => [] };
await live.restore([certificate], { calls: nothing, pairs: nothing, events: nothing } as never);

const ladder = ['small', 'big'].map((name) => ({ model: model(name), licence: { kind: 'certified' as const, threshold: null } }));
const step = { task: 'label', step: null, pipeline: null, output: task.output, ladder };
const requestIds = Array.from({ length: 1_000 }, newId);
const idOf = (i: number): string => requestIds[i % requestIds.length] ?? '';
const asked = (length: number) => Array.from({ length: 100 }, () => ({ messages: [textMessage('user', text(length))] }));
const [short, long] = [asked(200), asked(20_000)];
const monitor = new LiveMonitor(certificate, { auditShare: 0.02, stages: [], auditsPerStage: 200, saferThresholds: [0.85, 0.9, 0.95] });
const pair = (i: number): StoredPair =>
  ({
    drawn: 'audit',
    certificate: 'c',
    confidence: 0.8 + (i % 20) / 100,
    smallQuality: i % 100 === 0 ? 0 : 1,
    bigQuality: 1,
    inclusion: 0.02,
    skip: false,
  }) as StoredPair;
const source = { newId, now: () => clock.now() };

const figures = {
  rounds: ROUNDS,
  canaryDraw: measure((i) => void live.route(task, { step, isRouted: true, certificate }, idOf(i)), 100_000),
  withoutCertificate: measure((i) => void live.route(task, { step, isRouted: false, certificate: null }, idOf(i)), 500_000),
  triage200Characters: measure((i) => void live.isHard(task, short[i % 100] ?? { messages: [] }), 20_000),
  triageLongestRead: measure((i) => void live.isHard(task, long[i % 100] ?? { messages: [] }), 1_000),
  observeRequest: measure((i) => void monitor.observed({ confidence: (i % 97) / 97, length: i % 500, category: 'a' }, source), 50_000),
  foldAudit: measure((i) => void monitor.audited(pair(i), source), 20_000),
};
for (const [name, figure] of Object.entries(figures)) {
  if (typeof figure === 'object')
    console.log(`${name.padEnd(24)} ${figure.us.toFixed(2)} µs (${figure.low.toFixed(2)} to ${figure.high.toFixed(2)})`);
}
console.log(writeResult('life', figures));
