import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aBareCall, aCall } from '../../test/contracts/calls.ts';
import { anEvent } from '../../test/contracts/store-life.ts';
import { aBarePair, aPair } from '../../test/contracts/store-pairs.ts';
import { earlierCallLine } from '../../test/support/earlier-spool.ts';
import { type Call, type NanoUsd, usage } from '../core/index.ts';
import type { StoredPair, TaskEvent } from '../store/types.ts';
import { encodeCall } from './spool-call.ts';
import { encodeEvent, encodePair } from './spool-life-record.ts';
import { decodeRecord, encodeBody, encodeFeedback } from './spool-record.ts';

// Every UTF-16 unit, broken surrogates included: names come from clients and providers.
const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
const textOrNull = fc.option(text);
const count = fc.maxSafeNat();
const measured = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)));

const call: fc.Arbitrary<Call> = fc.record({
  id: text,
  requestId: text,
  at: count,
  task: textOrNull,
  step: textOrNull,
  pipeline: textOrNull,
  key: textOrNull,
  team: textOrNull,
  model: text,
  provider: text,
  servedModel: textOrNull,
  tier: fc.constantFrom('small', 'mid', 'frontier'),
  purpose: fc.constantFrom('answer', 'escalation', 'polish', 'shadow', 'audit', 'judge', 'eval', 'passthrough'),
  outcome: fc.constantFrom('accepted', 'escalated', 'invalid', 'truncated', 'refused', 'failed', 'aborted', 'observed'),
  error: textOrNull,
  stop: fc.constantFrom(null, 'done', 'stop-sequence', 'length', 'tool-call', 'refusal', 'content-filter', 'cut'),
  usage: fc.record({
    freshInput: count,
    cacheRead: count,
    cacheWrite5m: count,
    cacheWrite1h: count,
    output: count,
    reasoning: count,
    audioInput: count,
    audioOutput: count,
  }),
  usageSource: fc.constantFrom('reported', 'counted', 'recorded'),
  priceId: textOrNull,
  cost: fc.option(fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value) as NanoUsd)),
  latencyMs: measured,
  firstTokenMs: measured,
  streamed: fc.boolean(),
  confidence: measured,
  decision: textOrNull,
  fingerprint: textOrNull,
  bodyHash: textOrNull,
  tags: fc.dictionary(text, text, { noNullPrototype: true }),
});

const money = fc.option(fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value) as NanoUsd));
const real = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));

const pair: fc.Arbitrary<StoredPair> = fc.record({
  id: text,
  task: text,
  small: text,
  big: text,
  at: count,
  drawn: fc.constantFrom('uniform', 'audit', 'feedback', 'active', 'upload'),
  inclusion: real,
  cluster: textOrNull,
  smallQuality: real,
  bigQuality: real,
  confidence: measured,
  signals: fc.dictionary(text, real, { noNullPrototype: true }),
  smallCost: money,
  bigCost: money,
  smallLatencyMs: measured,
  bigLatencyMs: measured,
  requestId: textOrNull,
  certificate: textOrNull,
  prompt: textOrNull,
  servedSmall: textOrNull,
  servedBig: textOrNull,
  input: textOrNull,
  smallOutput: textOrNull,
  bigOutput: textOrNull,
  by: text,
  skip: fc.boolean(),
});

const event: fc.Arbitrary<TaskEvent> = fc.record({
  id: text,
  task: text,
  at: count,
  kind: fc.constantFrom(
    'proposed',
    'approved',
    'stage',
    'alarm',
    'provisional',
    'rollback',
    'voided',
    'covariate',
    'recovered',
    'shadow-budget',
    'deprecation',
    'drift',
  ),
  certificate: textOrNull,
  reason: text,
  // As JSON has it: there is no -0.
  detail: fc.jsonValue({ stringUnit: 'binary' }).map((value) => JSON.parse(JSON.stringify(value)) as TaskEvent['detail']),
});

const lineOf = (encoded: string): string => {
  expect(encoded.indexOf('\n')).toBe(encoded.length - 1);
  return encoded.slice(0, -1);
};

describe('a line of the spool', () => {
  it('gives any call back as it was, after a trip through UTF-8 too', () => {
    fc.assert(
      fc.property(call, (value) => {
        const line = lineOf(encodeCall(value));
        expect(decodeRecord(Buffer.from(line, 'utf8').toString('utf8'))).toEqual({ kind: 'call', call: value });
      }),
      { numRuns: 300 },
    );
  });

  it('gives each of the calls back that differ in one member', () => {
    const parts: readonly Partial<Call>[] = [
      {},
      ...['task', 'step', 'pipeline', 'key', 'team', 'model', 'provider', 'servedModel', 'error', 'priceId', 'decision', 'requestId'].map(
        (member) => ({ [member]: 'another' }),
      ),
      { tier: 'frontier', purpose: 'judge', outcome: 'failed' },
      { stop: 'cut', usageSource: 'counted', streamed: false },
      { latencyMs: 1 / 3, firstTokenMs: 1e300 },
      ...['freshInput', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h', 'output', 'reasoning', 'audioInput', 'audioOutput'].map((name) => ({
        usage: usage({ [name]: 7 }),
      })),
    ];
    const calls = [...parts, ...parts].map((part) => aCall(part));
    expect(calls.map((one) => decodeRecord(lineOf(encodeCall(one))))).toEqual(calls.map((one) => ({ kind: 'call', call: one })));
  });

  it('is read as it was written before', () => {
    fc.assert(
      fc.property(call, (value) => {
        expect(decodeRecord(lineOf(earlierCallLine(value)))).toEqual({ kind: 'call', call: value });
      }),
      { numRuns: 300 },
    );
  });

  it('gives bodies and feedback back as they were', () => {
    fc.assert(
      fc.property(text, count, text, textOrNull, measured, (id, at, body, label, score) => {
        const feedback = { id, requestId: body, at, key: label, label, score, comment: label };
        expect(decodeRecord(lineOf(encodeBody({ hash: id, at, body })))).toEqual({ kind: 'body', body: { hash: id, at, body } });
        expect(decodeRecord(lineOf(encodeFeedback(feedback)))).toEqual({ kind: 'feedback', feedback });
      }),
    );
  });

  it('gives any pair and any event of a task back as they were', () => {
    fc.assert(
      fc.property(pair, event, (one, other) => {
        expect(decodeRecord(Buffer.from(lineOf(encodePair(one)), 'utf8').toString('utf8'))).toEqual({ kind: 'pair', pair: one });
        expect(decodeRecord(Buffer.from(lineOf(encodeEvent(other)), 'utf8').toString('utf8'))).toEqual({ kind: 'event', event: other });
      }),
      { numRuns: 300 },
    );
  });

  it('that was torn anywhere is no line', () => {
    for (const line of [encodeCall(aCall()), earlierCallLine(aCall()), encodePair(aPair()), encodeEvent(anEvent())].map(lineOf)) {
      for (let length = 0; length < line.length; length++) {
        expect(() => decodeRecord(line.slice(0, length))).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
      }
    }
  });

  it.each([
    ['not JSON', 'x'],
    ['no list', '{"0":"c1"}'],
    ['null', 'null'],
    ['of an unknown kind', '["c3"]'],
    ['a call of no members', '["c2",2,[],[]]'],
    ['a call of no length', '["c2",]'],
    ['a call with a member too few', encodeCall(aCall()).replace(/,\{[^}]*\}\]\]\n$/, ']]')],
    ['a call of before with a member too few', earlierCallLine(aCall()).replace(/,\{[^}]*\}\]\n$/, ']')],
    ['a call with a usage too few', encodeCall(aBareCall()).replace('[0,0,0]', '[0,0]')],
    ['a call with a latency that is no number', encodeCall(aCall({ latencyMs: Number.NaN }))],
    ['a body with a number for a text', '["b1","hash",1,2]'],
    ['a call with a cost that is no number', encodeCall(aBareCall({ cost: Number.NaN as NanoUsd }))],
    ['a call with an unknown tier', encodeCall(aCall({ tier: 'constructor' as 'small' }))],
    ['a pair with a quality that is no number', encodePair(aBarePair({ smallQuality: Number.NaN }))],
    ['a pair with a signal that is no number', encodePair(aPair({ signals: { margin: Number.NaN } }))],
    ['a pair that was drawn in an unknown way', encodePair(aPair({ drawn: 'toString' as 'audit' }))],
    ['a pair with a member too few', encodePair(aPair()).replace(/,1\]\n$/, ']')],
    ['an event of an unknown kind', encodeEvent(anEvent({ kind: 'valueOf' as 'alarm' }))],
    ['a call with a tag that is no text', encodeCall(aCall({ tags: { a: 1 as unknown as string } }))],
  ])('is refused when it is %s', (_what, line) => {
    expect(() => decodeRecord(line.trimEnd())).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});
