import type { TaskConfig } from '../config/index.ts';
import type { Call, EpochMs, ModelRequest } from '../core/index.ts';
import type { Protocol } from '../providers/index.ts';
import { type Demand, demandOf } from './caps.ts';
import type { Exchange } from './exchange.ts';
import type { Caller } from './parties.ts';
import { isTranslatable, readRequest } from './translate.ts';

/** A request that is learned from beside its answer: a client's own, or what a step of a pipeline asks. */
export interface LiveRequest {
  /** No other one has it: draws and pairs go by it. */
  readonly id: string;
  /** The client's request that caused it; steps of one run share it. */
  readonly requestId: string;
  readonly at: EpochMs;
  readonly task: TaskConfig | null;
  readonly fingerprint: string | null;
  readonly caller: Pick<Caller, 'key' | 'team'>;
  /** The key of its body in the store; null where that is not kept. */
  readonly bodyHash: string | null;
  /** What it holds in memory. */
  readonly bytes: number;
  readonly demand: Demand;
  /** Whose bytes pass by where an answer is heard on its way. */
  readonly protocol: Protocol;
  /** The request in our own words; null where they cannot say all of it, so that a small model would be asked something else. */
  read(): ModelRequest | null;
  /** Books a call that was made beside the answer. */
  record(row: Call): void;
}

/** A client's own request as one to learn from. */
export function liveRequestOf(exchange: Exchange): LiveRequest {
  return new ClientsOwn(exchange);
}

class ClientsOwn implements LiveRequest {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get id(): string {
    return this.#exchange.id;
  }

  get requestId(): string {
    return this.#exchange.id;
  }

  get at(): EpochMs {
    return this.#exchange.at;
  }

  get task(): TaskConfig | null {
    return this.#exchange.task;
  }

  get fingerprint(): string | null {
    return this.#exchange.fingerprint;
  }

  get caller(): Caller {
    return this.#exchange.caller;
  }

  get bodyHash(): string | null {
    return this.#exchange.capture?.requestHash ?? null;
  }

  get bytes(): number {
    return this.#exchange.body.length;
  }

  get demand(): Demand {
    return demandOf(this.#exchange);
  }

  get protocol(): Protocol {
    return this.#exchange.route.protocol;
  }

  read(): ModelRequest | null {
    if (!isTranslatable(this.#exchange)) return null;
    const client = readRequest(this.#exchange);
    return client.untranslatable.length > 0 ? null : client.request;
  }

  record(row: Call): void {
    this.#exchange.record(row);
  }
}
