import { closeSync, createReadStream, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AuditCall } from '../../audit/index.ts';

const BUFFERED = 1 << 20;

/** The file of assignments: ids are written as they come, and their tasks when all are known, so that no id is held in memory. */
export class AssignmentFile {
  readonly #path: string;
  readonly #part: string;
  #file: number | null;

  /** Throws what the file system does where the file cannot be written. */
  constructor(path: string) {
    this.#path = path;
    this.#part = `${path}.part`;
    this.#file = openSync(this.#part, 'w');
  }

  /** Takes the next calls of the log. */
  add(calls: readonly AuditCall[]): void {
    if (this.#file !== null) writeSync(this.#file, calls.map(({ callId }) => `${JSON.stringify(callId)}\n`).join(''));
  }

  /** Writes one row per call, in the order of the calls. */
  async finish(taskOf: (ordinal: number) => string | null): Promise<void> {
    this.#closePart();
    const whole = `${this.#path}.new`;
    const file = openSync(whole, 'w');
    try {
      let ordinal = 0;
      let text = '';
      for await (const callId of createInterface({ input: createReadStream(this.#part), crlfDelay: Number.POSITIVE_INFINITY })) {
        text += `{"callId":${callId},"taskId":${JSON.stringify(taskOf(ordinal))}}\n`;
        ordinal += 1;
        if (text.length >= BUFFERED) {
          writeSync(file, text);
          text = '';
        }
      }
      writeSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(whole, this.#path);
  }

  /** Removes what was only needed on the way. */
  close(): void {
    this.#closePart();
    rmSync(this.#part, { force: true });
  }

  #closePart(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
