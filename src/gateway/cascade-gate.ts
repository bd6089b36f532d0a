import { signalsOf, signalValues } from '../confidence/index.ts';
import type { CaptureConfig, LockedCertificate } from '../config/index.ts';
import type { Answer, ModelRequest, Output, Validation } from '../core/index.ts';
import { redact } from '../run/index.ts';
import type { StoredPair } from '../store/types.ts';
import { Gate, parseGate } from '../triage/index.ts';
import { inputText } from './live-pair.ts';

const gates = new WeakMap<LockedCertificate, Gate>();

/** The gate classifier of a certificate, ready to score; null where its confidence is one signal's. */
export function gateOf(certificate: LockedCertificate): Gate | null {
  if (certificate.classifier === undefined) return null;
  const known = gates.get(certificate);
  if (known !== undefined) return known;
  const gate = new Gate(parseGate(certificate.classifier));
  gates.set(certificate, gate);
  return gate;
}

/** The request's text as pairs keep it, because that is what a gate has learned to read; null where the task keeps none. */
export function keptText(request: ModelRequest, capture: CaptureConfig): string | null {
  if (capture.mode === 'off') return null;
  const text = inputText(request);
  return capture.mode === 'redacted' ? redact(text) : text;
}

/** A gate's score of an answer; null where the answer has no signal to read, or the gate reads texts and there is none. */
export function gateScore(
  gate: Gate,
  text: string | null,
  said: { readonly answer: Answer; readonly output: Output; readonly validation: Validation },
): number | null {
  const signals = signalValues(signalsOf(said.answer, said.output, said.validation));
  return gateScoreOf(gate, text, signals);
}

/** A gate's score by signals that were kept; null as for an answer. */
export function gateScoreOf(gate: Gate, text: string | null, signals: StoredPair['signals']): number | null {
  if (Object.keys(signals).length === 0 || (gate.model.readsText && text === null)) return null;
  return gate.score({ signals, text });
}
