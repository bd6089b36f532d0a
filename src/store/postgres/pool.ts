import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type Driver from 'pg';
import type { Pool, PoolClient } from 'pg';
import { SmallfirstError } from '../../core/index.ts';

const INT8 = 20;

/** How a pool connects. */
export interface PoolOptions {
  readonly url: string;
  readonly maxConnections: number;
  /** Schema in which unqualified names are found. */
  readonly schema: string | null;
  /** Refuses every statement that writes. */
  readonly readOnly: boolean;
  /** How long an answer is waited for; null waits for ever. */
  readonly queryTimeoutMs: number | null;
}

/** A server that does not even refuse a connection is not there. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The driver, loaded on use: its package is optional. Throws STORE_UNAVAILABLE when it is not installed. */
export async function loadDriver(): Promise<typeof Driver> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw new SmallfirstError('STORE_UNAVAILABLE', 'PostgreSQL needs the package pg, which is not installed: npm install pg', { cause });
  });
  return pg;
}

/** A pool of connections. Throws STORE_UNAVAILABLE when the driver is not installed; connections are made on use. */
export async function openPool(options: PoolOptions): Promise<PostgresPool> {
  const pg = await loadDriver();
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    application_name: 'smallfirst',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(options.queryTimeoutMs === null ? {} : { query_timeout: options.queryTimeoutMs }),
    ...sessionSettings(options),
    // Numbers where they are exact, and BigInt where a number would round: the reader then refuses it.
    types: { getTypeParser: (oid, format) => (oid === INT8 && format !== 'binary' ? int8 : pg.types.getTypeParser(oid, format as 'text')) },
  });
  // A connection that breaks while idle is replaced on the next use; without a listener it would end the process.
  pool.on('error', () => {});
  return new TranslatingPool(pool);
}

/** What a session is told when it begins: a pooler in between must pass it on. */
function sessionSettings({ schema, readOnly }: PoolOptions): { readonly options?: string } {
  const settings = [...(schema === null ? [] : [`search_path=${schema}`]), ...(readOnly ? ['default_transaction_read_only=on'] : [])];
  return settings.length === 0 ? {} : { options: settings.map((setting) => `-c ${setting}`).join(' ') };
}

function int8(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** The pool as Kysely wants it, with errors of the table. */
class TranslatingPool implements PostgresPool {
  readonly #pool: Pool;
  readonly #clients = new WeakMap<PoolClient, PostgresPoolClient>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async connect(): Promise<PostgresPoolClient> {
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storeError(error);
    }
    const known = this.#clients.get(client);
    if (known) return known;
    const translating = translatingClient(client);
    this.#clients.set(client, translating);
    return translating;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

function translatingClient(client: PoolClient): PostgresPoolClient {
  let broken: Error | undefined;
  // While a connection is lent out its errors come here: it is thrown away when it comes back.
  client.on('error', (error) => {
    broken = error;
  });
  const query = async (text: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      // Its answer may still come, and must not be taken for the next one's.
      if (isTimeout(error)) broken = error;
      throw storeError(error);
    }
  };
  return { query: query as unknown as PostgresPoolClient['query'], release: () => client.release(broken) };
}

/** Connection trouble, a server that only reads, shutdown, full disk or too many connections: SQLSTATE 25006 and classes 08, 53, 57, 58, and the operating system's own. */
const unavailable = /^(08|25006|53|57P|58)|^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_STREAM|3D000|28)/;

const lost = ['Connection terminated', 'timeout exceeded', 'Client has encountered a connection error', 'Client was closed'];

/** The driver's own words, which carry no code. */
function isLost(error: Error): boolean {
  return lost.some((words) => error.message.startsWith(words)) || isTimeout(error);
}

function isTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

function storeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (unavailable.test(code) || isLost(error)) {
    return new SmallfirstError('STORE_UNAVAILABLE', `PostgreSQL: ${error.message || code}`, { cause: error });
  }
  if (code === '22003') return new RangeError('a sum leaves the exact range', { cause: error });
  return error;
}
