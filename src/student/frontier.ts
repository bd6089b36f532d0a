import type { RowRecord } from './row-record.ts';
import type { FrontierAnswer } from './types.ts';

/** Under which an answer may stand in an object that says more about it; `output` and the rest are what other tools write. */
const ANSWERS = ['answer', 'output', 'fields', 'labels', 'label', 'value', 'text'] as const;
const ABOUT: ReadonlySet<string> = new Set([...ANSWERS, 'quality', 'confidence', 'costUsd', 'latencyMs', 'model', 'id']);

/**
 * What the frontier answered to a row, under `frontier` or `big`: the answer as it stands (a text, a number, a list, an object of fields), or
 * described: `{answer, quality?, costUsd?, latencyMs?}`, where the answer may also stand as in a row (`label`, `labels`, `fields`, `value`). A
 * row without one has none.
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
      answer: value[ANSWERS.find((member) => member in value) ?? 'answer'] ?? null,
      ...(quality === undefined ? {} : { quality }),
      ...(costUsd === undefined ? {} : { costUsd }),
      ...(latencyMs === undefined ? {} : { latencyMs }),
    },
  };
}

/**
 * An object of fields may have any names: one describes an answer where it says `answer`, `quality` or `fields`, or nothing but what is
 * said about answers, with a text, a number or a list in it.
 */
function isDescribed(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if ('answer' in value || 'quality' in value) return true;
  const names = Object.keys(value);
  if (names.length === 0 || !names.every((name) => ABOUT.has(name))) return false;
  const member = ANSWERS.find((name) => name in value);
  return (
    member === 'fields' || member === 'label' || member === 'labels' || member === 'output' || (member !== undefined && names.length === 1)
  );
}
