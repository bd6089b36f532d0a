import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type AuditCall, readAudit } from '../src/audit/index.ts';
import { type Call, type NanoUsd, newId, usage } from '../src/core/index.ts';
import { PriceBook } from '../src/pricing/index.ts';
import { answerKey, bodyHash } from '../src/run/index.ts';
import { openSqliteStore } from '../src/store/index.ts';

const data = mkdtempSync(join(tmpdir(), 'smallfirst-audit-store-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

it('audits our own record: every attempt at the price that it was booked at, with the bodies that were kept', async () => {
  const store = await openSqliteStore(join(data, 'smallfirst.db'));
  const body = JSON.stringify({ model: 'small', messages: [{ role: 'system', content: 'Classify.' }], temperature: 0 });
  const call: Call = {
    ...{
      id: newId(),
      requestId: 'request-1',
      at: Date.UTC(2026, 8, 2),
      task: 'triage',
      step: null,
      pipeline: null,
      key: 'bot',
      team: 'care',
    },
    ...{
      model: 'small',
      provider: 'openai',
      servedModel: 'gpt-4o-mini',
      tier: 'small',
      purpose: 'answer',
      outcome: 'accepted',
      error: null,
    },
    ...{ stop: 'done', usage: usage({ freshInput: 1_000, output: 200 }), usageSource: 'reported', priceId: 'p', cost: 123 as NanoUsd },
    ...{
      latencyMs: 5,
      firstTokenMs: 2,
      streamed: false,
      confidence: null,
      decision: null,
      fingerprint: null,
      bodyHash: bodyHash(body),
      tags: {},
    },
  };
  await store.calls.append([call]);
  await store.bodies.put([
    { hash: bodyHash(body), at: call.at, body },
    { hash: answerKey(call.id), at: call.at, body: 'shipping' },
  ]);
  await store.close();
  const calls: AuditCall[] = [];
  const report = await readAudit({
    files: [data],
    book: new PriceBook({ warn: () => {} }),
    now: call.at,
    onCalls: (batch) => {
      calls.push(...batch);
    },
  });
  expect(calls).toMatchObject([
    {
      callId: 'request-1',
      source: 'smallfirst',
      cost: 123,
      priceId: 'p',
      hints: { tag: 'triage' },
      key: 'bot',
      system: 'Classify.',
      output: 'shipping',
    },
  ]);
  expect(report.rows).toEqual({ read: 1, kept: 1, joined: 0, skipped: [] });
});
