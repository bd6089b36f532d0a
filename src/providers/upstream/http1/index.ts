export { ConnectionPool } from './connection-pool.ts';
export { readInto, sharedRead } from './shared-read.ts';
export type { HttpExchange, HttpHandler, HttpSender } from './types.ts';
