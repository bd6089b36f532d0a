import type { RowRecord } from './row-record.ts';
import type { FrontierAnswer } from './types.ts';

/**
 * What the frontier answered to a row, under `frontier` or `big`: the answer as it stands (a text, a number, a list, an object of fields), or
 * `{answer, quality?, costUsd?, latencyMs?}`. A row without one has none.
 */
export function readFrontier(record: RowRecord): { readonly frontier?: FrontierAnswer } {
  const name = record.fields.frontier === undefined ? 'big' : 'frontier';
  const value = record.fields[name];
  if (value === undefined) return {};
  if (!isDescribed(value)) return { frontier: { answer: value } };
  const number = (member: string, most: number): number | undefined => {
    const held = value[member];
    if (held === undefined || held === null) return undefined;
    if (typeof held === 'number' && held >= 0 && held <= most) return held;
    return record.fail(
      `"${name}.${member}" must lie in 0…${most === Number.MAX_VALUE ? 'any finite number' : most}, not ${JSON.stringify(held)}`,
    );
  };
  const [quality, costUsd, latencyMs] = [number('quality', 1), number('costUsd', 1e6), number('latencyMs', Number.MAX_VALUE)];
  return {
    frontier: {
      answer: value.answer ?? null,
      ...(quality === undefined ? {} : { quality }),
      ...(costUsd === undefined ? {} : { costUsd }),
      ...(latencyMs === undefined ? {} : { latencyMs }),
    },
  };
}

/** An object of fields may have any names: only one with `answer` or `quality` describes an answer. */
function isDescribed(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && ('answer' in value || 'quality' in value);
}
