import { createHash } from 'node:crypto';
import { v7 } from 'uuid';
import { canonicalJson, type Json } from './json.ts';

/** A new id that sorts by time of creation (UUID version 7, RFC 9562). */
export function newId(): string {
  return v7();
}

/** SHA-256 over canonical JSON, in hex: the key under which equal content is found again. */
export function contentHash(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
