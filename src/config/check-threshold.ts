import type { SignalName } from '../confidence/index.ts';
import type { Checkable, Known } from './check.ts';
import type { Problem } from './config-error.ts';
import type { RawTask } from './schema.ts';
import type { Source } from './source.ts';

const LOGPROB_SUMS: ReadonlySet<SignalName> = new Set<SignalName>(['mean-logprob', 'min-logprob']);
const DECIDING: ReadonlySet<SignalName> = new Set<SignalName>(['token', 'margin']);

/**
 * Refuses a threshold that no answer can ever meet, because each request would pay for the small model and for the ceiling: where no rung
 * below the ceiling gives the signal that it is set on. A threshold of 0 is met by every valid answer.
 */
export function checkThresholds(raw: Checkable, source: Source, known: Known): readonly Problem[] {
  return Object.entries(raw.tasks).flatMap(([name, task]) => thresholdOf(name, task, { raw, source, known }));
}

interface World {
  readonly raw: Checkable;
  readonly source: Source;
  readonly known: Known;
}

function thresholdOf(name: string, task: Partial<RawTask>, { raw, source, known }: World): readonly Problem[] {
  const { threshold, signal, output, ladder = [] } = task;
  if (threshold === undefined || threshold === 0 || output === undefined || ladder.length < 2) return [];
  const problem = (why: string, hint: string): readonly Problem[] => [
    {
      message: `tasks.${name}.threshold can never be met, so that every request would pay for two models: ${why}; ${hint}.`,
      position: source.at(['tasks', name, 'threshold']),
    },
  ];
  const certify = 'remove the threshold and certify the task instead';
  if (signal !== undefined && LOGPROB_SUMS.has(signal)) {
    return problem(`${signal} is a logarithm, which is never above 0`, `write signal: token for labels and JSON, or ${certify}`);
  }
  const below = ladder.slice(0, -1);
  if (below.some((rung) => !raw.modelNames.includes(rung) || gives(rung, signal ?? null, output.kind, raw, known))) return [];
  const models = below.join(', ');
  if (output.kind === 'text' && (signal === undefined || DECIDING.has(signal))) {
    return problem(
      'a text has no deciding token to be sure of',
      `write signal: valid to accept every text that is not empty, or ${certify}`,
    );
  }
  if (signal !== undefined && !DECIDING.has(signal)) return problem(`${models} tells no ${signal} with a live answer`, certify);
  return problem(`${models} gives no log-probabilities`, `write signal: valid to accept every valid answer, or ${certify}`);
}

/** Whether answers of a model can carry the signal; where that is not known, they can. */
function gives(rung: string, signal: SignalName | null, kind: string, raw: Checkable, known: Known): boolean {
  // A student computes a probability, and is listed under its own name.
  if (rung.startsWith('student/')) return signal === null || signal === 'probability' || signal === 'valid';
  const model = raw.models[rung];
  const provider = model?.provider;
  // Whatever a recording holds, it tells.
  if (model === undefined || provider === undefined || provider === 'replay' || signal === 'valid') return true;
  if (provider === 'student') return signal === null || signal === 'probability';
  if (kind === 'text' || (signal !== null && !DECIDING.has(signal))) return false;
  const row = known.providers !== undefined && Object.hasOwn(known.providers, provider) ? known.providers[provider] : undefined;
  const capabilities = model.capabilities ?? row?.capabilities;
  return capabilities === undefined || capabilities.includes('logprobs');
}
