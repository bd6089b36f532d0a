export { ConnectionPool } from './connection-pool.ts';
export type { HttpExchange, HttpHandler, HttpSender } from './types.ts';
