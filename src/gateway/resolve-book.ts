import type { Clock } from '../core/index.ts';
import type { StoredTemplate, TemplateStore } from '../store/types.ts';
import type { Fingerprint } from '../templates/index.ts';
import type { TemplateJournal } from './resolve-journal.ts';

/** Templates that one process keeps at most: beyond them, traffic has no template but what its users write. */
const MAX_KNOWN = 10_000;
const MAX_WAITING = 500;
/** As much of a template as people need to recognise it. */
const SHOWN = 2_000;

/** What a book needs of the world. */
export interface TemplateBookDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly store: () => Promise<{ readonly templates: Pick<TemplateStore, 'put'> }>;
  readonly warn: (message: string) => void;
  /** Keeps what waits for the store in case that this process is killed; absent: nothing does. */
  readonly journal?: TemplateJournal;
}

/**
 * Remembers which templates were met, and keeps the new ones in the store when there is time: a request only adds to a list and,
 * for a template that is new, to a journal, so that a process that is killed loses none. What could not be kept is tried again.
 */
export class TemplateBook {
  readonly #deps: TemplateBookDeps;
  readonly #known = new Set<string>();
  #waiting: StoredTemplate[] = [];
  #flushing: Promise<void> | null = null;

  constructor(deps: TemplateBookDeps) {
    this.#deps = deps;
    const left = deps.journal?.left ?? [];
    for (const template of left) this.#known.add(template.hash);
    this.#waiting.push(...left);
  }

  /** A request with this template came. */
  met({ hash, masked }: Fingerprint): void {
    if (this.#known.has(hash) || this.#known.size >= MAX_KNOWN || this.#waiting.length >= MAX_WAITING) return;
    this.#known.add(hash);
    const template = { hash, masked: masked.slice(0, SHOWN), at: this.#deps.clock.now() };
    this.#waiting.push(template);
    this.#journal((journal) => journal.add(template));
  }

  /** Keeps what is new. Never throws. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    try {
      await (await this.#deps.store()).templates.put(batch);
      this.#journal((journal) => journal.keep(this.#waiting));
    } catch (error) {
      this.#waiting = [...batch, ...this.#waiting];
      this.#deps.warn(`templates wait for the store: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A disk that is full must not keep a request from being answered. */
  #journal(write: (journal: TemplateJournal) => void): void {
    const { journal, warn } = this.#deps;
    if (journal === undefined) return;
    try {
      write(journal);
    } catch (error) {
      warn(`templates wait in memory alone: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
