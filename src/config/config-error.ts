import { located, type Position, SmallfirstError } from '../core/index.ts';

/** One thing that is wrong with a config: a sentence, and where. */
export interface Problem {
  readonly message: string;
  readonly position: Position;
}

/**
 * Everything that is wrong with a config, in order of lines. The message holds every problem, each further one on a line of its own
 * with its place, so that `located(error)` prints them all.
 */
export class ConfigError extends SmallfirstError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly [Problem, ...Problem[]]) {
    const [first, ...rest] = [...problems].sort(
      (a, b) => (a.position.line ?? 0) - (b.position.line ?? 0) || (a.position.column ?? 0) - (b.position.column ?? 0),
    ) as [Problem, ...Problem[]];
    super('CONFIG_INVALID', [first.message, ...rest.map(line)].join('\n'), { position: first.position });
    this.name = 'ConfigError';
    this.problems = [first, ...rest];
  }
}

function line(problem: Problem): string {
  return located(new SmallfirstError('CONFIG_INVALID', problem.message, { position: problem.position }));
}
