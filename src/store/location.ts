import { openPostgresStore, openSqliteStore } from './open.ts';
import type { Store } from './types.ts';

/** Where a store is, as data: a thread can be told it. A URL may hold a password: it is never logged. */
export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema?: string; readonly maxConnections?: number };

/** How a store is opened, wherever it is. What means nothing to an engine is not looked at. */
export interface OpenStoreOptions {
  /** Opens what is there, and refuses to write. */
  readonly readOnly?: boolean;
  /** SQLite only: runs it in a worker thread, so that no statement blocks this one. PostgreSQL never blocks. */
  readonly thread?: boolean;
  /** SQLite only: how long a statement waits for a lock of another process, and pages that are kept in memory. */
  readonly busyTimeoutMs?: number;
  readonly cacheMib?: number;
  /** PostgreSQL only: connections at most, where the location does not say, and how long an answer is waited for. */
  readonly maxConnections?: number;
  readonly queryTimeoutMs?: number;
}

/** Opens a store where it is. Throws what `openSqliteStore` and `openPostgresStore` throw. */
export function openStore(location: StoreLocation, options: OpenStoreOptions = {}): Promise<Store> {
  const { readOnly, thread, busyTimeoutMs, cacheMib, queryTimeoutMs } = options;
  if (location.kind === 'sqlite') {
    return openSqliteStore(location.path, {
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(thread === undefined ? {} : { thread }),
      ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
      ...(cacheMib === undefined ? {} : { cacheMib }),
    });
  }
  const { url, schema } = location;
  const maxConnections = location.maxConnections ?? options.maxConnections;
  return openPostgresStore(url, {
    ...(schema === undefined ? {} : { schema }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(queryTimeoutMs === undefined ? {} : { queryTimeoutMs }),
  });
}

/** Throws STORE_UNAVAILABLE where a store could never be opened, because what it needs is not installed; a server that is away is no reason. */
export async function requireDriver(location: StoreLocation): Promise<void> {
  if (location.kind === 'postgres') await (await import('./postgres/pool.ts')).loadDriver();
}
