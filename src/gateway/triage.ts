import type { ModelRequest } from '../core/index.ts';
import type { Triage } from '../triage/index.ts';
import { inputText } from './live-pair.ts';

/** A trained triage as a certificate pins it. */
export interface LoadedTriage {
  readonly triage: Triage;
  /** `sha256:` and the checksum of its file. */
  readonly version: string;
}

/** What is read of an input: more takes longer than a millisecond, and hardly ever changes what the beginning says. */
const MAX_READ = 16 * 1024;

/** The triages of tasks: which requests go past the small model, said before any call. */
export class TaskTriages {
  readonly #byTask: ReadonlyMap<string, LoadedTriage>;

  constructor(byTask: ReadonlyMap<string, LoadedTriage>) {
    this.#byTask = byTask;
  }

  /** The checksum of a task's triage; null where it has none. */
  version(task: string): string | null {
    return this.#byTask.get(task)?.version ?? null;
  }

  /** Whether the small model would probably fail where the ceiling would not. False where the task has no triage. */
  isHard(task: string, request: ModelRequest): boolean {
    const found = this.#byTask.get(task);
    return found !== undefined && found.triage.predict({ text: inputText(request).slice(0, MAX_READ), task }).tier === 'hard';
  }
}
