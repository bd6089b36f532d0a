import type { MoveRow } from './types.ts';

const ESCALATION_SOURCE =
  'planning figures around published ones (20 % in most articles, 8 % in the Banking77 demo of TRACER); an eval of the task itself replaces them';

/**
 * The decision table, all of it: a row fits a task when all its conditions hold, and of the rows that fit the one with the most dollars is
 * recommended, in the order of the table among equals. `keep` fits always.
 */
export const moves: readonly MoveRow[] = [
  {
    id: 'swap-tested',
    move: 'swap',
    when: [
      { fact: 'pairs', atLeast: 50 },
      { fact: 'pairsAgreeLow', atLeast: 0.9 },
      { fact: 'candidateRatio', atMost: 0.7 },
    ],
    reason: 'In this log the cheaper model answered {pairs} of the same prompts and gave the same answer to {pairsAgree} of them.',
    proof:
      'Done in part: {pairs} pairs in the log, at least {pairsAgreeLow} equal. `smallfirst certify` on these pairs makes it a certificate.',
    saving: 'tested-pairs',
    assumption: null,
  },
  {
    id: 'swap-structured',
    move: 'swap',
    when: [
      { fact: 'structured', is: true },
      { fact: 'outputTokens', atMost: 64, orUnknown: true },
      { fact: 'inputTokens', atMost: 8_000 },
      { fact: 'labels', atMost: 20 },
      { fact: 'tools', atMost: 0 },
      { fact: 'turns', atMost: 0.1 },
      { fact: 'highStakes', is: false },
      { fact: 'candidateRatio', atMost: 0.7 },
    ],
    reason: 'Answers are one of {labels} labels: narrow, bounded and easy to check, so a small model is likely to do for nearly all of it.',
    proof: '`smallfirst eval` on about 690 calls of this log with their answers as the reference, then `smallfirst certify`.',
    saving: 'candidate',
    assumption: { name: 'share that escalates', low: 0.2, base: 0.05, high: 0, source: ESCALATION_SOURCE },
  },
  {
    id: 'cascade-structured',
    move: 'cascade',
    when: [
      { fact: 'structured', is: true },
      { fact: 'inputTokens', atMost: 32_000 },
      { fact: 'tools', atMost: 0.2 },
      // Whoever is escalated waits for both models.
      { fact: 'latencyMs', atMost: 30_000, orUnknown: true },
      { fact: 'candidateRatio', atMost: 0.7 },
    ],
    reason: 'Answers are structured and can be compared member by member, so a confidence can decide per request who answers.',
    proof: '`smallfirst eval` on about 690 calls of this log, then `smallfirst certify` for the threshold.',
    saving: 'candidate',
    assumption: { name: 'share that escalates', low: 0.4, base: 0.2, high: 0.08, source: ESCALATION_SOURCE },
  },
  {
    id: 'cascade-text',
    move: 'cascade',
    when: [
      { fact: 'structured', is: false },
      { fact: 'outputTokens', atMost: 800 },
      { fact: 'inputTokens', atMost: 16_000 },
      { fact: 'tools', atMost: 0 },
      { fact: 'highStakes', is: false },
      { fact: 'candidateRatio', atMost: 0.5 },
    ],
    reason: 'Short free text from a fixed prompt: a small model can draft it, and the large one answers or polishes what is not sure.',
    proof:
      'A rubric and a judge of another family on about 690 calls of this log (`smallfirst eval`, `smallfirst judge`), then `smallfirst certify`.',
    saving: 'candidate',
    assumption: { name: 'share that escalates', low: 0.7, base: 0.4, high: 0.2, source: ESCALATION_SOURCE },
  },
  {
    id: 'fine-tune-volume',
    move: 'fine-tune',
    when: [
      { fact: 'structured', is: true },
      { fact: 'callsPerMonth', atLeast: 50_000 },
      { fact: 'inputTokens', atMost: 8_000 },
      { fact: 'tools', atMost: 0 },
    ],
    reason:
      '{callsPerMonth} calls a month of one narrow task: enough answers to train a small model of your own, and enough volume to pay for its endpoint.',
    proof: '`smallfirst train` on the answers of this log, then the promotion gate: lower bound above the floor, cheaper and no slower.',
    saving: 'tuned',
    assumption: {
      name: 'share that escalates to the present model',
      low: 0.2,
      base: 0.08,
      high: 0.02,
      source:
        'as for a cascade; fixed cost: an L4 all month, $0.80/h · 730 h = $584 (Modal by techbytes.app, 2026-05-07), and $100 once for training and evals',
    },
  },
  {
    id: 'cache-repeats',
    move: 'cache',
    when: [
      { fact: 'repeats', atLeast: 0.05 },
      { fact: 'repeatsAgree', atLeast: 0.9 },
      { fact: 'turns', atMost: 0.5 },
      { fact: 'tools', atMost: 0 },
    ],
    reason: '{repeats} of the calls repeat an earlier prompt word for word, and {repeatsAgree} of those got the same answer.',
    proof: 'Counted in this log; how many repeats come before an entry expires is seen after a week with a cache in front.',
    saving: 'repeats',
    assumption: {
      name: 'share of repeats that a cache still holds',
      low: 0.5,
      base: 0.8,
      high: 1,
      source: 'planning figures; they depend on how long an answer may be reused',
    },
  },
  {
    id: 'batch-unwatched',
    move: 'batch',
    when: [
      { fact: 'quietHours', atLeast: 0.2 },
      { fact: 'calls', atLeast: 100 },
      { fact: 'batched', atMost: 0.5 },
      { fact: 'turns', atMost: 0.1 },
      { fact: 'tools', atMost: 0 },
      { fact: 'customerFacing', is: false },
      { fact: 'batchRatio', atMost: 0.9 },
    ],
    reason:
      'Calls come around the clock ({quietHours} of them in the eight quietest hours), so nobody seems to wait for them; the batch tier does the same work for less.',
    proof: 'Ask who waits for these answers: a batch may take up to 24 hours. Model and prompt stay, so quality does.',
    saving: 'batch-tier',
    assumption: {
      name: 'share of calls that can wait',
      low: 0.3,
      base: 0.7,
      high: 1,
      source: 'planning figures; the owner of the task knows',
    },
  },
  {
    id: 'prompt-cache',
    move: 'shorten',
    when: [
      { fact: 'prefixTokens', atLeast: 1_024 },
      { fact: 'prefixShare', atLeast: 0.3 },
      { fact: 'cacheRead', atMost: 0.2 },
    ],
    reason:
      'The first {prefixTokens} tokens of every prompt are the same ({prefixShare} of the input) and hardly any are read from a prompt cache.',
    proof: 'Keep the static part first and mark it for the cache; the usage of the next calls shows the tokens read from it.',
    saving: 'prefix-cache',
    assumption: {
      name: 'share of calls that find the prefix cached',
      low: 0.4,
      base: 0.75,
      high: 0.95,
      source: 'planning figures; vendors keep a prefix for minutes, so they grow with traffic',
    },
  },
  {
    id: 'shorten-prefix',
    move: 'shorten',
    when: [
      { fact: 'prefixTokens', atLeast: 300 },
      { fact: 'prefixShare', atLeast: 0.5 },
      { fact: 'cacheRead', atMost: 0.2 },
      { fact: 'highStakes', is: false },
    ],
    reason:
      'The same {prefixTokens} tokens of instructions stand before every input ({prefixShare} of it): most of the bill is for reading them again.',
    proof: 'Cut the instructions and compare on the same items with `smallfirst eval`; the answers must not get worse.',
    saving: 'prefix-cut',
    assumption: {
      name: 'share of the static part that can go',
      low: 0.1,
      base: 0.3,
      high: 0.5,
      source: 'planning figures; each cut is to be tested',
    },
  },
  {
    id: 'keep',
    move: 'keep',
    when: [],
    reason: 'No other move fits what the log shows of this task.',
    proof: 'Nothing to prove; look again when volume, prompt or prices change.',
    saving: 'nothing',
    assumption: null,
  },
];

/** Why `keep` is said, the first that holds. */
export const keepReasons: readonly { readonly when: MoveRow['when']; readonly reason: string }[] = [
  {
    when: [{ fact: 'highStakes', is: true }],
    reason: 'A wrong answer would cost more than the call: it stays with the model that it has.',
  },
  {
    when: [{ fact: 'tools', atLeast: 0.2 }],
    reason: '{tools} of the calls use tools: a chain of actions is no step for a small model before it was tested as a whole.',
  },
  { when: [{ fact: 'spendUsd', atMost: 0 }], reason: 'Nothing was paid for it, or nothing that has a price.' },
  { when: [{ fact: 'candidateRatio', atLeast: 0.7 }], reason: 'It runs on a model that is about as cheap as the candidates.' },
  {
    when: [{ fact: 'inputTokens', atLeast: 16_000 }],
    reason: 'Its prompts are long ({inputTokens} tokens): small models lose most there.',
  },
];

/** Words of a prompt that speak of stakes or of customers; matched as whole words in the masked prompt. */
export const promptWords = {
  highStakes: [
    ...['medical', 'diagnosis', 'dosage', 'patient', 'legal', 'lawyer', 'contract', 'credit', 'loan', 'underwriting', 'fraud', 'safety'],
    ...['emergency', 'compliance', 'hiring', 'termination'],
  ],
  customerFacing: [
    'reply',
    'replies',
    'email',
    'emails',
    'chatbot',
    'concierge',
    'answer the customer',
    'dear',
    'support agent',
    'friendly',
  ],
} as const;
