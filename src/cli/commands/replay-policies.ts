import { existsSync } from 'node:fs';
import { type Config, type Lock, loadConfig, lockPathOf, readLock, type TaskConfig } from '../../config/index.ts';
import { type Call, type EpochMs, type NanoUsd, SmallfirstError } from '../../core/index.ts';
import type { TrafficPolicy } from '../../life/index.ts';
import { PriceBook } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';

/** What a policy file says: its config (our own for a lock file), its lock, and its prices. */
export interface PolicyFile {
  readonly config: Config;
  readonly lock: Lock;
  /** What a call would cost by its prices; null for a lock file, which has none: what was paid stands. */
  readonly price: (call: Call) => NanoUsd | null;
}

/** Reads a policy: a lock file by its ending, else a config with the lock file beside it. INPUT_NOT_FOUND where it is not there. */
export async function readPolicy(file: string, own: Config, env: Readonly<Record<string, string | undefined>>): Promise<PolicyFile> {
  if (!existsSync(file)) throw new SmallfirstError('INPUT_NOT_FOUND', 'There is no such policy file.', { position: { file } });
  if (file.endsWith('.lock')) return { config: own, lock: await readLock(file), price: () => null };
  const config = await loadConfig(file, env, { providers });
  return { config, lock: await readLock(lockPathOf(config.file)), price: priceOf(config) };
}

/** The policy of one task. */
export function policyOf({ config, lock, price }: PolicyFile, task: TaskConfig): TrafficPolicy {
  return {
    ladder: task.ladder.flatMap((name) => config.models.get(name) ?? []),
    certificate: lock.certificates.get(task.name) ?? null,
    threshold: task.threshold,
    isLive: task.mode === 'live',
    price,
  };
}

function priceOf(config: Config): (call: Call) => NanoUsd | null {
  const book = new PriceBook({ declared: config.prices, warn: () => undefined });
  return ({ model: name, usage, at }: Call & { readonly at: EpochMs }) => {
    const model = config.models.get(name);
    return model === undefined ? null : (book.price(model, usage, at)?.cost ?? null);
  };
}
