import { calibrate, preferredSignal, type SignalName, signalBound, signalsOf, signalValue } from '../confidence/index.ts';
import type { LockedCertificate, TaskConfig } from '../config/index.ts';
import type { Answer, ModelRequest, Output, Validation } from '../core/index.ts';
import type { ModelClient } from '../providers/index.ts';
import type { ConfidenceBound } from '../run/index.ts';
import { gateOf, gateScore } from './cascade-gate.ts';

/** Alternatives that are asked for at each token, where a signal reads them. */
const TOP_LOGPROBS = 5;
const LOGPROB_SIGNALS: ReadonlySet<SignalName> = new Set<SignalName>(['token', 'margin', 'mean-logprob', 'min-logprob']);

/** How confidence is read from answers. */
export interface ConfidenceRule {
  needsLogprobs(model: string): boolean;
  confidence(model: string, answer: Answer, output: Output, validation: Validation): number | null;
  bound(model: string, request: ModelRequest): ConfidenceBound | null;
}

/** By the certificate for its small model; by a person's threshold for every rung, uncalibrated as that number is. */
export function ruleOf(certificate: LockedCertificate | null, task: TaskConfig | null, text: () => string | null): ConfidenceRule {
  if (certificate === null) return fixedRule(task);
  const { small, signal, calibrator } = certificate;
  const gate = gateOf(certificate);
  const read = gate === null ? [signal] : gate.model.signals.map(({ name }) => name);
  const isRead = (model: string): boolean => model === small && calibrator !== null;
  return {
    needsLogprobs: (model) => isRead(model) && read.some((name) => LOGPROB_SIGNALS.has(name as SignalName)),
    confidence: (model, answer, output, validation) => {
      if (!isRead(model) || calibrator === null) return null;
      const signalled = (): number | null => (signal === null ? null : signalValue(signalsOf(answer, output, validation), signal));
      const value = gate === null ? signalled() : gateScore(gate, text(), { answer, output, validation });
      return value === null ? null : calibrate(calibrator, value);
    },
    bound: (model, request) => {
      const bound = isRead(model) && signal !== null ? signalBound(signal, request.maxTokens ?? null) : null;
      if (bound === null || calibrator === null) return null;
      return {
        add: (text, tokens) => bound.add(text, tokens),
        value: () => {
          const value = bound.value();
          return value === null ? null : calibrate(calibrator, value);
        },
      };
    },
  };
}

function fixedRule(task: TaskConfig | null): ConfidenceRule {
  const isFixed = task !== null && task.threshold !== null;
  const ceiling = task?.ladder.at(-1);
  return {
    needsLogprobs: (model) =>
      isFixed && model !== ceiling && (task.signal === null ? task.output.kind !== 'text' : LOGPROB_SIGNALS.has(task.signal)),
    confidence: (model, answer, output, validation) => {
      if (!isFixed || model === ceiling) return null;
      const signals = signalsOf(answer, output, validation);
      return task.signal === null ? (preferredSignal(signals)?.value ?? null) : signalValue(signals, task.signal);
    },
    bound: () => null,
  };
}

/** Asks for log-probabilities where a signal reads them; what the client asked for itself stays as it is elsewhere. */
export function withLogprobs(client: ModelClient, needed: boolean): ModelClient {
  if (!needed) return client;
  return {
    call: (request, context) => client.call({ ...request, logprobs: { top: Math.max(TOP_LOGPROBS, request.logprobs?.top ?? 0) } }, context),
  };
}
