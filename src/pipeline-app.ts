import { join } from 'node:path';
import type { Config } from './config/index.ts';
import type { Environment } from './config/types.ts';
import { newId, systemClock } from './core/index.ts';
import { openSteps } from './gateway-steps.ts';
import type { PipelineWorld } from './pipeline/index.ts';
import { type CallKeeper, pipelineWorld } from './pipeline-world.ts';
import { atServiceTiers, loadTokenizer, PriceBook, type ServiceTier } from './pricing/index.ts';
import type { AttemptReport } from './providers/index.ts';
import { createRecorder, type Recorder } from './run/index.ts';
import { openDataDir, openStore, requireDriver, type Store } from './store/index.ts';
import { storeLocation } from './store-location.ts';
import { openUpstreams } from './upstream-settings.ts';

/** Where pipelines run outside a gateway. */
export interface PipelineAppOptions {
  readonly dataDir: string;
  /** Where vendors' customary keys are looked up. */
  readonly environment: Environment;
  /** Keeps and paces calls; absent: they are made straight. */
  readonly calls?: CallKeeper;
  /** Where the answers of a provider's models are sold at another price than usual; absent: nowhere. */
  readonly serviceTier?: (provider: string) => ServiceTier;
  /** Money is set aside before calls are made, so that no answer may be longer than what was set aside for. Absent: false. */
  readonly isLimited?: boolean;
  /** Hears of every try of a call over HTTP, those that went on to another one too. */
  readonly onAttempt?: (report: AttemptReport) => void;
  /** Hears what does not stop a run. */
  readonly warn: (message: string) => void;
}

/** A config's pipelines at work in this process: its certificates as they stand, its models open, its calls recorded. */
export interface PipelineApp {
  readonly world: PipelineWorld;
  readonly recorder: Recorder;
  readonly prices: Pick<PriceBook, 'price'>;
  /** Sees that every row is in the store, and lets go of everything. */
  close(): Promise<void>;
}

/**
 * Opens what pipelines need. Throws DATA_DIR_LOCKED when another process owns the data directory, CONFIG_INVALID for an upstream that
 * may not be called.
 */
export async function openPipelineApp(config: Config, options: PipelineAppOptions): Promise<PipelineApp> {
  const { warn, calls } = options;
  const upstreams = openUpstreams(config, options.environment, options.onAttempt);
  const data = await openDataDir(options.dataDir, { withoutDatabase: config.store !== null });
  let recorder: Recorder | null = null;
  let reading: Promise<Store> | null = null;
  try {
    const location = storeLocation(config.store, data.database);
    await requireDriver(location);
    recorder = createRecorder({ folder: join(data.path, 'spool'), store: location, clock: systemClock, warn, retention: config.retention });
    const rows = recorder;
    const book = new PriceBook({ declared: config.prices, warn: ({ message }) => warn(message) });
    const { serviceTier } = options;
    const prices = serviceTier === undefined ? book : atServiceTiers(book, serviceTier);
    const readStore = (): Promise<Store> => {
      reading ??= openStore(location, { readOnly: true, thread: true, maxConnections: 2 });
      return reading;
    };
    const tasks = await openSteps(config, upstreams, {
      clock: systemClock,
      warn,
      log: { warn, info: () => {} },
      recorder,
      prices,
      readStore,
      // Nothing here comes without a task, so that no template is ever met.
      store: readStore,
    });
    const world = pipelineWorld(
      {
        config,
        clock: systemClock,
        newId,
        prices,
        steps: tasks.steps,
        host: {
          outputLimit: null,
          isLimited: options.isLimited ?? false,
          begin: () => ({ bodyHash: null, record: (call) => void (calls?.isRehearsing === true || rows.record([call])), ended: () => {} }),
        },
        ...(calls === undefined ? {} : { calls }),
      },
      await tokenCounter(config),
    );
    return {
      world,
      recorder,
      prices,
      close: async () => {
        tasks.live.stop();
        await tasks.live.settled();
        await upstreams.destroy();
        await rows.close();
        await tasks.close();
        await (await reading?.catch(() => null))?.close();
        await data.release();
      },
    };
  } catch (error) {
    await upstreams.destroy();
    await recorder?.close();
    await (await (reading as Promise<Store> | null)?.catch(() => null))?.close();
    await data.release();
    throw error;
  }
}

/** Counts tokens; where every model is a student in this process, no price and no limit asks for any, and 64 MB of vocabulary stay on the disk. */
async function tokenCounter({ models }: Config): Promise<(text: string) => number> {
  const isCounted = [...models.values()].some(({ provider, embeddings }) => provider !== 'student' || embeddings !== undefined);
  return isCounted ? loadTokenizer() : () => 0;
}
