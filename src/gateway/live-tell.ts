import type { EpochMs } from '../core/index.ts';
import type { TaskEvent, TaskEventKind } from '../store/types.ts';

/** Where events go. */
export interface TellDeps {
  readonly record: (event: TaskEvent) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly newId: () => string;
  readonly now: () => EpochMs;
}

/** What somebody should look at; the rest went as it should. */
const TROUBLE: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>([
  'alarm',
  'rollback',
  'voided',
  'provisional',
  'covariate',
  'drift',
  'shadow-budget',
]);

/** Records what happened to a task's routing and says it in the log. */
export class EventTeller {
  readonly #deps: TellDeps;
  readonly #counts = new Map<string, number>();

  constructor(deps: TellDeps) {
    this.#deps = deps;
  }

  /** Tells events that have an identity. */
  tell(events: readonly TaskEvent[]): void {
    for (const event of events) {
      this.#deps.record(event);
      const key = countKey(event.task, event.kind);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      const message = `task ${event.task}: ${event.kind}: ${event.reason}`;
      if (TROUBLE.has(event.kind)) this.#deps.warn(message);
      else this.#deps.info(message);
    }
  }

  /** Makes an event of now, and tells it. */
  happened(event: Pick<TaskEvent, 'task' | 'kind' | 'certificate' | 'reason' | 'detail'>): void {
    this.tell([{ ...event, id: this.#deps.newId(), at: this.#deps.now() }]);
  }

  /** Events of a kind that were told since the start. */
  count(task: string, kind: TaskEventKind): number {
    return this.#counts.get(countKey(task, kind)) ?? 0;
  }
}

function countKey(task: string, kind: TaskEventKind): string {
  return `${kind} ${task}`;
}
