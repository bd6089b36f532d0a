import type { Call } from '../../src/core/index.ts';

/** A call as the versions up to 0.1 wrote it into a spool: an update must find it there. */
export function earlierCallLine(call: Call): string {
  const { usage } = call;
  const measured = (value: number | null) => (value === null || Number.isFinite(value) ? value : String(value));
  const line = JSON.stringify([
    'c1',
    call.id,
    call.requestId,
    call.at,
    call.task,
    call.step,
    call.pipeline,
    call.key,
    call.team,
    call.model,
    call.provider,
    call.servedModel,
    call.tier,
    call.purpose,
    call.outcome,
    call.error,
    call.stop,
    call.usageSource,
    call.priceId,
    call.decision,
    call.fingerprint,
    call.bodyHash,
    call.streamed ? 1 : 0,
    measured(call.cost),
    measured(call.latencyMs),
    measured(call.firstTokenMs),
    measured(call.confidence),
    usage.freshInput,
    usage.cacheRead,
    usage.cacheWrite5m,
    usage.cacheWrite1h,
    usage.output,
    usage.reasoning,
    usage.audioInput,
    usage.audioOutput,
    call.tags,
  ]);
  return `${line}\n`;
}
