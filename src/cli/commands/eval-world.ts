import { resolve } from 'node:path';
import type { Config, ModelConfig } from '../../config/index.ts';
import { systemClock } from '../../core/index.ts';
import type { EvalDeps } from '../../eval/index.ts';
import { loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { ClientRegistry, loadRecording } from '../../providers/index.ts';
import { openDataDir, openSqliteStore } from '../../store/index.ts';
import { loadStudent } from '../../student/index.ts';
import type { CommandIo } from '../io.ts';

/** What an eval runs in, and how to leave it. */
export interface EvalWorld {
  readonly deps: Omit<EvalDeps, 'onProgress'>;
  close(): Promise<void>;
}

/** The real world of an eval: the data directory's store, the config's models and prices. Throws DATA_DIR_LOCKED when another owns it. */
export async function openEvalWorld(config: Config, dataDir: string, io: CommandIo): Promise<EvalWorld> {
  const directory = await openDataDir(resolve(io.cwd, dataDir));
  const store = await openSqliteStore(directory.database, { thread: true }).catch(async (error: unknown) => {
    await directory.release();
    throw error;
  });
  const registry = new ClientRegistry({ loadRecording, loadStudent });
  // The report says loudly what is unpriced; a second warning here would only repeat it.
  const prices = new PriceBook({ declared: config.prices, warn: () => {} });
  return {
    deps: {
      store: store.evals,
      client: (model: ModelConfig) => registry.client(model),
      price: ({ provider, model }, usage, at) => prices.price({ provider, model }, usage, at)?.cost ?? null,
      loadTokenizer,
      clock: systemClock,
      signal: io.signal,
    },
    close: async () => {
      await store.close();
      await directory.release();
    },
  };
}
