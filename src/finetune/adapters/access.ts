import type { ApiOptions } from '../api-client.ts';

/** How an adapter reaches its provider: where, with which key, and how it waits. */
export type AdapterAccess = Pick<ApiOptions, 'baseUrl' | 'key' | 'timeoutMs' | 'retries' | 'sleep'> & {
  /** The account that jobs belong to, where a provider's paths name it. */
  readonly account: string | null;
};
