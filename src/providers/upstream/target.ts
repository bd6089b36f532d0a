import type { Vendor } from '../vendors.ts';
import type { Address } from './address.ts';
import { Breaker, type BreakerOptions } from './breaker.ts';
import { credentialHeader, type HeaderList } from './headers.ts';
import type { HttpSender } from './http1/index.ts';
import { KeyPool } from './key-pool.ts';
import { Limiter } from './limiter.ts';
import { loraStyles, TargetLora } from './lora/index.ts';
import type { UpstreamSettings, UpstreamTarget } from './types.ts';
import type { Uploads } from './uploads.ts';

/** Above what SDKs wait (600 s), so that it is never us who give up first. */
export const DEFAULT_TIMEOUT_MS = 900_000;

/** A target with what it remembers between requests: its breaker, its keys, its slots. */
export interface LiveTarget {
  readonly info: UpstreamTarget;
  readonly address: Address;
  readonly sender: HttpSender;
  /** For bodies that are streamed. */
  readonly uploads: Uploads;
  readonly keys: KeyPool;
  /** The credential headers, by index of the key. */
  readonly credentials: readonly HeaderList[];
  /** No key here: the client's own goes on. */
  readonly forwardCredential: boolean;
  readonly breaker: Breaker | null;
  readonly limiter: Limiter | null;
  readonly timeoutMs: number;
  /** Null where the model is asked as it is. */
  readonly lora: TargetLora | null;
}

/** What a target is made from beside its settings. */
export interface TargetParts {
  readonly vendor: Vendor;
  readonly address: Address;
  readonly sender: HttpSender;
  /** For bodies that are streamed. */
  readonly uploads: Uploads;
  /** The key of the vendor's customary environment variable, null when it is not to be used. */
  readonly customaryKey: string | null;
  readonly breaker: BreakerOptions;
}

/** A target at rest: nothing failed yet, nobody waits. */
export function liveTarget(settings: UpstreamSettings, parts: TargetParts): LiveTarget {
  const { vendor } = parts;
  const keys = settings.keys.length > 0 ? settings.keys : parts.customaryKey === null ? [] : [{ key: parts.customaryKey, weight: 1 }];
  const concurrency = settings.concurrency ?? null;
  const [adapter] = settings.lora ?? [];
  const style = adapter === undefined || vendor.lora === undefined ? null : loraStyles[vendor.lora];
  return {
    info: {
      name: settings.name,
      provider: settings.provider,
      model: adapter !== undefined && style?.renames === true ? adapter.name : settings.model,
      protocols: settings.protocols ?? vendor.protocols,
      quirks: vendor.quirks,
      hasOwnKey: keys.length > 0,
    },
    address: parts.address,
    sender: parts.sender,
    uploads: parts.uploads,
    keys: new KeyPool(keys.map(({ weight }) => weight)),
    credentials: keys.map(({ key }) => credentialHeader(vendor.auth, key)),
    forwardCredential: keys.length === 0 && settings.forwardCredential === true,
    breaker: settings.breaker === false ? null : new Breaker(parts.breaker),
    limiter: concurrency === null ? null : new Limiter(concurrency, settings.queue ?? concurrency),
    timeoutMs: settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    lora: style === null ? null : new TargetLora(style, { model: settings.name, base: settings.model, adapters: settings.lora ?? [] }),
  };
}

/** Whether a target would take a request now: its breaker lets it through and a key that was not tried is ready. */
export function isAvailable(target: LiveTarget, now: number, triedKeys: ReadonlySet<number> | null = null): boolean {
  if (target.breaker?.allows(now) === false) return false;
  return target.keys.size === 0 || target.keys.ready(now, triedKeys);
}
