import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { SmallfirstError } from '../../core/index.ts';

const MAGIC = 'GGUF';

/** SHA-256 of a GGUF file, read once. Throws INPUT_NOT_FOUND, and INPUT_INVALID for a file that is none. */
export async function hashModelFile(path: string, what: string): Promise<string> {
  const hash = createHash('sha256');
  let isFirst = true;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      if (isFirst && chunk.subarray(0, 4).toString('latin1') !== MAGIC) throw notGguf(path, what);
      isFirst = false;
      hash.update(chunk);
    }
  } catch (error) {
    if (error instanceof SmallfirstError) throw error;
    throw new SmallfirstError('INPUT_NOT_FOUND', `The ${what} ${path} cannot be read.`, { cause: error });
  }
  if (isFirst) throw notGguf(path, what);
  return hash.digest('hex');
}

function notGguf(path: string, what: string): SmallfirstError {
  return new SmallfirstError('INPUT_INVALID', `The ${what} ${path} is no GGUF file; convert it with llama.cpp's convert_hf_to_gguf.py.`);
}
