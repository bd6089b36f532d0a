import { SmallfirstError } from '../core/index.ts';
import type { ClientHead } from './client.ts';
import type { Access, Caller } from './parties.ts';

/** Somebody about whom nothing is known but that they may ask for everything. */
export const ANYBODY: Caller = { key: null, keyHash: null, team: null, mayPassThrough: true, models: null, tasks: null, caps: null };

const MAX_HOSTS = 1024;

/**
 * Guards a gateway that has no keys: requests must come from this machine, by a name of this machine, from no proxy, and from no web
 * page of elsewhere. So neither a page that a browser shows (DNS rebinding, cross-site requests) nor a proxy in front opens it to others.
 */
export function loopbackAccess(): Access {
  const hosts = new Map<string, boolean>();
  const isLocal = (host: string): boolean => {
    const known = hosts.get(host);
    if (known !== undefined) return known;
    const local = isLoopbackHost(host);
    if (hosts.size < MAX_HOSTS) hosts.set(host, local);
    return local;
  };
  return {
    check: (request) => {
      if (!isLoopbackAddress(request.socket.remoteAddress)) {
        throw refused('Without client keys, only requests from this machine are answered. Declare keys in the config.');
      }
      const { headers } = request;
      const { host, origin } = headers;
      if (host === undefined || !isLocal(host)) {
        throw refused('Without client keys, requests must name this machine as localhost or a loopback address.');
      }
      if (isForwarded(request)) throw refused('Without client keys, requests that were forwarded by a proxy are not answered.');
      if (origin !== undefined && !isLocalOrigin(origin, isLocal)) {
        throw refused('Without client keys, requests of web pages of other origins are not answered.');
      }
      return ANYBODY;
    },
  };
}

/** Lets everybody in, but no web page of another origin: what `allowUnauthenticated: true` asks for. */
export function openAccess(): Access {
  return {
    check: (request) => {
      const { origin, host } = request.headers;
      if (origin !== undefined && hostOf(origin) !== host) {
        throw refused('Without client keys, requests of web pages of other origins are not answered.');
      }
      return ANYBODY;
    },
  };
}

function refused(message: string): SmallfirstError {
  return new SmallfirstError('FORBIDDEN', message);
}

/** 127.0.0.0/8 or ::1, as a socket names them. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  if (address === '127.0.0.1' || address === '::1') return true;
  return /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);
}

/** A `Host` that can only mean this machine: `localhost`, a name below it, or a loopback address, with or without a port. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase();
  if (name === 'localhost' || name === '[::1]') return true;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) || /^([a-z0-9-]+\.)+localhost$/.test(name);
}

const HOST = 'host';

/**
 * Throws REQUEST_INVALID for a request without a `Host`, and for one with two, of which a proxy before us may have believed the other:
 * node:http tells of the first alone. Our own front hands both kinds on to node:http, so the requests that it reads need no such look.
 */
export function checkHost({ rawHeaders, httpVersion }: Pick<ClientHead, 'rawHeaders' | 'httpVersion'>): void {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === HOST.length && name.toLowerCase() === HOST) hosts += 1;
  }
  if (hosts > 1) throw new SmallfirstError('REQUEST_INVALID', 'The request has more than one Host header.');
  if (hosts === 0 && httpVersion === '1.1') throw new SmallfirstError('REQUEST_INVALID', 'The request has no Host header.');
}

/** Reads the raw names, because making a table of all headers by name costs more than this whole check. */
function isForwarded(request: Pick<ClientHead, 'rawHeaders'>): boolean {
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length < 9) continue;
    const first = name.charCodeAt(0) | 0x20;
    if ((first === 0x78 || first === 0x66) && FORWARDED.test(name)) return true;
  }
  return false;
}

const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip)$/i;

function isLocalOrigin(origin: string, isLocal: (host: string) => boolean): boolean {
  const host = hostOf(origin);
  return host !== null && isLocal(host);
}

function hostOf(origin: string): string | null {
  const match = /^https?:\/\/([^/?#@\s]+)$/i.exec(origin);
  return match?.[1] ?? null;
}
