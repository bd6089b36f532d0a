import type { HeaderList } from '../headers.ts';
import { NoRequest } from './errors.ts';

const METHOD = /^[A-Z]{1,20}$/;
/** RFC 9112 §3.2 takes fewer; what would end the line or the word is what matters. */
const PATH = /^[\x21-\x7e\x80-\xff]+$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

const names = new Set<string>();
const MAX_NAMES = 1024;

/** The head of a request, with its empty line. `bodyLength` is null for a request that can have no body. Throws NoRequest. */
export function writeRequestHead(method: string, path: string, host: string, headers: HeaderList, bodyLength: number | null): string {
  if (!METHOD.test(method)) throw new NoRequest('its method is none');
  if (!PATH.test(path)) throw new NoRequest('its path holds what a path cannot hold');
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!names.has(name)) checkName(name);
    if (FORBIDDEN.test(value)) throw new NoRequest(`the header ${name} holds what a header cannot hold`);
    head += `${name}: ${value}\r\n`;
  }
  return bodyLength === null ? `${head}\r\n` : `${head}content-length: ${bodyLength}\r\n\r\n`;
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new NoRequest('the name of a header is none');
  if (names.size < MAX_NAMES) names.add(name);
}
