import type { Readable } from 'node:stream';

/** A longer line is no row: it would hold up everything else, and one of them fills the memory. In bytes. */
export const MAX_LINE = 32 * 1024 * 1024;

const LF = 0x0a;

/** A piece of a file that holds whole lines; null where a line was longer than MAX_LINE and is left out. */
export type Slab = Buffer | null;

/**
 * A stream in pieces that end where a line does. Lines end at line feeds only: JSON strings may hold the other separators of Unicode as
 * they are. At most one line of MAX_LINE is kept at a time. Throws what the stream throws.
 */
export async function* slabsOf(stream: Readable): AsyncGenerator<Slab> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let isSkipping = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(LF);
    let from = 0;
    if (isSkipping && end !== -1) {
      from = chunk.indexOf(LF) + 1;
      isSkipping = false;
      yield null;
    }
    if (!isSkipping && from <= end) {
      yield rest.length === 0 ? chunk.subarray(from, end + 1) : Buffer.concat([...rest, chunk.subarray(from, end + 1)]);
      rest = [];
      restBytes = 0;
    }
    const tail = chunk.subarray(end + 1);
    if (isSkipping || tail.length === 0) continue;
    rest.push(tail);
    restBytes += tail.length;
    if (restBytes > MAX_LINE) {
      isSkipping = true;
      rest = [];
      restBytes = 0;
    }
  }
  if (isSkipping) yield null;
  else if (rest.length > 0) yield Buffer.concat(rest);
}

/** The lines of a slab as texts, without their ends. */
export function linesOf(slab: Buffer): readonly string[] {
  const lines = slab.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Lines of a slab that hold more than white space. */
export function countLines(slab: Buffer): number {
  let count = 0;
  for (let start = 0; start < slab.length; ) {
    const found = slab.indexOf(LF, start);
    const end = found === -1 ? slab.length : found;
    let at = start;
    while (at < end && isBlank(slab[at] as number)) at += 1;
    if (at < end) count += 1;
    start = end + 1;
  }
  return count;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
