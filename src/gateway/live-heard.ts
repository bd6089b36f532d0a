import { type Answer, AnswerCollector, type Call } from '../core/index.ts';
import { codecs, type Protocol, SseParser } from '../providers/index.ts';

/** Longer answers are no labels; they are not kept in memory. */
const MAX_HEARD = 1024 * 1024;

/** The bytes of an answer that was passed on, kept until it is known whether they are needed. */
export class HeardBytes {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length > MAX_HEARD ? 0 : this.#length;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length <= MAX_HEARD) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  /** What they say; null where they were too long to keep. A broken answer is one with stop `cut`. */
  answer(protocol: Protocol, isStream: boolean): Answer | null {
    if (this.#length > MAX_HEARD) return null;
    const bytes = Buffer.concat(this.#chunks);
    return isStream ? readStream(bytes, protocol) : readPlain(bytes, protocol);
  }
}

/** An answer that was passed on: its row, and how to read it. */
export interface Relayed {
  readonly row: Call;
  readonly isStream: boolean;
}

function readPlain(bytes: Buffer, protocol: Protocol): Answer | null {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
  const collector = new AnswerCollector();
  for (const event of codecs[protocol].readResponse(json)) collector.add(event);
  return collector.answer();
}

function readStream(bytes: Buffer, protocol: Protocol): Answer | null {
  const parser = new SseParser();
  const reader = codecs[protocol].streamReader();
  const collector = new AnswerCollector();
  try {
    for (const frames of [parser.push(bytes), parser.end()]) {
      for (const frame of frames) for (const event of reader.push(frame)) collector.add(event);
    }
  } catch {
    // A frame too long to be one.
    return null;
  }
  for (const event of reader.finish()) collector.add(event);
  return collector.answer();
}
