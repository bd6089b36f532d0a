export { isSafePath } from './address.ts';
export { readInto, sharedRead } from './http1/index.ts';
export * from './types.ts';
export { Upstream, type UpstreamDeps, Upstreams } from './upstreams.ts';
export { refusedUrl } from './url-guard.ts';
