import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type OnReadOpts } from 'node:net';
import { buildConnector } from 'undici';
import { kindOfAddress, refusal } from './url-guard.ts';

/** Resolves a name to all its addresses. */
export type ResolveAll = (hostname: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;

const resolveBySystem: ResolveAll = (hostname, done) => systemLookup(hostname, { all: true, verbatim: true }, done);

/** What of a connector can be chosen. */
export interface ConnectorOptions {
  readonly allowPrivate: boolean;
  readonly connectTimeoutMs: number;
  readonly resolve?: ResolveAll;
  /** How its sockets read; as streams when absent. */
  readonly onread?: OnReadOpts;
}

/**
 * A connector that looks at the addresses it is about to use, in the same step that uses them: a name cannot resolve to one address
 * for the check and to another for the connection. One forbidden address among several refuses the name.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const resolve = options.resolve ?? resolveBySystem;
  const lookup: LookupFunction = (hostname, wanted, done) => {
    resolve(hostname, (error, addresses) => {
      if (error) {
        done(error, '', 0);
        return;
      }
      const family = wanted.family === 4 || wanted.family === 'IPv4' ? 4 : wanted.family === 6 || wanted.family === 'IPv6' ? 6 : 0;
      for (const { address } of addresses) {
        const reason = refusal(kindOfAddress(address), options.allowPrivate);
        if (reason !== null) {
          done(new ForbiddenAddress(reason), '', 0);
          return;
        }
      }
      const usable = addresses.filter((address) => family === 0 || address.family === family);
      const first = usable[0];
      if (!first) done(new Error('the name has no address'), '', 0);
      else if (wanted.all === true) done(null, [...usable]);
      else done(null, first.address, first.family);
    });
  };
  const { connectTimeoutMs: timeout, onread } = options;
  // It hands what it does not know on to net.connect and tls.connect.
  const connect = buildConnector({ timeout, keepAlive: true, noDelay: true, lookup, ...(onread === undefined ? {} : { onread }) });
  return (target, done) => {
    const host = target.hostname.startsWith('[') ? target.hostname.slice(1, -1) : target.hostname;
    const reason = isIP(host) > 0 ? refusal(kindOfAddress(host), options.allowPrivate) : null;
    if (reason !== null) done(new ForbiddenAddress(reason), null);
    else connect(target, done);
  };
}

/** An address that may not be called. */
export class ForbiddenAddress extends Error {
  readonly code = 'SMALLFIRST_FORBIDDEN_ADDRESS';

  constructor(reason: string) {
    super(`the name resolves to ${reason}`);
    this.name = 'ForbiddenAddress';
  }
}
