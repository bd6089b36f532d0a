import { NO_USAGE, type RecordedSignals, type StopReason, type TokenLogprob, type Usage, usage } from '../core/index.ts';

/** One recorded answer. A member that is absent was not recorded. */
export interface RecordedAnswer {
  readonly text: string;
  readonly stop: StopReason;
  readonly signals: RecordedSignals;
  readonly usage: Usage | null;
  readonly logprobs: readonly TokenLogprob[] | null;
}

type Fail = (what: string) => never;

const STOPS: readonly string[] = [
  'done',
  'stop-sequence',
  'length',
  'tool-call',
  'refusal',
  'content-filter',
  'cut',
] satisfies StopReason[];
const SIGNALS = ['probability', 'token', 'margin', 'stated'] as const;

/** Reads one answer of a recording: a text, or a mapping with what was recorded beside it. Unknown members are refused. */
export function readAnswer(value: unknown, fail: Fail): RecordedAnswer {
  if (typeof value === 'string') return { text: value, stop: 'done', signals: {}, usage: null, logprobs: null };
  const { text, latencyMs, signals, usage: counts, logprobs, stop, ...unknown } = mapping(value, 'it must be a text or a mapping', fail);
  const [stray] = Object.keys(unknown);
  if (stray !== undefined) return fail(`"${stray}" is not a member of an answer`);
  if (typeof text !== 'string') return fail('it needs a "text"');
  if (stop !== undefined && !(typeof stop === 'string' && STOPS.includes(stop))) return fail(`"stop" must be one of ${STOPS.join(', ')}`);
  return {
    text,
    stop: (stop as StopReason | undefined) ?? 'done',
    signals: {
      ...readSignals(signals, fail),
      ...(latencyMs === undefined ? {} : { latencyMs: atLeastZero(latencyMs, 'latencyMs', fail) }),
    },
    usage: counts === undefined ? null : readUsage(counts, fail),
    logprobs: logprobs === undefined ? null : readLogprobs(logprobs, fail),
  };
}

function readSignals(value: unknown, fail: Fail): RecordedSignals {
  if (value === undefined) return {};
  const given = mapping(value, '"signals" must be a mapping', fail);
  const signals: Partial<Record<(typeof SIGNALS)[number], number>> = {};
  for (const [name, number] of Object.entries(given)) {
    if (!isSignal(name)) return fail(`"${name}" is not a signal; known are ${SIGNALS.join(', ')}`);
    if (typeof number !== 'number' || !(number >= 0 && number <= 1)) return fail(`the signal "${name}" must be a number from 0 to 1`);
    signals[name] = number;
  }
  return signals;
}

function isSignal(name: string): name is (typeof SIGNALS)[number] {
  return (SIGNALS as readonly string[]).includes(name);
}

function readUsage(value: unknown, fail: Fail): Usage {
  const counts = mapping(value, '"usage" must be a mapping', fail);
  for (const [name, count] of Object.entries(counts)) {
    if (!Object.hasOwn(NO_USAGE, name)) return fail(`"${name}" is not a class of usage; known are ${Object.keys(NO_USAGE).join(', ')}`);
    if (!Number.isSafeInteger(atLeastZero(count, name, fail))) return fail(`"${name}" must be a whole number of tokens`);
  }
  return usage(counts as Partial<Usage>);
}

function readLogprobs(value: unknown, fail: Fail): readonly TokenLogprob[] {
  if (!Array.isArray(value)) return fail('"logprobs" must be a list');
  return value.map((item: unknown) => {
    const { top, ...chosen } = mapping(item, '"logprobs" must hold mappings', fail);
    const alternatives: unknown = top ?? [];
    if (!Array.isArray(alternatives)) return fail('"top" must be a list');
    return { ...readToken(chosen, fail), top: alternatives.map((alternative) => readToken(alternative, fail)) };
  });
}

function readToken(value: unknown, fail: Fail): { readonly token: string; readonly logprob: number } {
  const { token, logprob } = mapping(value, '"logprobs" must hold mappings', fail);
  if (typeof token !== 'string') return fail('a logprob needs its "token"');
  if (typeof logprob !== 'number' || logprob > 0) return fail('a "logprob" must be a number of at most 0');
  return { token, logprob };
}

function atLeastZero(value: unknown, name: string, fail: Fail): number {
  return typeof value === 'number' && value >= 0 ? value : fail(`"${name}" must be a number from 0`);
}

function mapping(value: unknown, why: string, fail: Fail): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : fail(why);
}
