import { randomFillSync } from 'node:crypto';

const IDS_PER_FILL = 512;
const RANDOM_BYTES = 8;
const HEX = Buffer.from('0123456789abcdef');
const DASH = 0x2d;
/** Where the dashes stand in the text of an id. */
const DASHES: readonly number[] = [8, 13, 18, 23];

/**
 * Makes ids as UUID version 7 (RFC 9562, method 1): 48 bits of time, a counter of 12 bits that begins anew in its lower half each
 * millisecond, 62 random bits. Ids of one generator sort in the order in which they were made. As `newId` of core, at a fifth of its price.
 */
export function requestIds(now: () => number): () => string {
  const random = Buffer.alloc(IDS_PER_FILL * RANDOM_BYTES);
  const text = Buffer.alloc(36);
  for (const at of DASHES) text[at] = DASH;
  let used = IDS_PER_FILL;
  let time = 0;
  let count = 0;
  const put = (at: number, byte: number): void => {
    text[at] = HEX[byte >> 4] as number;
    text[at + 1] = HEX[byte & 15] as number;
  };
  return () => {
    if (used === IDS_PER_FILL) {
      randomFillSync(random);
      used = 0;
    }
    const from = used * RANDOM_BYTES;
    used += 1;
    const at = now();
    count += 1;
    if (at > time || count > 0xfff) {
      // A clock that stands still or goes back must not bring ids out of order: time goes on from where it was.
      time = at > time ? at : time + 1;
      count = (random.readUInt16LE(from) ^ random.readUInt16LE(from + 6)) & 0x7ff;
    }
    const high = Math.floor(time / 0x1_0000_0000);
    const low = time % 0x1_0000_0000;
    put(0, high >>> 8);
    put(2, high & 0xff);
    put(4, low >>> 24);
    put(6, (low >>> 16) & 0xff);
    put(9, (low >>> 8) & 0xff);
    put(11, low & 0xff);
    put(14, 0x70 | (count >>> 8));
    put(16, count & 0xff);
    put(19, 0x80 | ((random[from] as number) & 0x3f));
    put(21, random[from + 1] as number);
    for (let i = 2; i < RANDOM_BYTES; i += 1) put(20 + 2 * i, random[from + i] as number);
    return text.toString('latin1');
  };
}
