import { type SseFrame, SseParser } from '../sse/index.ts';
import { Findings } from './tap-findings.ts';
import { type FrameReader, frameReader } from './tap-frames.ts';
import { hideInFrame } from './tap-hiding.ts';
import { NO_BYTES, type Tap, type TapOptions, type TapReport } from './tap-types.ts';

/** Listens to a stream and passes every chunk on as it came, at once. */
export class ListeningTap implements Tap {
  readonly edits = false;
  readonly #options: TapOptions;
  readonly #findings: Findings;
  readonly #read: FrameReader;
  /** Null once a frame was too long to hold: from then on bytes pass unread. */
  #parser: SseParser | null = new SseParser();

  constructor(options: TapOptions) {
    this.#options = options;
    this.#findings = new Findings(options.protocol);
    this.#read = frameReader(options.protocol);
  }

  push(chunk: Buffer): Buffer {
    if (this.#parser === null) return chunk;
    try {
      const frames = this.#parser.push(chunk);
      for (const frame of frames) this.#read(frame, this.#findings, this.#options);
    } catch {
      this.#parser = null;
    }
    return chunk;
  }

  end(): Buffer {
    for (const frame of this.#parser?.end() ?? []) this.#read(frame, this.#findings, this.#options);
    return NO_BYTES;
  }

  get ended(): boolean {
    return this.#findings.ended;
  }

  report(): TapReport {
    return this.#findings.report();
  }
}

/**
 * Listens to a stream and takes out what the client did not ask for. A frame is passed on when it is whole; frames with nothing to
 * hide keep their bytes. Throws UPSTREAM_INVALID for a frame too long to hold.
 */
export class HidingTap implements Tap {
  readonly edits = true;
  readonly #options: TapOptions;
  readonly #findings: Findings;
  readonly #read: FrameReader;
  readonly #parser = new SseParser({ keepRaw: true });
  /** Bytes that the parser holds back. */
  #held = 0;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#findings = new Findings(options.protocol);
    this.#read = frameReader(options.protocol);
  }

  push(chunk: Buffer): Buffer {
    const heldBefore = this.#held;
    const frames = this.#parser.push(chunk);
    let passed = 0;
    let changed = false;
    const pieces: Buffer[] = [];
    for (const frame of frames) {
      const raw = rawOf(frame);
      passed += raw.length;
      const piece = this.#pass(frame, raw);
      if (piece !== raw) changed = true;
      if (piece !== null && piece.length > 0) pieces.push(piece);
    }
    this.#held = heldBefore + chunk.length - passed;
    if (!changed && heldBefore === 0 && this.#held === 0) return chunk;
    if (pieces.length === 0) return NO_BYTES;
    return pieces.length === 1 ? (pieces[0] ?? NO_BYTES) : Buffer.concat(pieces);
  }

  end(): Buffer {
    const pieces: Buffer[] = [];
    for (const frame of this.#parser.end()) {
      const piece = this.#pass(frame, rawOf(frame));
      if (piece !== null) pieces.push(piece);
    }
    this.#held = 0;
    return pieces.length === 0 ? NO_BYTES : Buffer.concat(pieces);
  }

  get ended(): boolean {
    return this.#findings.ended;
  }

  report(): TapReport {
    return this.#findings.report();
  }

  #pass(frame: SseFrame, raw: Buffer): Buffer | null {
    if (frame.data === '') return raw;
    this.#read(frame, this.#findings, this.#options);
    return hideInFrame(frame, raw, this.#options);
  }
}

function rawOf(frame: SseFrame): Buffer {
  const { raw } = frame;
  if (raw === undefined) return NO_BYTES;
  return Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
}
