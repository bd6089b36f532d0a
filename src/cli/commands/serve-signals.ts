import type { SignalName } from '../../confidence/index.ts';
import type { Config, Lock, ModelConfig, TaskConfig } from '../../config/index.ts';
import { vendorOf } from '../../providers/index.ts';
import { type KeptProbe, probeOf } from './probe-file.ts';

/** Signals that are made of log-probabilities. */
const OF_LOGPROBS: ReadonlySet<SignalName> = new Set(['token', 'margin', 'mean-logprob', 'min-logprob']);

/**
 * What speaks against the signals that tasks route by, one sentence each: a model that declares no logprobs, that gave none when it was
 * probed, or that nobody has probed. Looks at what is declared and kept; asks no model.
 */
export function signalWarnings(config: Config, lock: Lock, kept: ReadonlyMap<string, KeptProbe>): readonly string[] {
  return [...config.tasks.values()].flatMap((task) => {
    const certificate = lock.certificates.get(task.name);
    // A certificate for the frontier asks nobody else.
    if (certificate?.verdict === 'frontier') return [];
    const signal = certificate === undefined ? signalOf(task) : certificate.signal;
    if (signal === null || !OF_LOGPROBS.has(signal)) return [];
    const rungs = certificate === undefined ? task.ladder.slice(0, -1) : [certificate.small];
    return rungs.flatMap((name) => {
      const model = config.models.get(name);
      if (model === undefined || vendorOf(model.provider) === null) return [];
      const why = doubtOf(model, probeOf(model, kept));
      return why === null ? [] : [`the signal "${signal}" of ${task.name} needs logprobs of ${name}, ${why}`];
    });
  });
}

/** The signal that a task names; a threshold without one takes the probability of the deciding token, where answers have one. */
function signalOf({ signal, threshold, output }: TaskConfig): SignalName | null {
  if (signal !== null) return signal;
  return threshold !== null && threshold > 0 && output.kind !== 'text' ? 'token' : null;
}

function doubtOf({ name, capabilities }: ModelConfig, probe: KeptProbe | null): string | null {
  if (!capabilities.has('logprobs')) return 'which declares none: its answers are never sure enough, and each request pays for two models.';
  if (probe === null) return `which was never probed as it is configured now: run \`smallfirst models probe ${name}\`.`;
  if (probe.observed.logprobs === 'no') {
    return `which gave none when it was probed on ${probe.at.slice(0, 10)}: its answers are never sure enough, and each request pays for two models.`;
  }
  return probe.observed.logprobs === 'unknown' ? `of which its probe saw nothing: run \`smallfirst models probe ${name}\` again.` : null;
}
