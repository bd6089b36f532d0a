import {
  type Call,
  type Clock,
  type Model,
  type ModelEvent,
  type ModelRequest,
  type NanoUsd,
  normaliseLabel,
  type Output,
  type RecordedSignals,
  type StopReason,
  type Usage,
  usage,
  type Validation,
} from '../../src/core/index.ts';
import type { CallContext, ModelClient } from '../../src/providers/types.ts';
import type { StepDeps } from '../../src/run/index.ts';

/** A clock that moves only when it is told to, with timers that fire on the way. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { run } of due) run();
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }
}

/** What a scripted model says, and how. */
export interface Script {
  readonly text?: string;
  readonly confidence?: number | null;
  readonly stop?: StopReason;
  readonly refusal?: string;
  readonly toolCall?: { readonly name: string; readonly arguments: string };
  /** Thrown before the first event, or after the text when `late`. */
  readonly error?: unknown;
  readonly late?: boolean;
  readonly usage?: Usage | null;
  readonly recorded?: RecordedSignals;
  /** Time until the first token. */
  readonly ms?: number;
  /** Says its text and then nothing more: `polite` ends when it is aborted, `deaf` never does. */
  readonly hang?: 'polite' | 'deaf';
  /** Called when the text is out. */
  readonly whenSaid?: () => void;
}

/** Nano-dollars that every model of the world charges for a token; `unpriced` ones charge nothing that anybody knows. */
export const NANO_USD_PER_TOKEN = 10;

const USAGE = usage({ freshInput: 100, output: 5 });

/** A world for steps: scripted models, a manual clock, and everything that was recorded. */
export interface World {
  readonly deps: StepDeps;
  readonly clock: ManualClock;
  readonly rows: Call[];
  /** What each call was asked, oldest first. */
  readonly asked: { readonly model: string; readonly request: ModelRequest; readonly context: CallContext }[];
  /** Models whose events were closed or came to their end. */
  readonly closed: string[];
}

export interface WorldOptions {
  readonly scripts: Readonly<Record<string, Script>>;
  readonly unpriced?: readonly string[];
  readonly down?: readonly string[];
  /** Estimated cost and time by model; 2,000 nano-dollars and unknown unless given. */
  readonly estimates?: Readonly<Record<string, { readonly cost: number | null; readonly ms: number | null }>>;
  /** What a tokenizer counts where the model reported no usage; nothing unless given. */
  readonly counted?: (model: string) => Usage;
}

export function world(options: WorldOptions): World {
  const clock = new ManualClock();
  const rows: Call[] = [];
  const asked: World['asked'] = [];
  const closed: string[] = [];
  let ids = 0;
  const client = (model: Model): ModelClient => ({
    call(request, context) {
      asked.push({ model: model.name, request, context });
      return scripted(model.name, options.scripts[model.name] ?? {}, { clock, closed, context });
    },
  });
  const deps: StepDeps = {
    clock,
    after: clock.after,
    newId: () => `call-${++ids}`,
    client,
    available: (model) => !options.down?.includes(model.name),
    estimate: (model) => {
      const { cost, ms } = options.estimates?.[model.name] ?? { cost: 2_000, ms: null };
      return { cost: cost as NanoUsd | null, ms };
    },
    price: (model, used) => {
      if (options.unpriced?.includes(model.name)) return { cost: null, priceId: null };
      return { cost: Math.round((used.freshInput + used.output) * NANO_USD_PER_TOKEN) as NanoUsd, priceId: `price-${model.name}` };
    },
    countUsage: (model) => options.counted?.(model.name) ?? null,
    validate,
    confidence: (model) => options.scripts[model.name]?.confidence ?? null,
    record: (row) => {
      rows.push(row);
    },
  };
  return { deps, clock, rows, asked, closed };
}

interface Stage {
  readonly clock: ManualClock;
  readonly closed: string[];
  readonly context: CallContext;
}

async function* scripted(name: string, script: Script, { clock, closed, context }: Stage): AsyncGenerator<ModelEvent> {
  try {
    clock.advance(script.ms ?? 10);
    if (script.error !== undefined && !script.late) throw script.error;
    yield { type: 'start', servedModel: `${name}-2026-07-01`, fingerprint: null, upstreamId: null, inputTokens: null };
    if (script.refusal !== undefined) yield { type: 'refusal', text: script.refusal };
    if (script.toolCall) yield { type: 'tool-call', index: 0, id: 'tool-1', ...script.toolCall };
    if (script.text !== undefined) yield { type: 'text', text: script.text };
    script.whenSaid?.();
    if (script.hang) await hanging(script.hang, context.signal);
    if (script.error !== undefined) throw script.error;
    if (script.stop === 'cut') return;
    const used = script.usage === undefined ? USAGE : script.usage;
    const end = { type: 'end', stop: script.stop ?? 'done', usage: used, usageSource: 'reported' } as const;
    yield script.recorded ? { ...end, usageSource: 'recorded', recorded: script.recorded } : end;
  } finally {
    closed.push(name);
  }
}

function hanging(how: 'polite' | 'deaf', signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    if (how === 'deaf') return;
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve());
  });
}

function validate(text: string, output: Output): Validation {
  if (output.kind !== 'label') return { valid: true, value: text, why: null };
  const label = normaliseLabel(text, output.labels);
  return { valid: label !== null, value: label, why: label === null ? 'not one of the labels' : null };
}
