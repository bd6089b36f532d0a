/** The house: which folder of src stands on which layer. Imports go down only; folders of one layer never import each other. */
export const layers: Readonly<Record<string, number>> = {
  core: 0,
  statistics: 0,
  container: 0.5,
  pricing: 1,
  confidence: 1,
  certify: 1,
  policy: 1,
  metrics: 1,
  finops: 1,
  classifier: 1,
  tagger: 1,
  templates: 1,
  triage: 1,
  monitor: 1,
  similarity: 1,
  privacy: 1,
  pruning: 1,
  expressions: 1,
  config: 2,
  providers: 2,
  store: 2,
  run: 3,
  eval: 3,
  audit: 3,
  student: 3,
  finetune: 3,
  dataset: 3,
  judge: 3,
  life: 3,
  pipeline: 3.2,
  gateway: 4,
  cli: 4.5,
};

/** Files directly in src. The composition root sees every engine and adapter; the edges see the composition root. */
export const rootFiles: Readonly<Record<string, number>> = {
  'upstream-settings.ts': 3.4,
  'store-location.ts': 3.4,
  'triage-folder.ts': 3.4,
  'app.ts': 3.5,
  'ingest-worker.ts': 3.5,
  'life-protocol.ts': 3.4,
  'life-thread.ts': 3.5,
  'life-worker.ts': 3.5,
  'gateway-operations.ts': 4.1,
  'gateway-live.ts': 4.05,
  'pipeline-world.ts': 4.12,
  'gateway-steps.ts': 4.1,
  'gateway-app.ts': 4.2,
  'pipeline-app.ts': 4.2,
  'index.ts': 5,
};

/** Where an external package may be imported; one that is not listed may be imported anywhere but in pure layers. */
export const homes: Readonly<Record<string, readonly string[]>> = {
  libsql: ['store'],
  kysely: ['store'],
  pg: ['store'],
  zod: ['config', 'gateway', 'cli', 'audit'],
  yaml: ['config', 'cli', 'finetune'],
  commander: ['cli'],
  undici: ['providers', 'gateway', 'finetune'],
  fastify: ['gateway'],
  pino: ['gateway'],
  'prom-client': ['gateway'],
  '@pydantic/genai-prices': ['pricing'],
  'gpt-tokenizer': ['pricing'],
  '@opentelemetry/api': ['gateway'],
  '@opentelemetry/sdk-trace-base': ['gateway'],
  '@opentelemetry/resources': ['gateway'],
  '@opentelemetry/exporter-trace-otlp-http': ['gateway'],
  ajv: ['metrics', 'config'],
  uuid: ['core'],
  '@marcbachmann/cel-js': ['expressions'],
  liquidjs: ['expressions'],
};

/** What the pure layers (0 and 1) may import from outside. `node:module` loads ajv on first use, so that nothing else pays for it. */
export const pureExternals: ReadonlySet<string> = new Set([
  'node:crypto',
  'node:module',
  'uuid',
  '@pydantic/genai-prices',
  'gpt-tokenizer',
  'ajv',
  '@marcbachmann/cel-js',
  'liquidjs',
]);

/** Longest file that is still one job. */
export const maxLines = 400;
