import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CaptureConfig, PipelineConfig } from '../config/index.ts';
import type { Clock, Tier } from '../core/index.ts';
import type { PriceBook } from '../pricing/index.ts';
import type { Upstream } from '../providers/index.ts';
import type { Recorder } from '../run/index.ts';
import type { Steps } from './cascade-types.ts';
import type { Exchange, Observer } from './exchange.ts';
import type { Ownership } from './ownership.ts';
import type { Access, Family, PipelineReservation, Reservation } from './parties.ts';
import type { Pipelines } from './pipeline-types.ts';

/** Budgets. */
export interface Ledger {
  /** Null where nothing limits the caller. Throws BUDGET_EXCEEDED. */
  reserve(exchange: Exchange): Reservation | null;
  /** The same for a run of a pipeline. Throws BUDGET_EXCEEDED. */
  reserveRun(exchange: Exchange, pipeline: PipelineConfig): PipelineReservation | null;
  /** Refuses a request to an endpoint whose price nobody knows, where a budget or a cost cap holds. Throws BUDGET_UNPRICED. */
  checkEndpoint(exchange: Exchange, provider: string): void;
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
  /** It is asked without parts of the prompt, so that no client's bytes reach it as they are. */
  readonly isPruned: boolean;
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
  /** What is kept of the bodies of requests whose task says nothing of that. */
  readonly capture: CaptureConfig;
  /** Tasks with their ladders, and models of other protocols. */
  readonly steps: Steps;
  readonly pipelines: Pipelines;
  /** Counts the tokens of answers that came without usage. */
  readonly countTokens: () => Promise<(text: string) => number>;
  readonly settings: GatewaySettings;
}

/** How a gateway serves. */
export interface GatewaySettings {
  readonly drainMs: number;
  readonly pingMs: number;
  /** How long a client may take nothing of what waits for it. */
  readonly sendTimeoutMs: number;
  readonly maxConnections: number;
}
