import { describe, expect, it } from 'vitest';
import type { LockedCertificate } from '../config/index.ts';
import { type Answer, type ModelRequest, NO_USAGE } from '../core/index.ts';
import { validateOutput } from '../metrics/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { type GateRow, gateJson, trainGate } from '../triage/index.ts';
import { gateOf, gateScore, keptText } from './cascade-gate.ts';

const output = { kind: 'label', labels: ['yes', 'no'] } as const;
const capture = { mode: 'full', rate: 1 } as const;

/** Requests about refunds go wrong, whatever the model says of itself. */
function trained() {
  const random = seededRandom(1);
  const rows = Array.from({ length: 200 }, (_, i): GateRow => {
    const isRefund = random.next() < 0.5;
    const text = `about my ${isRefund ? 'refund' : 'parcel'} please`;
    return { signals: { stated: random.next(), valid: 1 }, text, small: isRefund && random.next() < 0.8 ? 0 : 1, big: 1, group: `g${i}` };
  });
  return gateJson(trainGate(rows, { folds: 4, seed: 1 }).model);
}

function said(changes: Partial<Answer> = {}) {
  const answer: Answer = {
    text: 'yes',
    refusal: null,
    toolCalls: [],
    stop: 'done',
    usage: NO_USAGE,
    usageSource: 'reported',
    logprobs: null,
    recorded: { stated: 0.9 },
    servedModel: null,
    fingerprint: null,
    ...changes,
  };
  return { answer, output, validation: validateOutput(answer.text, output) };
}

describe('a gate classifier at work', () => {
  const certificate = { classifier: trained() } as unknown as LockedCertificate;

  it('scores an answer by its signals and the text of its request', () => {
    const gate = gateOf(certificate)!;
    const [refund, parcel] = ['about my refund please', 'about my parcel please'].map((text) => gateScore(gate, text, said()));
    expect(parcel!).toBeGreaterThan(refund! + 0.2);
    expect(gateOf(certificate)).toBe(gate);
    expect(gateOf({} as unknown as LockedCertificate)).toBeNull();
  });

  it('has no score for a cut answer, nor where the task keeps no text', () => {
    const gate = gateOf(certificate)!;
    expect(gateScore(gate, 'about my parcel please', said({ stop: 'length' }))).toBeNull();
    expect(gateScore(gate, null, said())).toBeNull();
  });

  it('reads texts as pairs keep them', () => {
    const text = 'write to jane.doe@example.com';
    const request = { messages: [{ role: 'user', content: [{ type: 'text', text }] }] } as unknown as ModelRequest;
    expect(keptText(request, capture)).toBe(text);
    expect(keptText(request, { ...capture, mode: 'redacted' })).not.toContain('jane.doe');
    expect(keptText(request, { ...capture, mode: 'off' })).toBeNull();
  });
});
