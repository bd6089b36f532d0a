export { isSafePath } from './address.ts';
export type { HeaderList } from './headers.ts';
export { createHttpClient, type HttpClientOptions } from './http-client.ts';
export type { PooledKey } from './key-pool.ts';
export * from './types.ts';
export { Upstream, type UpstreamDeps, Upstreams } from './upstreams.ts';
