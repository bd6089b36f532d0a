import { type Call, type NanoUsd, newId, usage } from '../../src/core/index.ts';

/** A call with every member set, so that a test names only what it is about. */
export function aCall(parts: Partial<Call> = {}): Call {
  return {
    id: newId(),
    requestId: newId(),
    at: Date.UTC(2026, 0, 15, 12, 30),
    task: 'classify',
    step: 'triage',
    pipeline: 'support',
    key: 'web',
    team: 'care',
    model: 'small',
    provider: 'openai',
    servedModel: 'gpt-5-mini-2026-01-01',
    tier: 'small',
    purpose: 'answer',
    outcome: 'accepted',
    error: null,
    stop: 'done',
    usage: usage({ freshInput: 800, cacheRead: 200, output: 120, reasoning: 20 }),
    usageSource: 'reported',
    priceId: 'openai/gpt-5-mini@2026-01-01',
    cost: 1_234_567 as NanoUsd,
    latencyMs: 812.345,
    firstTokenMs: 120.5,
    streamed: true,
    confidence: 0.93,
    decision: 'certified',
    fingerprint: 'f'.repeat(64),
    bodyHash: 'b'.repeat(64),
    tags: { tenant: 'acme' },
    ...parts,
  };
}

/** A call in which everything that may be absent is. */
export function aBareCall(parts: Partial<Call> = {}): Call {
  return aCall({
    task: null,
    step: null,
    pipeline: null,
    key: null,
    team: null,
    servedModel: null,
    stop: null,
    usage: usage({}),
    priceId: null,
    cost: null,
    latencyMs: null,
    firstTokenMs: null,
    streamed: false,
    confidence: null,
    decision: null,
    fingerprint: null,
    bodyHash: null,
    tags: {},
    ...parts,
  });
}
