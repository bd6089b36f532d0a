import { type Clock, SmallfirstError } from '../../core/index.ts';
import { type Vendor, vendorOf, vendors } from '../vendors.ts';
import { readAddress } from './address.ts';
import { DEFAULT_BREAKER } from './breaker.ts';
import { type ConnectorOptions, guardedConnector, type ResolveAll } from './guarded-connector.ts';
import { ConnectionPool, sharedRead } from './http1/index.ts';
import { DEFAULT_RETRY_BUDGET, RetryBudget } from './retry-budget.ts';
import { DEFAULT_BACKOFF } from './retry-rules.ts';
import { type Route, Sending } from './sending.ts';
import { isAvailable, type LiveTarget, liveTarget } from './target.ts';
import type { AnswerSink, AttemptReport, Exchange, UpstreamOptions, UpstreamRequest, UpstreamSettings, UpstreamTarget } from './types.ts';
import { Uploads } from './uploads.ts';
import { checkHost } from './url-guard.ts';

const DEFAULT_RETRIES = 2;
const DEFAULT_MAX_WAIT_MS = 20_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** What upstreams need of the world. */
export interface UpstreamDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); spreads retries. */
  readonly random: () => number;
  /** Where customary keys are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of every attempt, at once. */
  readonly onAttempt?: (report: AttemptReport) => void;
  /** How names are resolved; the system's way when absent. */
  readonly resolve?: ResolveAll;
}

/** One model that requests can be sent to. */
export class Upstream {
  readonly #route: Route;

  constructor(route: Route) {
    this.#route = route;
  }

  /** The model itself; its fallbacks follow in `targets`. */
  get target(): UpstreamTarget {
    return (this.#route.targets[0] as LiveTarget).info;
  }

  get targets(): readonly UpstreamTarget[] {
    return this.#route.targets.map(({ info }) => info);
  }

  /** False while the breaker of every target is open: whoever has an alternative uses that. */
  available(): boolean {
    const now = this.#route.clock.monotonic();
    return this.#route.targets.some((target) => isAvailable(target, now));
  }

  /** Sends a request: attempts until the first byte, then one answer to the sink. Never throws; everything is told to the sink. */
  send(request: UpstreamRequest, sink: AnswerSink): Exchange {
    const sending = new Sending(this.#route, request, sink);
    sending.start();
    return sending;
  }
}

/** Every upstream of a config, over one pool of connections for each origin. */
export class Upstreams {
  readonly #options: UpstreamOptions;
  readonly #deps: UpstreamDeps;
  readonly #origins = new Map<string, Origin>();
  readonly #targets = new Map<string, LiveTarget>();
  readonly #upstreams = new Map<string, Upstream>();

  constructor(options: UpstreamOptions, deps: UpstreamDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * Adds models; a fallback may name any model that is added with them or was before. Throws CONFIG_INVALID for a URL that may not be called or is
   * missing, a provider that is not called over HTTP, and a fallback that is not there.
   */
  add(models: readonly UpstreamSettings[]): void {
    for (const model of models) this.#targets.set(model.name, this.#target(model));
    for (const model of models) this.#upstreams.set(model.name, new Upstream(this.#route(model)));
  }

  /** The upstream of a model. Throws MODEL_NOT_FOUND. */
  get(name: string): Upstream {
    const upstream = this.#upstreams.get(name);
    if (upstream) return upstream;
    throw new SmallfirstError('MODEL_NOT_FOUND', `There is no upstream for the model ${name}.`);
  }

  has(name: string): boolean {
    return this.#upstreams.has(name);
  }

  /** Waits for the requests under way, then closes every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#origins.values()].flatMap(({ sender, uploads }) => [sender.close(), uploads.close()]));
  }

  /** Closes every connection at once; what is under way fails. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#origins.values()].flatMap(({ sender, uploads }) => [sender.destroy(), uploads.destroy()]));
  }

  #target(model: UpstreamSettings): LiveTarget {
    const vendor = vendorOf(model.provider);
    if (vendor === null) {
      const known = Object.keys(vendors).join(', ');
      throw new SmallfirstError(
        'CONFIG_INVALID',
        `The provider "${model.provider}" of ${model.name} has no upstream; these have: ${known}.`,
      );
    }
    const url = model.url ?? vendor.url;
    if (url === null)
      throw new SmallfirstError('CONFIG_INVALID', `The model ${model.name} needs a url: ${vendor.title} has none of its own.`);
    const address = readAddress(url, vendor.layout);
    checkHost(address.origin, this.#options.allowPrivate);
    return liveTarget(model, {
      vendor,
      address,
      ...this.#origin(address.origin),
      customaryKey: this.#customaryKey(model, vendor),
      breaker: this.#options.breaker ?? DEFAULT_BREAKER,
    });
  }

  /** A vendor's key goes to that vendor's own URL and nowhere else. */
  #customaryKey(model: UpstreamSettings, vendor: Vendor): string | null {
    if (model.url !== null || model.forwardCredential === true || vendor.keyEnv === null) return null;
    return this.#deps.environment[vendor.keyEnv] || null;
  }

  #route(model: UpstreamSettings): Route {
    const names = [model.name, ...(model.fallbacks ?? [])];
    const targets = [...new Set(names)].map((name) => {
      const target = this.#targets.get(name);
      if (target) return target;
      throw new SmallfirstError('CONFIG_INVALID', `The fallback "${name}" of ${model.name} is no model with an upstream.`);
    });
    return {
      targets,
      retries: model.retries ?? DEFAULT_RETRIES,
      hedgeMs: model.hedgeMs ?? null,
      budget: new RetryBudget(DEFAULT_RETRY_BUDGET, this.#deps.clock.monotonic()),
      backoff: this.#options.backoff ?? DEFAULT_BACKOFF,
      maxWaitMs: this.#options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS,
      clock: this.#deps.clock,
      random: this.#deps.random,
      onAttempt: this.#deps.onAttempt ?? null,
    };
  }

  #origin(origin: string): Origin {
    const known = this.#origins.get(origin);
    if (known) return known;
    const options: ConnectorOptions = {
      allowPrivate: this.#options.allowPrivate,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      ...(this.#deps.resolve ? { resolve: this.#deps.resolve } : {}),
    };
    const { clock } = this.#deps;
    const made = {
      sender: new ConnectionPool(origin, { connect: guardedConnector({ ...options, onread: sharedRead }), now: () => clock.monotonic() }),
      uploads: new Uploads(origin, guardedConnector(options)),
    };
    this.#origins.set(origin, made);
    return made;
  }
}

/** The connections to one origin. */
interface Origin {
  readonly sender: ConnectionPool;
  readonly uploads: Uploads;
}
