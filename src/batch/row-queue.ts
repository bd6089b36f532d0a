import { readRows } from './read-rows.ts';
import type { InputRow } from './types.ts';

/** Hands the rows of an input to whoever works on them, a block being read at a time. */
export class RowQueue {
  readonly #blocks: AsyncGenerator<readonly InputRow[]>;
  #block: readonly InputRow[] = [];
  #at = 0;
  #isEnded = false;
  #filling: Promise<void> | null = null;

  constructor(path: string) {
    this.#blocks = readRows(path);
  }

  /** The next row, null at the end; a promise only where the next block must be read first. Rejects with what reading throws. */
  next(): InputRow | null | Promise<InputRow | null> {
    const row = this.#block[this.#at];
    if (row !== undefined) {
      this.#at += 1;
      return row;
    }
    return this.#isEnded ? null : this.#refilled();
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    this.#isEnded = true;
    this.#block = [];
    await this.#blocks.return(undefined);
  }

  async #refilled(): Promise<InputRow | null> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = null;
    });
    await this.#filling;
    return this.next();
  }

  async #fill(): Promise<void> {
    const block = await this.#blocks.next();
    if (block.done) {
      this.#isEnded = true;
      return;
    }
    this.#block = block.value;
    this.#at = 0;
  }
}
