export type { Known } from './check.ts';
export { ConfigError } from './config-error.ts';
export { loadConfig } from './load.ts';
export { type Lock, type LockedCertificate, lockPathOf, NO_LOCK, readLock, withCertificate, writeLock } from './lock.ts';
export { lockJsonSchema } from './lock-schema.ts';
export { parseConfig } from './parse.ts';
export { pinsOf } from './pins.ts';
export { configJsonSchema } from './schema.ts';
export { suggestion } from './suggest.ts';
export type {
  BudgetConfig,
  CapsConfig,
  CaptureConfig,
  Config,
  KeyConfig,
  ModelConfig,
  ObserveConfig,
  TaskConfig,
} from './types.ts';
