/** The same text on its own: a part of a longer one, as `slice` makes it, keeps all of that in memory. `part` is Latin-1. */
export function ownCopy(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1');
}
