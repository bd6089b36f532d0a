import type { Json, ModelEvent, StopReason, UpstreamFailure } from '../../core/index.ts';
import type { NormalisedUsage } from '../../pricing/index.ts';
import { isObject } from './shape.ts';

type EndEvent = Extract<ModelEvent, { type: 'end' }>;

/** What an answer's end can carry beside its reason. */
export interface EndDetails {
  readonly rawUsage?: unknown;
  readonly normalise: (json: unknown) => NormalisedUsage | null;
  readonly stopSequence?: unknown;
  readonly serviceTier?: unknown;
  readonly failure?: UpstreamFailure;
}

/** The `end` event; a usage that is not there stays null, and is never invented. */
export function endEvent(stop: StopReason, details: EndDetails): EndEvent {
  const normalised = isObject(details.rawUsage) ? details.normalise(details.rawUsage) : null;
  return {
    type: 'end',
    stop,
    usage: normalised?.usage ?? null,
    usageSource: 'reported',
    ...(normalised === null ? {} : { rawUsage: details.rawUsage as Json }),
    ...(normalised !== null && normalised.flags.length > 0 ? { usageFlags: normalised.flags } : {}),
    ...(typeof details.stopSequence === 'string' ? { stopSequence: details.stopSequence } : {}),
    ...(typeof details.serviceTier === 'string' ? { serviceTier: details.serviceTier } : {}),
    ...(details.failure === undefined ? {} : { failure: details.failure }),
  };
}

/** What an upstream's error object says. */
export function failureOf(error: unknown): UpstreamFailure {
  if (typeof error === 'string') return { type: null, code: null, message: error };
  const from = isObject(error) ? error : {};
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null);
  return { type: text(from.type), code: text(from.code), message: text(from.message) ?? 'The upstream reported an error.' };
}

/** The failure of an answer or a chunk that is not what its protocol allows. */
export function unreadable(what: string): UpstreamFailure {
  return { type: null, code: 'invalid_answer', message: `The upstream sent ${what}.` };
}
