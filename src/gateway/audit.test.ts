import { describe, expect, it } from 'vitest';
import { type LockedCertificate, parseConfig } from '../config/index.ts';
import type { Answer, Call, Outcome } from '../core/index.ts';
import { LiveMonitor } from '../life/index.ts';
import { Audit } from './audit.ts';
import type { BackgroundJob } from './live-background.ts';
import type { PairDraft } from './live-beside.ts';
import type { LiveRequest } from './live-request.ts';

const config = parseConfig(
  `
models: { small: { provider: openai }, big: { provider: openai } }
tasks: { label: { output: { kind: label, labels: [a, b] }, ladder: [small, big] } }
`,
  'smallfirst.yaml',
  {},
);
const task = config.tasks.get('label')!;

const said = (text: string): Answer => ({
  text,
  refusal: null,
  toolCalls: [],
  stop: 'done',
  usage: null,
  usageSource: 'reported',
  logprobs: null,
  recorded: null,
  servedModel: null,
  fingerprint: null,
});

interface Small {
  readonly outcome: Outcome;
  readonly confidence: number | null;
}

/** What is kept of a request whose small answer ended so, and that the ceiling answered. */
async function escalated(verdict: 'cascade' | 'swap', threshold: number | null, small: Small | null) {
  const parts = { id: 'c', task: 'label', small: 'small', big: 'big', verdict, accepted: 1, floor: { retain: 0.98, level: 0.95 } } as const;
  const certificate = { ...parts, threshold: verdict === 'swap' ? null : 0.5 } as unknown as LockedCertificate;
  const monitor = new LiveMonitor(certificate, { auditShare: 1, stages: [], auditsPerStage: 200, saferThresholds: [] });
  const drafts: PairDraft[] = [];
  const jobs: BackgroundJob[] = [];
  const audit = new Audit(
    {
      subject: { id: 'r', bytes: 0 } as LiveRequest,
      task,
      request: { messages: [] },
      watched: { certificate, monitor },
      threshold,
      isTriaged: small === null,
    },
    {
      background: { offer: (job) => jobs.push(job) > 0 },
      ask: async () => null,
      pair: async (draft) => {
        drafts.push(draft);
        return null;
      },
      isHard: () => false,
      observed: () => {},
      audited: () => {},
    },
  );
  if (small !== null) audit.said({ model: 'small', decision: null, ...small } as Call, said('a'));
  audit.said({ model: 'big', outcome: 'accepted', decision: 'ceiling', confidence: null } as Call, said('b'));
  audit.over();
  for (const job of jobs) await job.run(new AbortController().signal);
  return drafts.map(({ drawn, confidence, skip }) => ({ drawn, confidence, skip }));
}

describe('an escalated request as a pair', () => {
  it.each<[string, 'cascade' | 'swap', number | null, Small | null, { readonly confidence: number | null; readonly skip: boolean }]>([
    ['an unsure answer of a cascade', 'cascade', 0.5, { outcome: 'escalated', confidence: 0.4 }, { confidence: 0.4, skip: false }],
    ['an answer without confidence', 'cascade', 0.5, { outcome: 'escalated', confidence: null }, { confidence: null, skip: false }],
    [
      'an invalid answer of a cascade that was sure',
      'cascade',
      0.5,
      { outcome: 'invalid', confidence: 0.9 },
      { confidence: null, skip: false },
    ],
    [
      'a sure answer of a cascade that was passed over',
      'cascade',
      0.5,
      { outcome: 'escalated', confidence: 0.9 },
      { confidence: null, skip: false },
    ],
    ['a failed call of a swap', 'swap', null, { outcome: 'failed', confidence: null }, { confidence: null, skip: true }],
    ['an invalid answer of a swap', 'swap', null, { outcome: 'invalid', confidence: 0.9 }, { confidence: 0.9, skip: true }],
    // The swap itself would have accepted it: only the provisional threshold did not.
    ['an answer below a provisional threshold', 'swap', 0.75, { outcome: 'escalated', confidence: 0.6 }, { confidence: 0.6, skip: false }],
    ['what a triage sent past the small model', 'swap', null, null, { confidence: null, skip: true }],
  ])('%s', async (_what, verdict, threshold, small, expected) => {
    expect(await escalated(verdict, threshold, small)).toEqual([{ drawn: 'audit', ...expected }]);
  });
});
