import { JsonShapeError, scanMembers } from '../../wire/json-members.ts';
import { setMember, splice } from '../../wire/splice.ts';
import type { OutboundCall } from '../types.ts';
import type { LoraHost, LoraJob, LoraMember, LoraStyle } from './types.ts';

/** After a failure requests fail at once for this long, instead of each asking a server that has just refused. */
const REST_MS = 5_000;

/** The adapters of one target: brought about when they are first needed, and again when the server has lost them. */
export class TargetLora {
  readonly #style: LoraStyle;
  readonly #job: LoraJob;
  #member: LoraMember = null;
  #readyUntil = Number.NEGATIVE_INFINITY;
  #failure: { readonly error: unknown; readonly until: number } | null = null;
  #loading: Promise<void> | null = null;
  /** Counts what made earlier findings void, so that a loading that began before does not undo it. */
  #age = 0;

  constructor(style: LoraStyle, job: LoraJob) {
    this.#style = style;
    this.#job = job;
  }

  /** Whether a request can go now without asking. */
  isReady(now: number): boolean {
    return now < this.#readyUntil;
  }

  /** Brings the adapters about; callers at the same time share one try. Rejects with what the style says. */
  ready(host: LoraHost, now: () => number): Promise<void> {
    if (this.#failure !== null && now() < this.#failure.until) return Promise.reject(this.#failure.error);
    this.#loading ??= this.#load(host, now).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** The server may have lost them: the next request asks again. */
  forget(): void {
    this.#age += 1;
    this.#readyUntil = Number.NEGATIVE_INFINITY;
  }

  /** A request as it asks for the adapters. */
  written(call: OutboundCall): OutboundCall {
    const { body } = call;
    if (this.#member === null || body === null || !Buffer.isBuffer(body) || body[0] !== 0x7b) return call;
    const { key, json } = this.#member;
    try {
      return { ...call, body: splice(body, setMember(body, scanMembers(body), key, json)) };
    } catch (error) {
      // No JSON: the server refuses it in its own words.
      if (error instanceof JsonShapeError) return call;
      throw error;
    }
  }

  async #load(host: LoraHost, now: () => number): Promise<void> {
    const age = this.#age;
    try {
      this.#member = await this.#style.load(this.#job, host);
      this.#failure = null;
      const { holdsMs } = this.#style;
      if (age === this.#age) this.#readyUntil = holdsMs === null ? Number.POSITIVE_INFINITY : now() + holdsMs;
    } catch (error) {
      // A connection that failed may be there again at once; what was refused stays refused for a while.
      this.#failure = isRefused(error) ? { error, until: now() + REST_MS } : null;
      throw error;
    }
  }
}

function isRefused(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'UPSTREAM_REJECTED';
}
