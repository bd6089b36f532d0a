export type { Known } from './check.ts';
export { ConfigError, type Problem } from './config-error.ts';
export { loadConfig } from './load.ts';
export { parseConfig } from './parse.ts';
export { configJsonSchema } from './schema.ts';
export { suggestion } from './suggest.ts';
export type {
  Config,
  Environment,
  KnownProvider,
  ModelConfig,
  Parameters,
  Prompt,
  TaskConfig,
} from './types.ts';
