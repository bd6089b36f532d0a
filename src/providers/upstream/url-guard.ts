import { BlockList, isIP } from 'node:net';
import { SmallfirstError } from '../../core/index.ts';

/** Where an IP address leads: `forbidden` are link-local and metadata addresses, which answer with the machine's own credentials. */
export type AddressKind = 'public' | 'private' | 'forbidden';

const forbidden = new BlockList();
// Link-local: 169.254.169.254 is where most clouds keep the machine's credentials. Also in the forms that embed IPv4 in IPv6.
forbidden.addSubnet('169.254.0.0', 16, 'ipv4');
forbidden.addSubnet('fe80::', 10, 'ipv6');
forbidden.addSubnet('::169.254.0.0', 112, 'ipv6');
forbidden.addSubnet('64:ff9b::169.254.0.0', 112, 'ipv6');
forbidden.addSubnet('2002:a9fe::', 32, 'ipv6');
// Metadata services elsewhere: AWS over IPv6, Alibaba, Oracle, Azure's host.
forbidden.addAddress('fd00:ec2::254', 'ipv6');
forbidden.addAddress('fd20:ce::254', 'ipv6');
forbidden.addAddress('100.100.100.200', 'ipv4');
forbidden.addAddress('192.0.0.192', 'ipv4');
forbidden.addAddress('168.63.129.16', 'ipv4');
// Nobody answers a request there.
forbidden.addSubnet('224.0.0.0', 4, 'ipv4');
forbidden.addAddress('255.255.255.255', 'ipv4');
forbidden.addSubnet('ff00::', 8, 'ipv6');

const privately = new BlockList();
privately.addSubnet('0.0.0.0', 8, 'ipv4');
privately.addSubnet('10.0.0.0', 8, 'ipv4');
privately.addSubnet('100.64.0.0', 10, 'ipv4');
privately.addSubnet('127.0.0.0', 8, 'ipv4');
privately.addSubnet('172.16.0.0', 12, 'ipv4');
privately.addSubnet('192.168.0.0', 16, 'ipv4');
privately.addSubnet('198.18.0.0', 15, 'ipv4');
privately.addSubnet('::', 96, 'ipv6');
privately.addSubnet('64:ff9b::', 96, 'ipv6');
privately.addSubnet('64:ff9b:1::', 48, 'ipv6');
privately.addSubnet('2002::', 16, 'ipv6');
privately.addSubnet('fc00::', 7, 'ipv6');

/** What kind an IP address is, IPv4 mapped into IPv6 included. A text that is no IP address is forbidden. */
export function kindOfAddress(ip: string): AddressKind {
  const plain = ip.split('%')[0] ?? '';
  const version = isIP(plain);
  if (version === 0) return 'forbidden';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (forbidden.check(plain, family)) return 'forbidden';
  return privately.check(plain, family) ? 'private' : 'public';
}

const FORBIDDEN_NAMES = /^(metadata|metadata\.goog|metadata\.google\.internal|instance-data(\.ec2\.internal)?)\.?$/i;
const LOCAL_NAMES = /^(localhost|.*\.localhost|ip6-localhost)\.?$/i;

/**
 * Refuses an upstream whose host can be judged before it is resolved: an address, or a name that always means one. Names are judged
 * again by what they resolve to whenever a connection is made. Throws CONFIG_INVALID.
 */
export function checkHost(origin: string, allowPrivate: boolean): void {
  const reason = refusedUrl(origin, allowPrivate);
  if (reason !== null) throw new SmallfirstError('CONFIG_INVALID', `The upstream url names ${reason}.`);
}

/** The host of an upstream's URL and why it may not be called, as far as it can be judged before it is resolved; null when it may. */
export function refusedUrl(url: string, allowPrivate: boolean): string | null {
  const { hostname } = new URL(url);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const kind: AddressKind =
    isIP(host) > 0 ? kindOfAddress(host) : FORBIDDEN_NAMES.test(host) ? 'forbidden' : LOCAL_NAMES.test(host) ? 'private' : 'public';
  const reason = refusal(kind, allowPrivate);
  return reason === null ? null : `${host}, ${reason}`;
}

/** Why an address of a kind may not be called, null when it may. */
export function refusal(kind: AddressKind, allowPrivate: boolean): string | null {
  if (kind === 'forbidden') return 'a link-local, metadata or multicast address, which is never called';
  if (kind === 'private' && !allowPrivate) return 'a private or loopback address, which upstreams.allowPrivate: false forbids';
  return null;
}
