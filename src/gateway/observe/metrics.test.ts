import { describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import type { RecorderState } from '../../run/index.ts';
import { openMetrics } from './metrics.ts';

const WAITING: RecorderState = {
  recordedRows: 3,
  queuedRows: 3,
  queuedBytes: 900,
  oldestQueuedAt: 1_000,
  ingestedRows: 0,
  rejectedRows: 0,
  lostRows: 0,
  droppedBodies: 0,
  prunedBodies: 0,
  prunedCalls: 0,
  tornLines: 0,
  lastError: null,
};

function metricsWith() {
  return openMetrics(
    {
      recorder: () => WAITING,
      budgets: () => [],
      models: () => [{ model: 'small', isAvailable: false }],
      active: () => 2,
      droppedLogLines: () => 5,
      droppedJobs: () => 7,
      standings: () => [],
    },
    () => 4_000,
  );
}

describe('metrics', () => {
  it('say how the gateway is at the moment they are read', async () => {
    const { text } = await metricsWith().read();
    for (const line of [
      'smallfirst_spool_rows 3',
      'smallfirst_spool_oldest_seconds 3',
      'smallfirst_requests_active 2',
      'smallfirst_log_lines_dropped 5',
      'smallfirst_background_dropped_total 7',
      'smallfirst_breaker_open{model="small"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });

  it('count every request once, in its counter and in its histograms', async () => {
    const metrics = metricsWith();
    for (let i = 0; i < 1_000; i += 1) {
      const model = i % 4 === 0 ? 'big' : 'small';
      metrics.request({
        protocol: 'openai-chat',
        model,
        task: null,
        status: i % 10 === 0 ? 502 : 200,
        ms: 4,
        upstreamMs: i % 2 === 0 ? 3 : 60,
      });
      metrics.call(aCall({ streamed: true, firstTokenMs: 250 }), { model, task: null });
    }
    const { text } = await metrics.read();
    for (const line of [
      'smallfirst_requests_total{protocol="openai-chat",model="big",task="",status="502"} 50',
      'smallfirst_requests_total{protocol="openai-chat",model="small",task="",status="200"} 700',
      'smallfirst_upstream_seconds_bucket{le="0.05",model="small"} 250',
      'smallfirst_upstream_seconds_bucket{le="0.1",model="small"} 750',
      'smallfirst_upstream_seconds_bucket{le="+Inf",model="small"} 750',
      'smallfirst_upstream_seconds_count{model="small"} 750',
      'smallfirst_upstream_seconds_count{model="big"} 250',
      'smallfirst_first_byte_seconds_bucket{le="0.1",model="big"} 0',
      'smallfirst_first_byte_seconds_bucket{le="0.25",model="big"} 250',
      'smallfirst_overhead_seconds_bucket{le="0.0001",protocol="openai-chat"} 500',
      'smallfirst_overhead_seconds_bucket{le="0.001",protocol="openai-chat"} 1000',
      'smallfirst_overhead_seconds_count{protocol="openai-chat"} 1000',
      'smallfirst_overhead_seconds_sum{protocol="openai-chat"} 0.5000000000000003',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });

  it('do not grow without end, whatever names come', async () => {
    const metrics = metricsWith();
    for (let i = 0; i < 3_000; i += 1) {
      metrics.request({ protocol: 'openai-chat', model: `m${i}`, task: `t${i}`, status: 200, ms: 2, upstreamMs: 1 });
      metrics.call(aCall(), { model: `m${i}`, task: `t${i % 7}` });
    }
    const { text } = await metrics.read();
    expect(text.split('\n').filter((line) => line.startsWith('smallfirst_requests_total{'))).toHaveLength(201);
    expect(text).toContain('smallfirst_requests_total{protocol="openai-chat",model="other",task="other",status="200"} 2800');
    expect(text.length).toBeLessThan(1_000_000);
  });

  it('show the same sums however often they are read', async () => {
    const metrics = metricsWith();
    metrics.call(aCall({ cost: null }), { model: 'small', task: null });
    const first = await metrics.read();
    const second = await metrics.read();
    const own = (text: string) => text.split('\n').filter((line) => line.startsWith('smallfirst_'));
    expect(own(second.text)).toEqual(own(first.text));
    expect(first.text).toContain('smallfirst_unpriced_calls_total{model="small",task="",purpose="answer",outcome="accepted"} 1');
  });
});
