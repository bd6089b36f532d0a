export { isSafePath } from './address.ts';
export * from './types.ts';
export { Upstream, type UpstreamDeps, Upstreams } from './upstreams.ts';
