import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CapsConfig } from '../config/index.ts';
import type { Call, Clock, Tier } from '../core/index.ts';
import type { PriceBook } from '../pricing/index.ts';
import type { Upstream } from '../providers/index.ts';
import type { Recorder } from '../run/index.ts';
import type { Steps } from './cascade-types.ts';
import type { Exchange } from './exchange.ts';
import type { Ownership } from './ownership.ts';

/** The two families of endpoints that share a base URL, an error envelope and a way to send a key. */
export type Family = 'openai' | 'anthropic';

/** Who asks. */
export interface Caller {
  /** The client key's name, null where no keys are declared. */
  readonly key: string | null;
  readonly team: string | null;
  /** Whether it may use models and endpoints that the config does not name. */
  readonly mayPassThrough: boolean;
  /** Null allows every model. */
  readonly models: ReadonlySet<string> | null;
  /** Null allows every task, and requests that name none. */
  readonly tasks: ReadonlySet<string> | null;
  /** The most that one request may ask for; null for no caps. */
  readonly caps: CapsConfig | null;
}

/** Decides who may ask at all. */
export interface Access {
  /** Throws UNAUTHENTICATED or FORBIDDEN. Sees the head of a request only: its body has not been read. */
  check(request: IncomingMessage): Caller;
}

/** Money that a request may spend, set aside until it is known what it spent. */
export interface Reservation {
  /** What the upstream must be told as its output limit, because the request names none and money is set aside for this much; else null. */
  readonly outputLimit: number | null;
  /** Rate limit headers of our own, names and values in turn; upstreams' `anthropic-ratelimit-*` go no further then. Null leaves those alone. */
  readonly headers: readonly string[] | null;
  /** Called once for each row of the request, before its answer ends. */
  settle(call: Call): void;
  /** The request is over: what was not settled is free again. */
  release(): void;
}

/** Budgets. */
export interface Ledger {
  /** Null where nothing limits the caller. Throws BUDGET_EXCEEDED. */
  reserve(exchange: Exchange): Reservation | null;
}

/** What is kept about an exchange while it lasts. */
export interface Observation {
  /** The `traceparent` to send upstream in place of the client's. */
  readonly traceparent: string;
}

/** Hears of requests, for logs, metrics and traces. Must not throw and must be cheap. */
export interface Observer {
  /** An exchange begins; what is returned stays with it. */
  began(exchange: Exchange): Observation | null;
  /** A row of it was recorded. */
  recorded(exchange: Exchange, call: Call): void;
  /** An exchange is over, answered or not. */
  ended(exchange: Exchange): void;
  /** Something that an operator should know; holds no key and no prompt. */
  warn(message: string): void;
}

/** Serves whoever runs the gateway. */
export interface Operator {
  /** The metrics as text. Rejects with UNAUTHENTICATED or FORBIDDEN. */
  metrics(request: IncomingMessage): Promise<{ readonly type: string; readonly text: string }>;
  /** Takes over a request to the admin API, its body and its answer. Throws UNAUTHENTICATED or FORBIDDEN. */
  admin(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** A model that a client may name, with what a row about it says. */
export interface ServedModel {
  readonly name: string;
  readonly provider: string;
  /** The name on the wire. */
  readonly model: string;
  readonly tier: Tier;
  readonly upstream: Upstream;
}

/** Where model names and endpoints lead. */
export interface Directory {
  /** Every model of the config, by name. */
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Who serves every other model name of a family; null for nobody. `provider` is whose prices hold. */
  passthrough(family: Family): { readonly provider: string; readonly upstream: Upstream } | null;
  /** Who serves the endpoints that name no model of ours: `passthrough`, else the one upstream that all models of the family share. */
  endpoints(family: Family): { readonly provider: string; readonly upstream: Upstream } | null;
}

/** What a gateway is made of. */
export interface GatewayDeps {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly directory: Directory;
  readonly prices: Pick<PriceBook, 'price'>;
  readonly recorder: Pick<Recorder, 'record' | 'feedback'>;
  readonly access: Access;
  readonly ledger: Ledger;
  readonly observer: Observer;
  readonly operator: Operator;
  readonly ownership: Ownership;
  /** Tasks with their ladders, and models of other protocols. */
  readonly steps: Steps;
  /** Counts the tokens of answers that came without usage. */
  readonly countTokens: () => Promise<(text: string) => number>;
  readonly settings: GatewaySettings;
}

/** How a gateway serves. */
export interface GatewaySettings {
  readonly drainMs: number;
  readonly pingMs: number;
  readonly maxConnections: number;
}
