import type { TaskConfig } from '../config/index.ts';
import type { Clock } from '../core/index.ts';
import type { Routing } from './live-types.ts';

const HOUR_MS = 3_600_000;

/** What caps need of the world. */
export interface EscalationCapsDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly warn: (message: string) => void;
}

/**
 * How often each task escalated within the last hour. An escalation pays twice, and prompts can be written to cause them: past a task's
 * cap its requests go to the ceiling at once, which costs less than asking both and is never worse. What the small model is not sure of
 * is not served either way. Counted in this process, from its start.
 */
export class EscalationCaps {
  readonly #deps: EscalationCapsDeps;
  /** By task with a cap: when its latest escalations were, as many as its cap, the oldest first. */
  readonly #times = new Map<string, number[]>();
  /** Tasks whose cap was reached and told of, until there is room again. */
  readonly #closed = new Set<string>();

  constructor(deps: EscalationCapsDeps) {
    this.#deps = deps;
  }

  /** A request of a task escalated. */
  happened({ name, escalationsPerHour }: Capped): void {
    if (escalationsPerHour === null) return;
    const times = this.#times.get(name) ?? [];
    this.#times.set(name, times);
    times.push(this.#deps.clock.now());
    if (times.length > escalationsPerHour) times.shift();
  }

  /** Whether a task has escalated as often as it may. Says so once each time that it begins. */
  isReached({ name, escalationsPerHour }: Capped): boolean {
    const times = this.#times.get(name);
    if (escalationsPerHour === null || times === undefined) return false;
    const oldest = times[0];
    const isReached = times.length >= escalationsPerHour && oldest !== undefined && this.#deps.clock.now() - oldest < HOUR_MS;
    if (!isReached) this.#closed.delete(name);
    else if (!this.#closed.has(name)) {
      this.#closed.add(name);
      const until = new Date(oldest + HOUR_MS).toISOString();
      this.#deps.warn(
        `the task ${name} escalated ${escalationsPerHour} times within an hour, as often as it may: its ceiling alone answers until ${until}`,
      );
    }
    return isReached;
  }
}

type Capped = Pick<TaskConfig, 'name' | 'escalationsPerHour'>;

/** The same task with its ceiling alone. */
export function pastEscalationCap({ policy }: Routing): Routing {
  const { step } = policy;
  return {
    policy: { step: { ...step, ladder: step.ladder.slice(-1) }, isRouted: false, certificate: null },
    reason: 'escalation-cap',
    watched: null,
  };
}
