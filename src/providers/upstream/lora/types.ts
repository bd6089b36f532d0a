import type { ErrorCode } from '../../../core/index.ts';
import { type LoraSettings, UpstreamError } from '../types.ts';

/** What one server has to do: which adapters over which model. */
export interface LoraJob {
  /** The model's name in the registry, for messages. */
  readonly model: string;
  /** The model's name at the server, without any adapter. */
  readonly base: string;
  readonly adapters: readonly LoraSettings[];
}

/** An answer to a question of our own. */
export interface HostAnswer {
  readonly status: number;
  readonly text: string;
}

/** A server that is asked by us and not for a client. Rejects when the connection fails. */
export interface LoraHost {
  /** `path` counts from the server's root, not from its API's. */
  ask(method: 'GET' | 'HEAD' | 'POST', path: string, body?: object): Promise<HostAnswer>;
  /** Sends a file as it is. */
  upload(path: string, file: string): Promise<HostAnswer>;
}

/** A member that every request then carries, as JSON; null for none. */
export type LoraMember = { readonly key: string; readonly json: string } | null;

/**
 * How a kind of server takes adapters, as data of its vendor row. `load` brings it about and may be called again at any time: what is there already
 * stays. Rejects with an UpstreamError that says what a person must do.
 */
export interface LoraStyle {
  /** Several adapters over one model, each with a scale. */
  readonly several: boolean;
  /** The server calls model and adapter together by the adapter's name. */
  readonly renames: boolean;
  /** Adapters are files here, sent to the server. */
  readonly from: 'here' | 'server';
  /** How long what was found holds without asking again, in milliseconds; null until the server says that the model is not there. */
  readonly holdsMs: number | null;
  load(job: LoraJob, host: LoraHost): Promise<LoraMember>;
}

/** An adapter that cannot be used, in words of our own: what the server said may name paths and accounts. */
export function loraError(job: LoraJob, adapter: LoraSettings, why: string, code: ErrorCode = 'UPSTREAM_REJECTED'): UpstreamError {
  return new UpstreamError(code, `The LoRA adapter ${adapter.name} of ${job.model} is not in place: ${why}.`);
}

/** JSON of an answer, or null for what is none. */
export function jsonOf(answer: HostAnswer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch {
    return null;
  }
}
