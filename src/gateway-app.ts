import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config, ModelConfig } from './config/index.ts';
import { newId, SmallfirstError, systemClock } from './core/index.ts';
import {
  type Access,
  type Directory,
  type Family,
  type Gateway,
  type GatewayDeps,
  type GatewaySettings,
  isLoopbackHost,
  loopbackAccess,
  Ownership,
  openAccess,
  openGateway,
  openKeyRing,
  openLog,
  openTemplateJournal,
  requestIds,
  type ServedModel,
} from './gateway/index.ts';
import { type Operations, openOperations } from './gateway-operations.ts';
import { type OpenSteps, openSteps } from './gateway-steps.ts';
import { type Life, openLife } from './life-worker.ts';
import { pipelineWorld } from './pipeline-world.ts';
import { loadTokenizer, PriceBook } from './pricing/index.ts';
import { type Upstream, type UpstreamSettings, Upstreams, type Vendor, vendorOf, vendors } from './providers/index.ts';
import { createRecorder, type Recorder } from './run/index.ts';
import { openDataDir, openStore, requireDriver, type StoreLocation, type TemplateStore } from './store/index.ts';
import { storeLocation } from './store-location.ts';
import { embeddingStudents, liveModels, upstreamSettings } from './upstream-settings.ts';

/** Where and for whom a gateway serves. */
export interface GatewayAppOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly dataDir: string;
  /** Where vendors' customary keys are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the package, for traces and the admin API. */
  readonly version: string;
  /** Where the log goes, as a file descriptor or a path; standard error unless told otherwise. */
  readonly logTo?: number | string;
}

/** A gateway at work, with its record. */
export interface GatewayApp {
  readonly url: string;
  /** Reads the lock file again, as SIGHUP asks for. */
  reload(): Promise<void>;
  /** Lets requests under way end, then sees that every row is in the store. */
  close(): Promise<void>;
}

/**
 * Opens the gateway of a config. Throws USAGE where it would serve other machines without asking for a key, CONFIG_INVALID for
 * upstreams that may not be called, and DATA_DIR_LOCKED when another process owns the data directory.
 */
export async function openGatewayApp(config: Config, options: GatewayAppOptions): Promise<GatewayApp> {
  const withoutKeys = guardWithoutKeys(config, options.host);
  const upstreams = new Upstreams(
    { allowPrivate: config.upstreams.allowPrivate },
    { clock: systemClock, random: Math.random, environment: options.environment },
  );
  const directory = directoryOf(config, upstreams);
  const data = await openDataDir(options.dataDir, { withoutDatabase: config.store !== null });
  const log = openLog({ ...config.observe, to: options.logTo ?? 2, random: Math.random });
  const warn = (message: string) => log.warn(message);
  let recorder: Recorder | null = null;
  let operations: Operations | null = null;
  let tasks: OpenSteps | null = null;
  let life: Life | null = null;
  try {
    const location = storeLocation(config.store, data.database);
    await requireDriver(location);
    recorder = openRecorder(config, { spool: join(data.path, 'spool'), location }, warn);
    const access = await openKeyRing({
      declared: config.keys,
      file: join(data.path, 'keys.json'),
      clock: systemClock,
      withoutKeys,
    });
    const prices = new PriceBook({ declared: config.prices, warn: ({ message }) => warn(message) });
    let active: () => number = () => 0;
    operations = await openOperations({
      version: options.version,
      config,
      clock: systemClock,
      log,
      recorder,
      keys: access,
      prices,
      directory,
      location,
      active: () => active(),
      standing: (task) => tasks?.live.standing(task) ?? null,
      droppedJobs: () => tasks?.live.dropped() ?? 0,
    });
    const opened = operations;
    const readStore = () => opened.store();
    const store = () => templateStore(location);
    const journal = openTemplateJournal(join(data.path, 'templates.jsonl'));
    tasks = await openSteps(config, upstreams, { clock: systemClock, warn, store, journal, log, recorder, prices, readStore });
    life = openLife(config, location, { clock: systemClock, warn });
    const deps = gatewayDeps(config, { directory, prices, recorder, access, operations, tasks, ownersPath: join(data.path, 'owners') });
    // Every ladder counts tokens, and loading what counts them holds up every stream: so not under way. What has no ladder rarely needs it.
    if (config.tasks.size > 0) await loadTokenizer();
    const gateway = await openGateway(deps, options.host, options.port);
    active = () => gateway.active;
    const serving = tasks;
    const release = () => data.release();
    return {
      url: gateway.url,
      reload: () => serving.reload(),
      close: () => closeAll({ gateway, recorder, upstreams, operations, tasks: serving, life, release }),
    };
  } catch (error) {
    await closeAll({ gateway: null, recorder, upstreams, operations, tasks, life, release: () => data.release() });
    log.close();
    throw error;
  }
}

interface Made {
  readonly directory: Directory;
  readonly prices: PriceBook;
  readonly recorder: Recorder;
  readonly access: Access;
  readonly operations: Operations;
  readonly tasks: OpenSteps;
  readonly ownersPath: string;
}

/** What the HTTP front is made of. */
function gatewayDeps(config: Config, { directory, prices, recorder, access, operations, tasks, ownersPath }: Made): GatewayDeps {
  const { steps } = tasks;
  return {
    clock: systemClock,
    newId: requestIds(() => systemClock.now()),
    directory,
    prices,
    recorder,
    access,
    ledger: operations.ledger,
    observer: operations.observer,
    operator: operations.operator,
    ownership: new Ownership(ownersPath),
    capture: config.capture,
    steps,
    pipelines: {
      configs: config.pipelines,
      tasks: config.tasks,
      world: async (host) => pipelineWorld({ config, clock: systemClock, newId, prices, steps, host }, await loadTokenizer()),
    },
    countTokens: loadTokenizer,
    settings: settingsOf(config),
  };
}

function openRecorder(
  config: Config,
  to: { readonly spool: string; readonly location: StoreLocation },
  warn: (message: string) => void,
): Recorder {
  return createRecorder({
    folder: to.spool,
    store: to.location,
    clock: systemClock,
    warn,
    // Rows wait in the spool at no cost, and waking for each few of them costs more than they do.
    intervalMs: 1_000,
    retention: config.retention,
  });
}

function settingsOf({ server }: Config): GatewaySettings {
  return {
    drainMs: server.drainSeconds * 1000,
    pingMs: server.pingSeconds * 1000,
    sendTimeoutMs: server.sendTimeoutSeconds * 1000,
    maxConnections: server.maxConnections,
  };
}

interface Open {
  readonly gateway: Gateway | null;
  readonly recorder: Recorder | null;
  readonly upstreams: Upstreams;
  readonly operations: Operations | null;
  readonly tasks: OpenSteps | null;
  readonly life: Life | null;
  readonly release: () => Promise<void>;
}

async function closeAll({ gateway, recorder, upstreams, operations, tasks, life, release }: Open): Promise<void> {
  tasks?.live.stop();
  await gateway?.close();
  await tasks?.live.settled();
  await life?.close();
  await upstreams.destroy();
  operations?.stop();
  await recorder?.close();
  await tasks?.close();
  await operations?.close();
  await release();
}

/** Who is let in as long as there are no keys. */
function guardWithoutKeys(config: Config, host: string): Access {
  if (config.allowUnauthenticated) return openAccess();
  if (config.keys.length > 0 || isLoopbackHost(host.includes(':') ? `[${host}]` : host)) return loopbackAccess();
  throw new SmallfirstError(
    'USAGE',
    `Listening on ${host} would let other machines in without a key: declare keys in the config, or write allowUnauthenticated: true.`,
  );
}

/** Every model of the config that is called over HTTP, and who serves what the config does not name. */
function directoryOf(config: Config, upstreams: Upstreams): Directory {
  const live = liveModels(config);
  const others = FAMILIES.flatMap((family) => {
    const settings = passthroughOf(config, family);
    return settings === null ? [] : [{ family, settings }];
  });
  upstreams.add([...[...live, ...embeddingStudents(config)].map(upstreamSettings), ...others.map(({ settings }) => settings)]);
  const models = new Map<string, ServedModel>(
    live.map(({ name, provider, model, tier, prune }) => [
      name,
      { name, provider, model, tier, upstream: upstreams.get(name), isPruned: prune !== null },
    ]),
  );
  const passthrough = new Map<Family, Leading>(
    others.map(({ family, settings }) => [family, { provider: settings.provider, upstream: upstreams.get(settings.name) }]),
  );
  const endpoints = new Map<Family, Leading | null>(
    FAMILIES.map((family) => [family, passthrough.get(family) ?? sharedUpstream(live, family, upstreams)]),
  );
  return {
    models,
    passthrough: (family) => passthrough.get(family) ?? null,
    endpoints: (family) => endpoints.get(family) ?? null,
  };
}

interface Leading {
  readonly provider: string;
  readonly upstream: Upstream;
}

const FAMILIES: readonly Family[] = ['openai', 'anthropic'];
/** Whose prices and manners hold behind a family's passthrough. */
const FAMILY_VENDOR: Readonly<Record<Family, string>> = { openai: 'openai', anthropic: 'anthropic' };

/** Without a config nothing is named, and both vendors' public URLs serve everything with the client's own credential. */
function passthroughOf(config: Config, family: Family): UpstreamSettings | null {
  const declared = config.passthrough[family];
  if (declared === null) return null;
  const { url, apiKey } = declared;
  return {
    // No model of a config can have a space in its name.
    name: `${family} passthrough`,
    provider: FAMILY_VENDOR[family],
    model: '',
    url,
    keys: apiKey === null ? [] : [{ key: apiKey, weight: 1 }],
    forwardCredential: apiKey === null,
  };
}

/** The one upstream that all models of a family share, by URL and keys; null where there are none or several. */
function sharedUpstream(models: readonly ModelConfig[], family: Family, upstreams: Upstreams): Leading | null {
  const speaking = models.filter(({ provider }) => speaksFamily(vendorOf(provider), family));
  const first = speaking[0];
  if (first === undefined) return null;
  const isShared = speaking.every(
    ({ provider, url, upstream }) =>
      provider === first.provider && url === first.url && isDeepStrictEqual(upstream.keys, first.upstream.keys),
  );
  return isShared ? { provider: first.provider, upstream: upstreams.get(first.name) } : null;
}

function speaksFamily(vendor: Vendor | null, family: Family): boolean {
  return vendor?.protocols.some((protocol) => protocol.startsWith(family)) ?? false;
}

/** What `smallfirst serve` does without a config: both vendors' public URLs, with the client's own credentials. */
export function withPublicPassthrough(config: Config): Config {
  const at = (family: Family) => ({ url: vendors[family].url, apiKey: null });
  return { ...config, passthrough: { openai: at('openai'), anthropic: at('anthropic') } };
}

/** Where new templates are kept: opened for one write and closed after it, because new templates are rare and a thread costs memory. */
async function templateStore(location: StoreLocation): Promise<{ readonly templates: Pick<TemplateStore, 'put'> }> {
  const store = await openStore(location, { thread: true, maxConnections: 1 });
  return {
    templates: {
      put: async (templates) => {
        try {
          return await store.templates.put(templates);
        } finally {
          await store.close();
        }
      },
    },
  };
}
