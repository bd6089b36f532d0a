import { mix } from '../hashing/index.ts';

/** One hash of two, in order. */
export function combine(a: number, b: number): number {
  return mix(Math.imul(a, 0x5bd1e995) + b);
}
