export type { Known } from './check.ts';
export { ConfigError } from './config-error.ts';
export { loadConfig } from './load.ts';
export {
  formatLock,
  type Lock,
  type LockedCertificate,
  lockPathOf,
  NO_LOCK,
  parseLock,
  readLock,
  withCertificate,
  withoutCertificates,
  withPin,
  writeLock,
} from './lock.ts';
export type { Pin } from './lock-pins.ts';
export { lockJsonSchema } from './lock-schema.ts';
export { parseConfig } from './parse.ts';
export { askedAs, isAskedElse, pinsOf, unseenVersion } from './pins.ts';
export { shutdownListDates, shutdownOf } from './pins-deprecations.ts';
export { isUnpinned, modelPlaces, refuseUnpinned, unpinnedUses } from './pins-live.ts';
export { namingSource, type Pinning, pinningOf } from './pins-rules.ts';
export type { ControllerConfig, PipelineConfig, PipelineStep } from './pipeline-types.ts';
export { loadPrices } from './prices.ts';
export { configJsonSchema } from './schema.ts';
export { loadStoreConfig } from './store.ts';
export { studentVersion, unversioned } from './student-versions.ts';
export { suggestion } from './suggest.ts';
export type {
  BudgetConfig,
  CapsConfig,
  CaptureConfig,
  Config,
  KeyConfig,
  ModelConfig,
  ObserveConfig,
  StoreConfig,
  TaskConfig,
} from './types.ts';
