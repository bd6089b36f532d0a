import { usage } from '../core/index.ts';
import type { Counted } from './import-types.ts';

/** Counts as an observability tool has them: it may or may not count cached tokens inside the input. Null where it says nothing. */
export interface ToolCounts {
  readonly input: number | null;
  readonly output: number | null;
  readonly cacheRead?: number | null;
  readonly cacheWrite5m?: number | null;
  readonly cacheWrite1h?: number | null;
  readonly reasoning?: number | null;
  readonly audioInput?: number | null;
  readonly audioOutput?: number | null;
  readonly total?: number | null;
}

/** Where a tool counts what its vendor breaks down. */
export interface Counting {
  /** Cached tokens by the tool's own convention; counts that contradict it are believed. */
  readonly cache: 'inside' | 'outside';
  readonly reasoning: 'inside' | 'outside';
}

/**
 * Counts in our classes. The convention stands unless the counts contradict it: a total that only adds up the other way, or more
 * cached tokens than the input that should hold them. A contradiction is flagged. Null usage where neither input nor output is known.
 */
export function usageOfTool(counts: ToolCounts, counting: Counting): Counted {
  if (counts.input === null && counts.output === null) return { usage: null, flags: [] };
  const flags: string[] = [];
  const input = count(counts.input, 'input', flags);
  const output = count(counts.output, 'output', flags);
  const cacheRead = count(counts.cacheRead, 'cache read', flags);
  const cacheWrite5m = count(counts.cacheWrite5m, 'cache write', flags);
  const cacheWrite1h = count(counts.cacheWrite1h, 'cache write (1 h)', flags);
  const reasoning = count(counts.reasoning, 'reasoning', flags);
  const cached = cacheRead + cacheWrite5m + cacheWrite1h;
  const told = convention({ input, output, cached, reasoning, total: counts.total ?? null }, counting, flags);
  const freshInput = told.cache === 'inside' ? input - cached : input;
  const allOutput = told.reasoning === 'inside' ? output : output + reasoning;
  const parts = {
    freshInput,
    cacheRead,
    cacheWrite5m,
    cacheWrite1h,
    output: allOutput,
    reasoning: Math.min(reasoning, allOutput),
    audioInput: Math.min(count(counts.audioInput, 'audio input', flags), freshInput),
    audioOutput: Math.min(count(counts.audioOutput, 'audio output', flags), allOutput),
  };
  return { usage: usage(parts), flags };
}

interface Sums {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
  readonly total: number | null;
}

function convention(sums: Sums, counting: Counting, flags: string[]): Counting {
  const { input, output, cached, reasoning, total } = sums;
  if (cached === 0 && reasoning === 0) return counting;
  const fits = (cache: Counting['cache'], thought: Counting['reasoning']) =>
    input + output + (cache === 'outside' ? cached : 0) + (thought === 'outside' ? reasoning : 0) === total;
  let { cache, reasoning: thought } = counting;
  if (total !== null && total > 0 && !fits(cache, thought)) {
    const both = ['inside', 'outside'] as const;
    const other = both.flatMap((a) => both.map((b) => ({ cache: a, reasoning: b }))).find((way) => fits(way.cache, way.reasoning));
    // A tool that totals only what it names input and output says nothing about what lies outside.
    if (other !== undefined && !(other.cache === 'inside' && cache === 'outside')) {
      if (other.cache !== cache) flags.push('cached tokens are outside the input here, as the total shows');
      if (other.reasoning !== thought) flags.push(`reasoning tokens are ${other.reasoning} the output here, as the total shows`);
      cache = other.cache;
      thought = other.reasoning;
    }
  }
  if (cache === 'inside' && cached > input) {
    flags.push('more cached tokens than input tokens: they are taken as outside the input');
    cache = 'outside';
  }
  if (thought === 'inside' && reasoning > output) {
    flags.push('more reasoning tokens than output tokens: they are taken as outside the output');
    thought = 'outside';
  }
  return { cache, reasoning: thought };
}

function count(value: number | null | undefined, name: string, flags: string[]): number {
  if (value === null || value === undefined) return 0;
  if (value >= 0 && value < 1e12) {
    if (Number.isInteger(value)) return value;
    flags.push(`${name} tokens are no whole count; rounded up`);
    return Math.ceil(value);
  }
  flags.push(`${name} tokens are no count; taken as 0`);
  return 0;
}
